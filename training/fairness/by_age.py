"""Who is among the best tenth, by age: what leaving out sensitive columns does to it."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from propensity.features import Matrix
from training.data import Labels
from training.fairness.groups import Groups, age_bands
from training.fairness.ratio import Ratio, chosen_in_top, ratio

TOP_SHARE: Final = 0.1
"""Of a campaign's usual size: the best tenth of the customers."""

_SMALLEST_BAND: Final = 100


class AgeBand(NamedTuple):
    """Customers of one band of age: how many there are, how many took the loan, and which share each model selects."""

    name: str
    customers: int
    takers: int
    selected_without: float
    selected_with: float


class ByAge(NamedTuple):
    """
    Who is among the best tenth, by age, without the three columns and with them.

    Attributes:
        bands: From young to old.
        without: Four-fifths ratio of the shares that are selected without the three.
        with_all: The same with them.
        outcomes: The same of the shares that took the loan: how alike the bands are to begin with.
    """

    bands: tuple[AgeBand, ...]
    without: Ratio
    with_all: Ratio
    outcomes: Ratio


def selection_by_age(labels: Labels, without: Matrix, with_all: Matrix, ages: ArrayLike, seed: int = 0) -> ByAge:
    """
    Compare who is among the best tenth, by age.

    Args:
        labels: Shape (n,).
        without: Shape (repeats, n): out-of-fold scores of the model without the three columns.
        with_all: The same of the model with them.
        ages: Shape (n,), years.
        seed: Of the draws for the intervals.
    """
    bands = age_bands(ages, _SMALLEST_BAND)
    chosen = [_in_top(scores) for scores in (without, with_all)]
    ratios = (ratio(bands, one, seed) for one in (*chosen, labels[None].astype(float)))
    return ByAge(_bands(bands, labels, *chosen), *ratios)


def _bands(groups: Groups, labels: Labels, without: Matrix, with_all: Matrix) -> tuple[AgeBand, ...]:
    members = [(name, groups.of == number) for number, name in enumerate(groups.names)]
    return tuple(
        AgeBand(
            name=name,
            customers=int(here.sum()),
            takers=int(labels[here].sum()),
            selected_without=float(without[:, here].mean()),
            selected_with=float(with_all[:, here].mean()),
        )
        for name, here in members
    )


def _in_top(scores: Matrix) -> Matrix:
    return np.array([chosen_in_top(one, TOP_SHARE) for one in scores])
