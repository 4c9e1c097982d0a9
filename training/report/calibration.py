"""Whether scores are probabilities: customers binned by score, and how far each bin is off. Pure."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from propensity.features import Vector
from training.data import Labels
from training.ranking import CALIBRATION_BINS


class Bin(NamedTuple):
    """Customers of similar scores: how many, their mean score, the share that took the loan, and its 95 % limits."""

    customers: int
    score: float
    share: float
    low: float
    high: float


def equal_count_bins(labels: Labels, scores: Vector, bins: int = CALIBRATION_BINS) -> list[Bin]:
    """Return bins of as many customers each, lowest scores first: those of `training.metrics.calibration_error`."""
    order = np.argsort(scores, kind="stable")
    return [_bin(labels[rows], scores[rows]) for rows in np.array_split(order, bins) if len(rows)]


def equal_width_bins(labels: Labels, scores: Vector, bins: int = CALIBRATION_BINS) -> list[Bin]:
    """Return those bins of equal width in which there are customers, lowest scores first."""
    place = np.minimum((scores * bins).astype(np.intp), bins - 1)
    return [_bin(labels[rows], scores[rows]) for rows in _rows_of(place, bins) if len(rows)]


def _rows_of(place: NDArray[np.intp], bins: int) -> list[NDArray[np.intp]]:
    return [np.flatnonzero(place == one) for one in range(bins)]


def _bin(taken: Labels, scores: Vector) -> Bin:
    limits = binomtest(int(taken.sum()), len(scores)).proportion_ci(0.95, method="wilson")
    return Bin(len(scores), float(scores.mean()), float(taken.mean()), float(limits.low), float(limits.high))
