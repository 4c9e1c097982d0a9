"""B-splines of columns, each value as scipy computes it, operation by operation."""

import numpy as np

from propensity.compiled.parts import NUMBER, Indices, floats, indices, need, need_below, of, part
from propensity.features import Matrix, Vector


@part
class Splines:
    """
    Each column as b-splines over its knots.

    Attributes:
        knots: Shape (k, knots), rising.
        degree: Of the polynomials between them.
        edges: Shape (4 * k, splines): for each column values at the lowest knot, slopes there, values at the highest
            knot, slopes there; outside of the knots splines go on along these. Empty: the polynomials go on.
        kept: Which of all splines, one column's after another's, are kept.
    """

    knots: Matrix = floats(2)
    degree: float = of(NUMBER)
    edges: Matrix = floats(2)
    kept: Indices = indices()

    def apply(self, rows: Matrix) -> Matrix:
        """Evaluate all, and keep some."""
        made = [self._column(column, values) for column, values in enumerate(rows.T)]
        return np.hstack(made)[:, self.kept]

    def _column(self, column: int, values: Vector) -> Matrix:
        knots, degree = self.knots[column], int(self.degree)
        low, high = knots[degree], knots[-degree - 1]
        made = _splines(values, knots, degree)
        if len(self.edges):
            at_low, slope_low, at_high, slope_high = self.edges[4 * column : 4 * column + 4]
            below, above = values < low, values > high
            made[below] = at_low + (values[below, None] - low) * slope_low
            made[above] = at_high + (values[above, None] - high) * slope_high
        return made

    def shares(self, width: int) -> Matrix:
        """A spline belongs to its column."""
        return np.repeat(np.eye(width), self._count, axis=0)[self.kept]

    @property
    def _count(self) -> int:
        return int(self.knots.shape[1]) - int(self.degree) - 1

    def check(self, width: int) -> int:
        """As many splines as knots and degree make."""
        need(0 <= self.degree <= 9 and self.degree == int(self.degree), "has no degree from 0 to 9")
        need(len(self.knots) == width and self._count > self.degree, f"has no knots for {width} columns")
        need((np.diff(self.knots, axis=1) > 0).all(), "has knots that do not rise")
        need(len(self.edges) == 0 or self.edges.shape == (4 * width, self._count), "has edges of another shape")
        need_below(self.kept, width * self._count, "splines")
        return len(self.kept)


def _splines(values: Vector, knots: Vector, degree: int) -> Matrix:
    """
    Return all splines at all values, shape (n, splines), by de Boor's recursion.

    The operations are those of scipy's, in the same order, so that not even the last bit differs: trees may cut here.
    """
    count = len(knots) - degree - 1
    at = (knots.searchsorted(values, side="right") - 1).clip(degree, count - 1)
    here = [np.ones(len(values))]
    for order in range(1, degree + 1):
        before, here = here, [np.zeros(len(values)) for _ in range(order + 1)]
        for one in range(1, order + 1):
            upper, lower = knots[at + one], knots[at + one - order]
            weight = before[one - 1] / (upper - lower)
            here[one - 1] += weight * (upper - values)
            here[one] = weight * (values - lower)
    made = np.zeros((len(values), count))
    lines = np.arange(len(values))
    for one, value in enumerate(here):
        made[lines, at - degree + one] = value
    return made
