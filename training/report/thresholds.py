"""What each threshold would bring. Pure; to be looked at on cross-validated scores, never on the test set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from propensity.features import Matrix, Vector
from training.data import Labels
from training.report.money import Terms


class AtThreshold(NamedTuple):
    """Who scores this much is contacted. Profit expected from the scores, and found from the outcomes."""

    threshold: float
    contacts: float
    precision: float
    recall: float
    f1: float
    expected: float
    found: float


def at_thresholds(labels: Labels, scores: Matrix, thresholds: Sequence[float], terms: Terms) -> list[AtThreshold]:
    """
    Return one line for each threshold; every figure is the mean over the repeats.

    Args:
        labels: Shape (n,).
        scores: Shape (repeats, n), out of fold.
        thresholds: In the order of the lines.
        terms: For the profit.
    """
    lines = []
    for threshold in thresholds:
        each = np.array([_figures(labels, one, threshold, terms) for one in scores])
        lines.append(AtThreshold(threshold, *each.mean(axis=0).tolist()))
    return lines


def _figures(labels: Labels, scores: Vector, threshold: float, terms: Terms) -> tuple[float, ...]:
    called = scores >= threshold
    contacts, found, takers = int(called.sum()), int(labels[called].sum()), int(labels.sum())
    profits = terms.profit(np.full(2, contacts), np.array([scores[called].sum(), found]))
    return contacts, found / max(1, contacts), found / takers, 2 * found / (contacts + takers), *profits.tolist()
