"""The four-fifths ratio: the smallest share that a group has of something, by the largest."""

from typing import Final, NamedTuple

import numpy as np

from propensity.features import Matrix, Vector
from training.fairness.groups import Groups

FOUR_FIFTHS: Final = 0.8
"""Below that, a rule of thumb of United States law sees a sign of unequal treatment."""

BOOTSTRAPS: Final = 1000


class Ratio(NamedTuple):
    """
    The smallest share by the largest; NaN where no group has any.

    Shares vary by chance, and that alone parts the smallest from the largest. So the interval lies lower than the
    ratio itself would suggest, and whether a ratio tells of more than chance is read from `alike`.

    Attributes:
        value: The ratio.
        low: Of its 95 % interval, over customers drawn anew.
        high: The same.
        alike: If all groups had the same share, 95 of 100 draws would have a larger ratio than this.
        lowest: The group of the smallest share.
        highest: The group of the largest share.
    """

    value: float
    low: float
    high: float
    alike: float
    lowest: str
    highest: str

    @property
    def below_four_fifths(self) -> bool:
        """Whether the ratio is below four fifths."""
        return self.value < FOUR_FIFTHS

    @property
    def beyond_chance(self) -> bool:
        """Whether it is below four fifths, and groups of the same share would hardly have come so far apart."""
        return self.value < min(FOUR_FIFTHS, self.alike)


def ratio(groups: Groups, chosen: Matrix, seed: int) -> Ratio:
    """
    Compare the shares of groups.

    Args:
        groups: Of n customers; none is empty.
        chosen: Shape (repeats, n), 0 to 1: whether the customer has what is compared. The mean over the repeats counts,
            since more repeats make no more customers.
        seed: Of the draws.
    """
    names, of = groups
    sizes = np.bincount(of, minlength=len(names)).astype(np.float64)
    has = np.minimum(sizes, np.bincount(of, weights=chosen.mean(axis=0), minlength=len(names)))
    rates = has / sizes
    low, high = _percentiles(has, sizes, (2.5, 97.5), seed)
    (alike,) = _percentiles(sizes * has.sum() / sizes.sum(), sizes, (5,), seed)
    value = float(_smallest_by_largest(rates[np.newaxis])[0])
    return Ratio(value, low, high, alike, names[int(rates.argmin())], names[int(rates.argmax())])


def chosen_in_top(scores: Vector, share: float) -> Vector:
    """Return who is among the best, shape (n,), 0 to 1; at the border, customers of one score share the places left."""
    size = max(1, round(share * len(scores)))
    border = np.partition(scores, -size)[-size]
    above, at = scores > border, scores == border
    part: Vector = np.where(at, (size - above.sum()) / at.sum(), above.astype(np.float64))
    return part


def _percentiles(has: Vector, sizes: Vector, percents: tuple[float, ...], seed: int) -> list[float]:
    """Draw customers anew with replacement, which is a draw of how many of each group have it and have it not."""
    chances = np.concatenate((has, sizes - has)) / sizes.sum()
    draws = np.random.default_rng(seed).multinomial(int(sizes.sum()), chances, BOOTSTRAPS)
    with_it, without = draws[:, : len(has)], draws[:, len(has) :]
    drawn = _smallest_by_largest(with_it / np.maximum(1, with_it + without))
    known = drawn[~np.isnan(drawn)]
    found: list[float] = np.percentile(known, percents).tolist() if len(known) else [float("nan")] * len(percents)
    return found


def _smallest_by_largest(rates: Matrix) -> Vector:
    largest = rates.max(axis=1)
    ratios: Vector = np.full(len(rates), np.nan)
    np.divide(rates.min(axis=1), largest, out=ratios, where=largest > 0)
    return ratios
