"""How many customers of each kind took the loan: categories, bands of amounts, and pairs of fields."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from training.columns import csv_name
from training.data import Labels, labels
from training.exploration.bands import band_names, band_of, bands
from training.exploration.profile import CODES, is_amount
from training.fairness.groups import Groups, categories, regions

SMALLEST: Final = 20
"""A band of fewer customers is joined to its neighbour, and a cell of a pair is left blank: they would be anecdotes."""

_SMALLEST_REGION: Final = 100
_FLAG_NAMES: Final = ("no", "yes")


class Segment(NamedTuple):
    """Some customers, how many of them took the loan, and Wilson's 95 % interval of that share."""

    name: str
    customers: int
    takers: int
    rate: float
    low: float
    high: float


class Segmentation(NamedTuple):
    """All customers, by one field."""

    field: str
    column: str
    segments: tuple[Segment, ...]

    @property
    def spread(self) -> float:
        """By how much the share of takers differs between the segments, as far as that is beyond chance."""
        return max(0.0, max(one.low for one in self.segments) - min(one.high for one in self.segments))


class TwoWay(NamedTuple):
    """All customers, by two fields; a cell of few customers is None."""

    row_column: str
    column_column: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    cells: tuple[tuple[Segment | None, ...], ...]


def segment(name: str, outcomes: Labels) -> Segment:
    """Count some customers by their outcomes; of no customers nothing is known."""
    customers, takers = len(outcomes), int(outcomes.sum())
    if customers == 0:
        return Segment(name, 0, 0, 0.0, 0.0, 1.0)
    interval = binomtest(takers, customers).proportion_ci(0.95, method="wilson")
    return Segment(name, customers, takers, takers / customers, float(interval.low), float(interval.high))


def segmentation(rows: pd.DataFrame, field: str) -> Segmentation:
    """Count by one field: by category, by band if it is an amount, by region if it is a ZIP code."""
    outcomes, kinds = labels(rows), _kinds(rows[field], field)
    segments = [segment(name, outcomes[kinds.of == number]) for number, name in enumerate(kinds.names)]
    return Segmentation(field, csv_name(field), tuple(segments))


def two_way(rows: pd.DataFrame, row_field: str, column_field: str) -> TwoWay:
    """Count by two fields."""
    outcomes, down, across = labels(rows), _kinds(rows[row_field], row_field), _kinds(rows[column_field], column_field)
    cells = tuple(
        tuple(
            _cell(name, outcomes[(down.of == number) & (across.of == place)]) for place, name in enumerate(across.names)
        )
        for number in range(len(down.names))
    )
    return TwoWay(csv_name(row_field), csv_name(column_field), down.names, across.names, cells)


def _cell(name: str, outcomes: Labels) -> Segment | None:
    return segment(name, outcomes) if len(outcomes) >= SMALLEST else None


def _kinds(values: pd.Series, field: str) -> Groups:
    if field in CODES:
        return regions(values, _SMALLEST_REGION)
    numbers = values.to_numpy(dtype=np.float64)
    if is_amount(values, field):
        edges = bands(numbers, SMALLEST)
        return Groups(band_names(edges), band_of(numbers, edges))
    if set(numbers) == {0.0, 1.0}:
        return Groups(_FLAG_NAMES, numbers.astype(np.intp))
    return categories([f"{number:g}" for number in numbers])
