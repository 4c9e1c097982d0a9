"""Figures that hang on the order of the scores alone, all from one sort."""

from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from propensity.features import Vector
from training.data import Labels

CALIBRATION_BINS: Final = 10


class Ranked(NamedTuple):
    """
    Outcomes in the order of their scores, best first, and where each group of equal scores ends.

    Figures from one sort: what scikit-learn gives, to the last bits, in a twentieth of the time; the intervals need
    thousands of them.
    """

    scores: Vector
    labels: Vector
    last: NDArray[np.intp]

    @classmethod
    def of(cls, labels: Labels, scores: Vector) -> Self:
        """Sort. Of equal scores each customer counts for its part, so that the order of the rows changes nothing."""
        order = np.argsort(-scores, kind="stable")
        ranked, outcomes = scores[order], labels[order].astype(np.float64)
        last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
        sizes = np.diff(last, prepend=-1)
        means = np.add.reduceat(outcomes, last - sizes + 1) / sizes
        return cls(ranked, np.repeat(means, sizes), last)

    def roc_auc(self) -> float:
        """Return the area under the ROC curve, by trapezoids."""
        found, wrong = self._counts()
        area = np.sum(np.diff(wrong, prepend=0.0) * (found + np.append(0.0, found[:-1])) / 2)
        return float(area / (found[-1] * wrong[-1]))

    def average_precision(self) -> float:
        """Return the mean of the precision over the takers, in steps."""
        found, wrong = self._counts()
        return float(np.sum(np.diff(found, prepend=0.0) * found / (found + wrong)) / found[-1])

    def calibration_error(self) -> float:
        """See the function of this name."""
        gaps = [
            abs(float(scores.mean() - outcomes.mean())) * len(scores)
            for scores, outcomes in zip(self._bins(self.scores), self._bins(self.labels), strict=True)
            if len(scores)
        ]
        return sum(gaps) / len(self.labels)

    def conversion(self, share: float) -> float:
        """See `conversion_in_top`."""
        return float(self.labels[: size_of_top(self.labels, share)].mean())

    def _bins(self, values: Vector) -> list[Vector]:
        return np.array_split(values[::-1], CALIBRATION_BINS)

    def _counts(self) -> tuple[Vector, Vector]:
        """Return takers and others among the best, up to the end of each group of equal scores."""
        found = np.round(np.cumsum(self.labels)[self.last])  # whole again after the means
        return found, self.last + 1 - found


def size_of_top(labels: Labels | Vector, share: float) -> int:
    """Return how many customers the best share of them are: at least one."""
    return max(1, round(share * len(labels)))
