"""The customers that were most wrong out of fold: in bands, so that nobody can be told from them. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from propensity.features import Vector
from training.data import Labels

EVEN: Final = 0.5
"""Whatever the threshold of the campaign: from here on a model says that someone is likelier to take it than not."""

ALIKE: Final = 5
"""A band of fewer customers is not shown."""

_SPEND_EDGES: Final = (25, 50, 75, 100, 125, 150, 175, 200)
_LEVELS: Final = ("undergraduate", "graduate", "advanced")

Flags = NDArray[np.bool_]


class Seen(NamedTuple):
    """
    One customer that was wrong.

    Attributes:
        spend: Band of the highest yearly spend, thousand USD.
        level: In words.
        family: Size of the family.
        score: Band of the score out of fold.
        alike: How many development customers are in the same bands of the first three.
        wrong_in: In how many of the strong candidates they are wrong.
    """

    spend: str
    level: str
    family: str
    score: str
    alike: int
    wrong_in: int


class Band(NamedTuple):
    """Customers of one band of spend: how many, how many took the loan, and how many were wrong in which way."""

    spend: str
    customers: int
    takers: int
    false_positives: int
    false_negatives: int


class Errors(NamedTuple):
    """
    What there is to see.

    Attributes:
        wrong: How many are wrong.
        false_positives: Likely by the model, did not take it: the most wrong first.
        false_negatives: Unlikely by the model, took it: the most wrong first.
        wrong_in_all: How many of the wrong are wrong in every strong candidate.
        strong: The strong candidates, as the caller named them.
        bands: By spend.
    """

    wrong: int
    false_positives: Sequence[Seen]
    false_negatives: Sequence[Seen]
    wrong_in_all: int
    strong: Sequence[str]
    bands: Sequence[Band]


def errors_seen(
    rows: pd.DataFrame, labels: Labels, scores: Vector, strong: Mapping[str, Vector], shown: int = 8
) -> Errors:
    """
    Look at the errors.

    Args:
        rows: The n customers.
        labels: Shape (n,).
        scores: Shape (n,): out of fold, by the model that is looked at.
        strong: By name, the same of each candidate that is about as good, the model itself among them.
        shown: How many of each kind at most.
    """
    wrong = _wrong(labels, scores)
    each_wrong = np.array([_wrong(labels, one) for one in strong.values()])
    wrong_in = each_wrong.sum(axis=0)
    banded = _banded(rows, scores).assign(wrong_in=wrong_in)
    positive = wrong & (labels == 0)
    return Errors(
        wrong=int(wrong.sum()),
        false_positives=_most_wrong(banded, positive, -scores, shown),
        false_negatives=_most_wrong(banded, wrong & ~positive, scores, shown),
        wrong_in_all=int((wrong & each_wrong.all(axis=0)).sum()),
        strong=tuple(strong),
        bands=_bands(banded["spend"], labels, positive, wrong & ~positive),
    )


def spend_bands(spend: Vector) -> list[str]:
    """Return the band of each spend, in words."""
    edges = (0, *_SPEND_EDGES)
    names = [*(f"{low} to {high}" for low, high in pairwise(edges)), f"{edges[-1]} and more"]
    return [names[place] for place in np.searchsorted(_SPEND_EDGES, spend, side="right")]


def _wrong(labels: Labels, scores: Vector) -> Flags:
    wrong: Flags = (scores >= EVEN) != (labels == 1)
    return wrong


def _banded(rows: pd.DataFrame, scores: Vector) -> pd.DataFrame:
    """Return the bands of each customer, without the customer's number."""
    banded = pd.DataFrame(
        {
            "spend": spend_bands(rows["highest_spend"].to_numpy()),
            "level": [_LEVELS[int(level) - 1] for level in rows["level"]],
            "family": [f"{value:g}" for value in rows["hidden_score"]],
            "score": [
                f"{tenth / 10:.1f} to {(tenth + 1) / 10:.1f}" for tenth in np.minimum(scores * 10, 9).astype(int)
            ],
        }
    )
    return banded.assign(alike=banded.groupby(["spend", "level", "family"])["spend"].transform("size"))


def _most_wrong(banded: pd.DataFrame, which: Flags, order: Vector, shown: int) -> list[Seen]:
    places = np.flatnonzero(which)
    worst = places[np.argsort(order[places], kind="stable")]
    visible = banded.iloc[worst]
    visible = visible[visible["alike"] >= ALIKE].head(shown)
    columns = (visible[name].tolist() for name in Seen._fields)
    return [Seen(*values) for values in zip(*columns, strict=True)]


def _bands(spend: "pd.Series[str]", labels: Labels, positive: Flags, negative: Flags) -> list[Band]:
    names = spend.to_numpy()
    each = [(name, names == name) for name in spend_bands(np.array([0.0, *_SPEND_EDGES])) if (names == name).any()]
    return [
        Band(name, int(of.sum()), int(labels[of].sum()), int(positive[of].sum()), int(negative[of].sum()))
        for name, of in each
    ]
