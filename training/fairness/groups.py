"""The groups of customers among whom outcomes and decisions are compared: bands of age, regions, categories."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

AGE_BORDERS: Final = (30, 40, 50, 60)
"""A customer of 30 belongs to the band from 30 on."""

OTHER_REGIONS: Final = "other ZIPs"


class Groups(NamedTuple):
    """
    Customers in groups, each in one.

    Attributes:
        names: Of the groups, in their natural order.
        of: Shape (n,): which group each customer is in, by its place among the names.
    """

    names: tuple[str, ...]
    of: NDArray[np.intp]


def age_bands(ages: ArrayLike, smallest: int = 1) -> Groups:
    """
    Group by age.

    Args:
        ages: Shape (n,), years.
        smallest: A band of fewer customers is joined to its neighbour.
    """
    years = np.asarray(ages, dtype=np.float64)
    borders = joined(years, np.array(AGE_BORDERS, dtype=np.float64), smallest)
    return Groups(_age_names(borders.tolist()), np.digitize(years, borders))


def regions(zip_codes: ArrayLike, smallest: int = 1) -> Groups:
    """
    Group by the first two digits of the five-digit ZIP code.

    Args:
        zip_codes: Shape (n,), numbers.
        smallest: If there is a smaller region, the smallest are joined until together they have as many customers.
    """
    prefixes = pd.Series(np.asarray(zip_codes, dtype=np.float64) // 1000)
    names = prefixes.map(lambda prefix: f"ZIP {prefix:02.0f}...")
    counts = names.value_counts().sort_index().sort_values(kind="stable")
    if counts.iloc[0] < smallest:
        enough = int((counts.cumsum() < smallest).sum()) + 1
        names = names.where(~names.isin(counts.index[:enough]), OTHER_REGIONS)
    return categories(names.tolist())


def categories(names: Sequence[str]) -> Groups:
    """Group by name, in alphabetical order."""
    different, of = np.unique(np.array(names), return_inverse=True)
    return Groups(tuple(str(name) for name in different), of.astype(np.intp))


def joined(values: NDArray[np.float64], borders: NDArray[np.float64], smallest: int) -> NDArray[np.float64]:
    """Leave out borders below which too few customers have come together, and those above which too few are left."""
    kept: list[float] = []
    counted = 0
    for border in borders.tolist():
        below = int((values < border).sum())
        if below - counted >= smallest and len(values) - below >= smallest:
            kept.append(border)
            counted = below
    return np.array(kept)


def _age_names(borders: Sequence[float]) -> tuple[str, ...]:
    if not borders:
        return ("all ages",)
    between = [f"{low:g} to {high - 1:g}" for low, high in pairwise(borders)]
    return (f"under {borders[0]:g}", *between, f"{borders[-1]:g} or more")
