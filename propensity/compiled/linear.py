"""Scorers without trees: a weighted sum, Gaussian naive Bayes, and support vectors with a radial kernel."""

from functools import cached_property

import numpy as np

from propensity.compiled.parts import NUMBER, Explained, floats, need, of, part
from propensity.features import Matrix, Vector


@part
class Linear:
    """The sum of the columns, each by its weight, and a shift. The order of the sum is the same at any batch size."""

    weights: Vector = floats()
    shift: float = of(NUMBER)

    def output(self, rows: Matrix) -> Vector:
        """Return the sum."""
        total: Vector = (rows * self.weights).sum(axis=1) + self.shift
        return total

    def explain(self, rows: Matrix) -> Explained:
        """A column adds itself by its weight; behind a scaler that is the distance from its mean."""
        added = rows * self.weights
        return Explained(added.sum(axis=1) + self.shift, added)

    def check(self, width: int) -> None:
        """One weight for each column."""
        need(len(self.weights) == width, f"has {len(self.weights)} weights for {width} columns")


@part
class NaiveBayes:
    """The probability of class 1 where each column is normal within each class; row 0 is class 0, row 1 class 1."""

    means: Matrix = floats(2)
    variances: Matrix = floats(2)
    log_priors: Vector = floats()

    @cached_property
    def _constants(self) -> Vector:
        logs: Vector = -0.5 * np.array([np.log(2.0 * np.pi * row).sum() for row in self.variances])
        return logs

    def output(self, rows: Matrix) -> Vector:
        """Return the probability; the sums are taken as scikit-learn takes them."""
        joint = [
            self.log_priors[one]
            + (self._constants[one] - 0.5 * (((rows - self.means[one]) ** 2) / self.variances[one]).sum(axis=1))
            for one in (0, 1)
        ]
        highest = np.maximum(*joint)
        total = highest + np.log1p(np.exp(np.minimum(*joint) - highest))
        probability: Vector = np.exp(joint[1] - total)
        return probability

    def explain(self, rows: Matrix) -> Explained:
        """A column adds to the log-odds; all of them together are brought to the probability's scale."""
        squares = [(((rows - self.means[one]) ** 2) / self.variances[one]) for one in (0, 1)]
        odds = 0.5 * (squares[0] - squares[1] + np.log(self.variances[0] / self.variances[1]))
        probability = self.output(rows)
        prior = np.exp(self.log_priors[1])
        moved = odds.sum(axis=1)
        safe = np.where(moved == 0, 1.0, moved)
        ratio = np.where(moved == 0, probability * (1 - probability), (probability - prior) / safe)
        return Explained(probability, odds * ratio[:, None])

    def check(self, width: int) -> None:
        """Two classes, with a spread in every column."""
        need(self.means.shape == self.variances.shape == (2, width), f"is not of two classes and {width} columns")
        need(len(self.log_priors) == len(self.means), "has not one prior for each class")
        need((self.variances > 0).all(), "has a variance that is not above zero")


@part
class Kernel:
    """The decision value of support vectors: radial basis functions around each, by their weights, and a shift."""

    vectors: Matrix = floats(2)
    weights: Vector = floats()
    shift: float = of(NUMBER)
    gamma: float = of(NUMBER)

    def output(self, rows: Matrix) -> Vector:
        """Return the decision value."""
        total: Vector = self._near(rows) @ self.weights + self.shift
        return total

    def explain(self, rows: Matrix) -> Explained:
        """A column adds in the ratio of the slope along it, times its own value: a tangent, and no more."""
        near = self._near(rows) * self.weights
        slopes = -2 * self.gamma * (rows * near.sum(axis=1)[:, None] - near @ self.vectors)
        return Explained(near.sum(axis=1) + self.shift, slopes * rows)

    def _near(self, rows: Matrix) -> Matrix:
        squares = ((rows[:, None, :] - self.vectors) ** 2).sum(axis=2)
        near: Matrix = np.exp(-self.gamma * squares)
        return near

    def check(self, width: int) -> None:
        """One weight for each vector."""
        need(self.vectors.shape == (len(self.weights), width), f"is not of {len(self.weights)} vectors of {width}")
