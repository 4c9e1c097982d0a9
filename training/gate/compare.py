"""Two models on the same labelled customers: paired differences, how far scores move, leads gained and lost."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from propensity.features import Vector
from training import metrics
from training.data import Labels
from training.evaluate import Progress, silent
from training.metrics import measure
from training.pack import SCORE_EDGES

COMPARED: Final = (
    "accuracy",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "calibration_error",
    "conversion_top_5",
    "conversion_top_10",
    "conversion_top_20",
)
LOWER_IS_BETTER: Final = frozenset({"log_loss", "brier", "calibration_error"})
SHIFT_EDGES: Final = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Of the histogram of how far scores move: up to .01, from .01 to .05, ..., from .5 on."""

Chosen = NDArray[np.bool_]


class Difference(NamedTuple):
    """One figure of both models, and the difference NEW minus OLD with its paired 95 % interval."""

    name: str
    new: float
    old: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """NEW minus OLD."""
        return self.new - self.old

    @property
    def loss(self) -> float:
        """How much worse NEW is; negative: better."""
        return self.difference if self.name in LOWER_IS_BETTER else -self.difference

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves no doubt which of the two is better."""
        return self.low > 0 or self.high < 0


class Shift(NamedTuple):
    """How scores move: shares of the customers by distance (`SHIFT_EDGES`), the mean distance, and the PSI."""

    shares: tuple[float, ...]
    mean: float
    population_stability_index: float


class Leads(NamedTuple):
    """Who is a lead at each model's own threshold, and how many of them took the loan."""

    old: int
    new: int
    gained: int
    gained_takers: int
    lost: int
    lost_takers: int


def paired_differences(
    labels: Labels, new: Vector, old: Vector, seed: int, progress: Progress = silent
) -> tuple[Difference, ...]:
    """
    Return the figures `COMPARED` of both models, and their differences.

    Accuracy is taken at one half for both: it judges the model and not the threshold, of which the leads tell.

    Args:
        labels: Shape (n,).
        new: Shape (n,): scores.
        old: Shape (n,): scores.
        seed: Of the draws.
        progress: Called as the work goes on.
    """
    figures = [measure(labels, scores) for scores in (new, old)]

    def differences(rows: NDArray[np.intp]) -> list[float]:
        drawn = [measure(labels[rows], scores[rows]) for scores in (new, old)]
        return [drawn[0][name] - drawn[1][name] for name in COMPARED]

    low, high = percentiles(labels, differences, seed, progress)
    return tuple(
        Difference(name, figures[0][name], figures[1][name], float(low[index]), float(high[index]))
        for index, name in enumerate(COMPARED)
    )


def percentiles(
    labels: Labels, figures: Callable[[NDArray[np.intp]], Sequence[float]], seed: int, progress: Progress = silent
) -> tuple[Vector, Vector]:
    """
    Return the lower and upper 95 % bound of some figures, over customers drawn anew with replacement.

    Args:
        labels: Shape (n,); a draw without takers, or without others, is drawn again.
        figures: Given the n row numbers of a draw, returns k figures.
        seed: Of the draws.
        progress: Called after each.

    Returns:
        Two of shape (k,).
    """
    chance = np.random.default_rng(seed)
    found: list[Sequence[float]] = []
    while len(found) < metrics.BOOTSTRAPS:
        rows = chance.integers(0, len(labels), len(labels))
        if 0 < labels[rows].sum() < len(labels):
            found.append(figures(rows))
            progress("Drawing customers anew", len(found), metrics.BOOTSTRAPS)
    low, high = np.percentile(np.array(found), (2.5, 97.5), axis=0)
    return low, high


def shift(new: Vector, old: Vector) -> Shift:
    """Tell how far the scores of the same customers move from OLD to NEW."""
    distance = np.abs(new - old)
    counts = np.bincount(np.searchsorted(SHIFT_EDGES, distance), minlength=len(SHIFT_EDGES) + 1)
    return Shift(tuple((counts / len(new)).tolist()), float(distance.mean()), _stability(new, old))


def leads(labels: Labels, new: Chosen, old: Chosen) -> Leads:
    """Count the leads of both models; `new` and `old` say who is one, shape (n,)."""
    gained, lost = new & ~old, old & ~new
    return Leads(
        old=int(old.sum()),
        new=int(new.sum()),
        gained=int(gained.sum()),
        gained_takers=int(labels[gained].sum()),
        lost=int(lost.sum()),
        lost_takers=int(labels[lost].sum()),
    )


def _stability(new: Vector, old: Vector) -> float:
    """Return the population stability index over the manifest's bins of scores; an empty bin counts as half a row."""
    shares = [
        np.maximum(np.bincount(np.searchsorted(SCORE_EDGES, one, side="right"), minlength=len(SCORE_EDGES) + 1), 0.5)
        / len(one)
        for one in (new, old)
    ]
    return float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())
