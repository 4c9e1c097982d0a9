"""Steps that reshape the matrix before it is scored, each as scikit-learn's own does it, operation by operation."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propensity.compiled.parts import STEPS, Indices, Step, array, floats, indices, need, need_below, of, part
from propensity.features import Matrix, Vector


@part
class Centre:
    """Each column less its centre, divided by its spread."""

    centre: Vector = floats()
    spread: Vector = floats()

    def apply(self, rows: Matrix) -> Matrix:
        """Subtract, then divide."""
        return (rows - self.centre) / self.spread

    def shares(self, width: int) -> Matrix:
        """Every column stays what it is."""
        return np.eye(width)

    def check(self, width: int) -> int:
        """One of each for each column."""
        need(len(self.centre) == len(self.spread) == width, f"is not of {width} columns")
        need((self.spread != 0).all(), "divides by zero")
        return width


@part
class Stretch:
    """Each column times a factor, plus a shift; then, if it is so set, held between two limits."""

    factor: Vector = floats()
    shift: Vector = floats()
    limits: Vector = floats()

    def apply(self, rows: Matrix) -> Matrix:
        """Multiply, then add."""
        stretched = rows * self.factor + self.shift
        return stretched.clip(*self.limits) if len(self.limits) else stretched

    def shares(self, width: int) -> Matrix:
        """Every column stays what it is."""
        return np.eye(width)

    def check(self, width: int) -> int:
        """One of each for each column."""
        need(len(self.factor) == len(self.shift) == width, f"is not of {width} columns")
        need(len(self.limits) in {0, 2}, "has not two limits")
        return width


@part
class Levels:
    """A column of 0 and 1 for each level: whether a column has it."""

    columns: Indices = indices()
    levels: Vector = floats()

    def apply(self, rows: Matrix) -> Matrix:
        """Compare."""
        made: Matrix = (rows[:, self.columns] == self.levels).astype(np.float64)
        return made

    def shares(self, width: int) -> Matrix:
        """A level belongs to its column."""
        return np.eye(width)[self.columns]

    def check(self, width: int) -> int:
        """One column for each level."""
        need_below(self.columns, width, "columns")
        need(len(self.columns) == len(self.levels), "has not one column for each level")
        return len(self.columns)


@part
class Products:
    """Products of columns. Factors have shape (degree, m); the number after the last column stands for 1."""

    factors: NDArray[np.int64] = array("<i8", ndim=2)

    def apply(self, rows: Matrix) -> Matrix:
        """Multiply."""
        extended = np.column_stack([rows, np.ones(len(rows))])
        made = extended[:, self.factors[0]]
        for factor in self.factors[1:]:
            made *= extended[:, factor]
        return made

    def shares(self, width: int) -> Matrix:
        """A product belongs to its factors, in equal parts."""
        counts = np.eye(width + 1)[self.factors].sum(axis=0)[:, :width]
        shares: Matrix = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
        return shares

    def check(self, width: int) -> int:
        """All factors are there."""
        need(self.factors.shape[0] > 0, "has no factors")
        need_below(self.factors.ravel(), width + 1, "factors")
        return int(self.factors.shape[1])


@part
class Apart:
    """Steps side by side, each on columns of its own; what they make stands in their order."""

    parts: tuple[Step, ...] = of(STEPS)
    columns: Indices = indices()
    sizes: Indices = indices()

    def apply(self, rows: Matrix) -> Matrix:
        """Apply each."""
        return np.hstack([part.apply(rows[:, columns]) for part, columns in self._each()])

    def shares(self, width: int) -> Matrix:
        """As each says."""
        return np.vstack([part.shares(len(columns)) @ np.eye(width)[columns] for part, columns in self._each()])

    def check(self, width: int) -> int:
        """Each fits its columns."""
        need(len(self.parts) == len(self.sizes) > 0, "has not one count of columns for each part")
        need((self.sizes >= 0).all() and self.sizes.sum() == len(self.columns), "counts its columns wrongly")
        need_below(self.columns, width, "columns")
        return sum(part.check(len(columns)) for part, columns in self._each())

    def _each(self) -> list[tuple[Step, Indices]]:
        bounds: list[Any] = [0, *self.sizes.cumsum().tolist()]
        return [
            (part, self.columns[begin:end]) for part, (begin, end) in zip(self.parts, pairwise(bounds), strict=True)
        ]


@part
class Chain:
    """Steps one after another; none of them leaves the rows as they are."""

    parts: tuple[Step, ...] = of(STEPS)

    def apply(self, rows: Matrix) -> Matrix:
        """Apply one after another."""
        for one in self.parts:
            rows = one.apply(rows)
        return rows

    def shares(self, width: int) -> Matrix:
        """Follow each column back to where it came from."""
        shares = np.eye(width)
        for one in self.parts:
            shares = one.shares(shares.shape[0]) @ shares
        return shares

    def check(self, width: int) -> int:
        """Each fits what comes before it."""
        for one in self.parts:
            width = one.check(width)
        return width
