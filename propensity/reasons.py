"""
Why a lead is a lead, in up to three reasons: a code, plain words, and a direction.

What each column adds to a score says which columns matter (`CompiledModel.attributions`); what is said of them stands
in one table. No amount and no number of the customer is in the words, and age, years as a customer and place are never
spoken of, even where a model uses them.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np

from propensity.features import Matrix
from schemas.decision import Reason
from schemas.manifest import Manifest

MOST: Final = 3
FLOOR: Final = 0.05
"""The least share of all that the columns add, up or down, which is worth a reason."""

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "highest_spend": ("The highest yearly spend is below the usual", "The highest yearly spend is above the usual"),
    "monthly_average_spend": ("The monthly card spend is below the usual", "The monthly card spend is above the usual"),
    "mortgage": ("There is no mortgage, or a small one", "There is a mortgage"),
    "level": ("The level of education is below the usual", "The level of education is the usual or above"),
    "hidden_score": ("The bank's internal score is low", "The bank's internal score is high"),
    "security": ("There is no securities account", "There is a securities account"),
    "fixed_deposit_account": ("There is no fixed deposit account", "There is a fixed deposit account"),
    "internet_banking": ("Internet banking is not used", "Internet banking is used"),
    "credit_card": ("There is no credit card of the bank", "There is a credit card of the bank"),
}
"""For each field what is said where its value is low (or a flag is off), and where it is high (or on)."""

_DIRECTIONS: Final[tuple[Literal["raises", "lowers"], ...]] = ("lowers", "raises")
_SAID: Final = {
    (field, is_high, raises): Reason(
        code=f"{field}_{'high' if is_high else 'low'}", text=WORDS[field][is_high], direction=_DIRECTIONS[raises]
    )
    for field in WORDS
    for is_high in (False, True)
    for raises in (False, True)
}


class Wording:
    """Puts attributions into words, for the columns of one model."""

    def __init__(self, manifest: Manifest) -> None:
        """
        Learn from a manifest which columns there are, and above which value each counts as high.

        Args:
            manifest: With the features, and how they were distributed at training.
        """
        self._names = tuple(feature.name for feature in manifest.features)
        # A column that had one value in training has no edges, and falls to the default.
        halves = {line.name: _half(line.edges, line.shares) for line in manifest.baseline if line.edges}
        self._high_from = np.array([halves.get(name, 1.0) for name in self._names])
        self._may_be_said = np.array([name in WORDS for name in self._names])

    def reasons(self, attributions: Matrix, features: Matrix) -> list[tuple[Reason, ...]]:
        """
        Say for each row what weighs most, the heaviest first.

        Args:
            attributions: Shape (n, k): what each column adds to the score.
            features: Shape (n, k): the rows, columns in the manifest's order.

        Returns:
            Up to three reasons for each row; none where nothing that may be said weighs enough.
        """
        weights = np.abs(attributions)
        enough = (weights >= FLOOR * weights.sum(axis=1, keepdims=True)) & (weights > 0) & self._may_be_said
        order = np.argsort(-np.where(enough, weights, 0.0), axis=1, kind="stable")[:, :MOST].tolist()
        said, high, raises = enough.tolist(), (features >= self._high_from).tolist(), (attributions > 0).tolist()
        return [
            tuple(
                _SAID[self._names[column], is_high[column], is_raised[column]] for column in columns if is_said[column]
            )
            for columns, is_said, is_high, is_raised in zip(order, said, high, raises, strict=True)
        ]


def _half(edges: Sequence[float], shares: Sequence[float]) -> float:
    """Return the edge that parts the rows of training best into a lower and an upper half."""
    below = np.cumsum(shares)[:-1]
    return float(edges[int(np.argmin(np.abs(below - 0.5)))])
