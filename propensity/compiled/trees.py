"""The sum of many trees, looked up in tables of leaf masks (QuickScorer, Lucchese et al., SIGIR 2015, by interval)."""

from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from propensity.compiled.parts import NUMBER, Explained, Indices, array, floats, indices, need, need_below, of, part
from propensity.features import Matrix, Vector

WORDS: Final = ("|u1", "<u2", "<u4", "<u8")
_MANY: Final = 8
"""From so many rows on, what the columns add is summed up column by column: three times as fast for a full chunk."""

_Column = tuple[int, Vector, int]
_Table = tuple[NDArray[Any], tuple[_Column, ...]]


@part
class Trees:
    """
    The sum of the trees' leaves, added in the order of the trees, and then divided.

    A column's cuts part its values into intervals. For each interval there is a row of words, one or more to a tree,
    with a bit for each leaf that can still be reached. A customer's words are those rows, ANDed over the columns; the
    bit that is left names the leaf. A word of a larger tree in which no bit is left adds exactly 0.0.

    Attributes:
        columns: Columns of the matrix, in the order of the tables.
        sizes: How many cuts each has.
        cuts: All of them, in that order; each column's rise.
        groups: How many columns share each table: its rows are all combinations of their intervals.
        masks: Shape (rows of all tables, words).
        values: Shape (words * (bits + 1),): what each leaf adds; after the leaves of a word, what an empty word adds.
        paths: Shape (words * (bits + 1), k), float32: what each column adds on the way to that leaf.
        divisor: The number of trees of a mean, 1 of a sum.
    """

    columns: Indices = indices()
    sizes: Indices = indices()
    cuts: Vector = floats()
    groups: Indices = indices()
    masks: NDArray[Any] = array(*WORDS, ndim=2)
    values: Vector = floats()
    paths: NDArray[np.float32] = array("<f4", ndim=2)
    divisor: float = of(NUMBER)

    @cached_property
    def _tables(self) -> tuple[_Table, ...]:
        ends = [0, *self.sizes.cumsum().tolist()]
        every = [
            (column, self.cuts[begin:end], end - begin + 1)
            for column, (begin, end) in zip(self.columns.tolist(), pairwise(ends), strict=True)
        ]
        tables, row = [], 0
        for begin, end in pairwise([0, *self.groups.cumsum().tolist()]):
            columns = tuple(every[begin:end])
            rows = int(np.prod([size for _, _, size in columns]))
            tables.append((self.masks[row : row + rows], columns))
            row += rows
        return tuple(tables)

    @cached_property
    def _first_slots(self) -> NDArray[np.int32]:
        bits = self.masks.dtype.itemsize * 8
        return np.arange(self.masks.shape[1], dtype=np.int32)[:, None] * (bits + 1)

    @cached_property
    def _paths_by_column(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.paths.T)

    def output(self, rows: Matrix) -> Vector:
        """Return the sum, divided."""
        return self._sum(self._slots(rows))

    def explain(self, rows: Matrix) -> Explained:
        """A column adds what the expected outcome changes by at its splits, on the row's own ways through the trees."""
        slots = self._slots(rows)
        return Explained(self._sum(slots), self._added(slots).astype(np.float64, order="C"))

    def _slots(self, rows: Matrix) -> Indices:
        """Return shape (words, n): where in `values` the leaf of each word stands."""
        columns = np.ascontiguousarray(rows.T)
        masks: Any = None
        for table, (first, *others) in self._tables:
            index = first[1].searchsorted(columns[first[0]])
            for column, cuts, size in others:
                index *= size
                index += cuts.searchsorted(columns[column])
            reached = table.take(index, axis=0)
            masks = reached if masks is None else np.bitwise_and(masks, reached, out=masks)
        below = masks - masks.dtype.type(1)
        np.invert(masks, out=masks)
        below &= masks  # ones below the lowest bit that is set; all ones where there is none
        # Turned while a count is one byte, and added to while a slot is four: either takes longer with eight.
        slots = np.ascontiguousarray(np.bitwise_count(below).T).astype(np.int32)
        slots += self._first_slots
        return slots.astype(np.int64)

    def _sum(self, slots: Indices) -> Vector:
        """Add from the first tree to the last: another order would change the last bits."""
        added = self.values.take(slots)
        # Several rows are added word by word. A row alone numpy would add in pairs.
        total: Vector = np.add.reduce(added, axis=0) if added.shape[1] > 1 else np.add.accumulate(added)[-1]
        return total / self.divisor

    def _added(self, slots: Indices) -> NDArray[np.float32]:
        """Return shape (n, k), added from the first word to the last either way; few rows take fewer steps in turn."""
        if slots.shape[1] < _MANY:
            added: NDArray[np.float32] = self.paths.take(slots.T, axis=0).sum(axis=1)
        else:
            added = np.add.reduce(self._paths_by_column.take(slots, axis=1), axis=1).T
        return added

    def check(self, width: int) -> None:
        """All that is looked up must be there."""
        need_below(self.columns, width, "columns")
        need(len(self.columns) == len(self.sizes) == self.groups.sum(), "has not one count of cuts for each column")
        need((self.sizes >= 0).all() and (self.groups > 0).all() and len(self.groups), "has a table without columns")
        need(self.sizes.sum() == len(self.cuts), f"has {len(self.cuts)} cuts where {self.sizes.sum()} are counted")
        need(self.divisor > 0, "is divided by what is not above zero")
        products = np.multiply.reduceat(self.sizes.astype(object) + 1, np.cumsum(self.groups) - self.groups)
        need(products.sum() == len(self.masks), f"has {len(self.masks)} rows of masks, and {products.sum()} are needed")
        need(self.masks.shape[1] > 0, "has no words")
        slots = len(self._first_slots) * (self.masks.dtype.itemsize * 8 + 1)
        need(len(self.values) == slots, f"has {len(self.values)} values for {slots} leaves and empty words")
        need(self.paths.shape == (slots, width), f"has paths of {self.paths.shape}, not {(slots, width)}")
        for _, columns in self._tables:
            for _, cuts, _ in columns:
                need((np.diff(cuts) > 0).all(), "has cuts that do not rise")
