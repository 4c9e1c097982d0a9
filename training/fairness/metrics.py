"""What is counted of each group of customers, from their outcomes and from who is selected."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from fairlearn.metrics import count, selection_rate
from numpy.typing import ArrayLike, NDArray

Metric = Callable[[ArrayLike, ArrayLike], float]
"""From outcomes and predictions of one group."""


def _takers(taken: ArrayLike, _predicted: ArrayLike) -> float:
    return float(np.sum(taken))


def _taker_rate(taken: ArrayLike, _predicted: ArrayLike) -> float:
    return _share(np.asarray(taken) == 1, np.asarray(taken) >= 0)


def _conversion(taken: ArrayLike, selected: ArrayLike) -> float:
    return _share(np.asarray(taken) == 1, np.asarray(selected) == 1)


def _recall(taken: ArrayLike, selected: ArrayLike) -> float:
    return _share(np.asarray(selected) == 1, np.asarray(taken) == 1)


def _false_positive_rate(taken: ArrayLike, selected: ArrayLike) -> float:
    return _share(np.asarray(selected) == 1, np.asarray(taken) == 0)


def _share(which: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    """Return the share of some customers among others; of nobody it is not known."""
    return float(which[among].mean()) if among.any() else float("nan")


OF_DECISIONS: Final[Mapping[str, Metric]] = {
    "customers": count,
    "takers": _takers,
    "taker_rate": _taker_rate,
    "selected": selection_rate,
    "conversion": _conversion,
    "recall": _recall,
    "false_positive_rate": _false_positive_rate,
}
