"""How an amount is spread among those who took the loan, and among the others."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from propensity.features import Vector
from training.columns import csv_name
from training.data import Labels, labels

_BINS: Final = 24
"""At most, and as many unless the values are whole numbers."""


class Distribution(NamedTuple):
    """
    One amount, counted in bins of equal width.

    Attributes:
        field: The customer field.
        column: As the bank's file spells it.
        edges: Of the bins, one more than there are bins.
        takers: How many who took the loan lie in each bin.
        others: How many who did not.
        taker_quartiles: Lower quartile, median and upper quartile of those who took the loan.
        other_quartiles: The same of those who did not.
        superiority: In which share of the pairs of a taker and another the taker has more; ties count half.
    """

    field: str
    column: str
    edges: tuple[float, ...]
    takers: tuple[int, ...]
    others: tuple[int, ...]
    taker_quartiles: tuple[float, ...]
    other_quartiles: tuple[float, ...]
    superiority: float


def distribution(rows: pd.DataFrame, field: str) -> Distribution:
    """Count one amount of labelled rows with both outcomes."""
    values, outcomes = rows[field].to_numpy(dtype=np.float64), labels(rows)
    edges = _edges(values)
    taking, other = values[outcomes == 1], values[outcomes == 0]
    return Distribution(
        field=field,
        column=csv_name(field),
        edges=tuple(float(edge) for edge in edges),
        takers=tuple(int(count) for count in np.histogram(taking, edges)[0]),
        others=tuple(int(count) for count in np.histogram(other, edges)[0]),
        taker_quartiles=_quartiles(taking),
        other_quartiles=_quartiles(other),
        superiority=_superiority(values, outcomes),
    )


def _edges(values: Vector) -> Vector:
    """Return edges of bins that are equally wide; bins of whole numbers hold equally many, or a comb would show."""
    low, high = float(values.min()), float(values.max())
    if (values == np.round(values)).all():
        width = np.ceil((high - low + 1) / _BINS)
        return np.arange(low, high + 1 + width, width)
    return np.linspace(low, high, _BINS + 1)


def _quartiles(values: Vector) -> tuple[float, ...]:
    return tuple(float(value) for value in np.percentile(values, (25, 50, 75)))


def _superiority(values: Vector, outcomes: Labels) -> float:
    """Return the statistic of Mann and Whitney as a share."""
    takers, others = int(outcomes.sum()), int((1 - outcomes).sum())
    ranks = float(rankdata(values)[outcomes == 1].sum())
    return (ranks - takers * (takers + 1) / 2) / (takers * others)
