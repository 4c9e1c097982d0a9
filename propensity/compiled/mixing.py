"""Parts that join others: a mean, a sigmoid, steps before a scorer, and a number that is always the same."""

import math
from typing import Final

import numpy as np

from propensity.compiled.parts import NUMBER, SCORER, SCORERS, STEPS, Explained, Scorer, Step, floats, need, of, part
from propensity.features import Matrix, Vector

_LOWEST: Final = -709.0
"""Below it the sigmoid is 0 to the last bit but for subnormal numbers, and `math.exp` would soon overflow."""


@part
class Constant:
    """The same number for every row."""

    value: float = of(NUMBER)

    def output(self, rows: Matrix) -> Vector:
        """Return it n times."""
        return np.full(len(rows), self.value)

    def explain(self, rows: Matrix) -> Explained:
        """No column adds anything."""
        return Explained(self.output(rows), np.zeros(rows.shape))

    def check(self, width: int) -> None:
        """It fits any row."""


@part
class Mean:
    """The weighted mean of several, added in their order."""

    members: tuple[Scorer, ...] = of(SCORERS)
    weights: Vector = floats()

    def output(self, rows: Matrix) -> Vector:
        """Return the mean."""
        total: Vector = self.members[0].output(rows) * self.weights[0]
        for member, weight in zip(self.members[1:], self.weights[1:], strict=True):
            total += member.output(rows) * weight
        total /= self.weights.sum()
        return total

    def explain(self, rows: Matrix) -> Explained:
        """What a column adds to the mean is the mean of what it adds to the members."""
        total, added = np.zeros(len(rows)), np.zeros(rows.shape)
        for member, weight in zip(self.members, self.weights, strict=True):
            explained = member.explain(rows)
            total += explained.output * weight
            added += explained.added * weight
        return Explained(total / self.weights.sum(), added / self.weights.sum())

    def check(self, width: int) -> None:
        """One weight for each member, and not all of them zero."""
        need(len(self.members) == len(self.weights) > 0, "has not one weight for each member")
        need((self.weights >= 0).all() and self.weights.sum() > 0, "has weights that make no mean")
        for member in self.members:
            member.check(width)


@part
class Sigmoid:
    """1 / (1 + exp(-(slope * inner + shift))): from log-odds, or from another score, to a probability."""

    inner: Scorer = of(SCORER)
    slope: float = of(NUMBER)
    shift: float = of(NUMBER)

    def output(self, rows: Matrix) -> Vector:
        """Return the probability."""
        return sigmoid(self.slope * self.inner.output(rows) + self.shift)

    def explain(self, rows: Matrix) -> Explained:
        """
        Bring what the columns add to one scale with the probability.

        All that a row's columns add to the inner score moves it from where it would be without them. The probability
        moves too; each column gets its part of that in the ratio of what it adds to the inner score.
        """
        inner = self.inner.explain(rows)
        moved = inner.added.sum(axis=1)
        here = self.output_of(inner.output)
        there = self.output_of(inner.output - moved)
        small = np.abs(moved) < 1e-9  # there the curve is a straight line
        ratio = np.where(small, self.slope * here * (1 - here), (here - there) / np.where(small, 1, moved))
        return Explained(here, inner.added * ratio[:, None])

    def output_of(self, inner: Vector) -> Vector:
        """Return the probability for these inner scores."""
        return sigmoid(self.slope * inner + self.shift)

    def check(self, width: int) -> None:
        """The inner part must fit."""
        self.inner.check(width)


@part
class Steps:
    """Steps that reshape the rows, and what then scores them."""

    before: tuple[Step, ...] = of(STEPS)
    final: Scorer = of(SCORER)

    def output(self, rows: Matrix) -> Vector:
        """Reshape and score."""
        for step in self.before:
            rows = step.apply(rows)
        # A sum along rows that lie otherwise in memory would take another order.
        return self.final.output(np.ascontiguousarray(rows))

    def explain(self, rows: Matrix) -> Explained:
        """What a made column adds goes to those that it was made from, in equal shares."""
        shares = np.eye(rows.shape[1])
        for step in self.before:
            shares = step.shares(rows.shape[1]) @ shares
            rows = step.apply(rows)
        explained = self.final.explain(np.ascontiguousarray(rows))
        return Explained(explained.output, explained.added @ shares)

    def check(self, width: int) -> None:
        """Each must fit what comes before it."""
        for step in self.before:
            width = step.check(width)
        self.final.check(width)


def sigmoid(values: Vector) -> Vector:
    """
    Return 1 / (1 + exp(-x)) for each.

    By the C library's exponential, as scikit-learn's: numpy's own differs in the last bit, and GB trees would not be
    exactly equal. At batch sizes of ours it costs less than a tenth of a microsecond a row.
    """
    exp, lowest = math.exp, _LOWEST
    return np.array([1.0 / (1.0 + exp(-x)) if x > lowest else 0.0 for x in values.tolist()])
