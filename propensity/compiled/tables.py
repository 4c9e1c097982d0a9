"""Trees into tables of leaf masks."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from propensity.compiled.errors import CannotCompile
from propensity.compiled.paths import added_in_leaves
from propensity.compiled.trees import Trees
from propensity.features import Matrix, Vector

MAX_TABLE_BYTES: Final = 64 * 1024 * 1024
JOINT_ROWS: Final = 512
"""Columns with few intervals share one table of at most so many rows: one look-up and one AND less for each."""

_LARGEST_WORD: Final = 64
_WORDS: Final = ((8, "|u1"), (16, "<u2"), (32, "<u4"), (_LARGEST_WORD, "<u8"))


class Tree(NamedTuple):
    """
    One tree, each field of shape (nodes,); node 0 is the root, and children stand behind their parents.

    Attributes:
        left: Where a row goes whose value is at most the cut; below 0 in a leaf.
        right: Where others go.
        column: What is compared.
        cut: With what.
        value: What a leaf adds; of other nodes it is not looked at.
        weight: Training rows that came by.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    column: NDArray[np.int64]
    cut: Vector
    value: Vector
    weight: Vector


class _Leaves(NamedTuple):
    """Of a tree with m leaves: shape (m,) nodes, and shape (m, k) the first and the last interval of each column."""

    nodes: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def tables(trees: Sequence[Tree], width: int, start: float = 0.0, divisor: float = 1.0) -> Trees:
    """
    Return the sum of the trees as tables.

    Args:
        trees: At least one.
        width: Columns of the matrix.
        start: What the sum begins with.
        divisor: What it is divided by in the end.

    Raises:
        CannotCompile: The tables would be too large.
    """
    cuts = [_cuts(trees, column) for column in range(width)]
    leaves = [_leaves(tree, cuts) for tree in trees]
    most = max(len(one.nodes) for one in leaves)
    bits, kind = next((pair for pair in _WORDS if pair[0] >= most), _WORDS[-1])
    counts = [-(-len(one.nodes) // bits) for one in leaves]
    groups = _groups([len(one) + 1 for one in cuts])
    rows = sum(int(np.prod([len(cuts[column]) + 1 for column in group])) for group in groups)
    size = rows * sum(counts) * bits // 8
    if size > MAX_TABLE_BYTES:
        raise CannotCompile(
            f"{len(trees)} trees with {sum(map(len, cuts))} different cuts and up to {most} leaves would take tables "
            f"of {size // 2**20} MB, and {MAX_TABLE_BYTES // 2**20} are allowed"
        )
    masks = _masks(leaves, cuts, counts, bits, kind)
    values, paths = _by_leaf(trees, leaves, counts, bits, width)
    # Before the first tree there is nothing: whichever leaf it takes, and in each case in its first word.
    values[: bits + 1] += start
    order = [column for group in groups for column in group]
    return Trees(
        columns=np.array(order, np.int64),
        sizes=np.array([len(cuts[column]) for column in order], np.int64),
        cuts=np.concatenate([cuts[column] for column in order]),
        groups=np.array([len(group) for group in groups], np.int64),
        masks=np.concatenate([_joined([masks[column] for column in group]) for group in groups]),
        values=values,
        paths=(paths / divisor).astype(np.float32),
        divisor=float(divisor),
    )


def _cuts(trees: Sequence[Tree], column: int) -> Vector:
    used: Vector = np.concatenate([tree.cut[(tree.column == column) & (tree.left >= 0)] for tree in trees])
    rising: Vector = np.unique(used)
    return rising


def _leaves(tree: Tree, cuts: Sequence[Vector]) -> _Leaves:
    """Follow every path, narrowing the intervals; a leaf that none is left for cannot be reached, and has no bit."""
    inner = tree.left >= 0
    place = np.zeros(len(inner), np.int64)
    for column, rising in enumerate(cuts):
        here = inner & (tree.column == column)
        place[here] = rising.searchsorted(tree.cut[here])
    first = np.zeros((len(inner), len(cuts)), np.int64)
    last = np.broadcast_to([len(rising) for rising in cuts], first.shape).copy()
    for node in np.flatnonzero(inner).tolist():
        left, right, column = tree.left[node], tree.right[node], tree.column[node]
        first[[left, right]], last[[left, right]] = first[node], last[node]
        last[left, column] = min(last[node, column], place[node])
        first[right, column] = max(first[node, column], place[node] + 1)
    nodes = np.flatnonzero(~inner)
    return _Leaves(nodes, first[nodes], last[nodes])


def _masks(
    leaves: Sequence[_Leaves], cuts: Sequence[Vector], counts: Sequence[int], bits: int, kind: str
) -> list[NDArray[Any]]:
    """Return for each column its intervals' words: a bit changes at its leaf's first interval and after its last."""
    numbers = [np.arange(len(one.nodes)) for one in leaves]
    begins = np.cumsum([0, *counts[:-1]])
    words = np.concatenate([begin + number // bits for begin, number in zip(begins, numbers, strict=True)])
    one = np.dtype(kind).type(1)
    bit = one << np.concatenate([number % bits for number in numbers]).astype(kind)
    first, last = np.concatenate([one.first for one in leaves]), np.concatenate([one.last for one in leaves])
    reached = (first <= last).all(axis=1)
    words, bit, first, last = words[reached], bit[reached], first[reached], last[reached]
    masks = []
    for column, rising in enumerate(cuts):
        changes = np.zeros((len(rising) + 2, sum(counts)), kind)
        np.bitwise_xor.at(changes, (first[:, column], words), bit)
        np.bitwise_xor.at(changes, (last[:, column] + 1, words), bit)
        masks.append(np.bitwise_xor.accumulate(changes, axis=0)[:-1])
    return masks


def _by_leaf(
    trees: Sequence[Tree], leaves: Sequence[_Leaves], counts: Sequence[int], bits: int, width: int
) -> tuple[Vector, Matrix]:
    """Return what each leaf adds, and what each column adds on the way to it; zeros for words without a leaf."""
    values = np.zeros((sum(counts), bits + 1))
    paths = np.zeros((sum(counts), bits + 1, width))
    word = 0
    for tree, one, count in zip(trees, leaves, counts, strict=True):
        number = np.arange(len(one.nodes))
        values[word + number // bits, number % bits] = tree.value[one.nodes]
        paths[word + number // bits, number % bits] = added_in_leaves(tree, width)[one.nodes]
        word += count
    return values.ravel(), paths.reshape(-1, width)


def _groups(intervals: Sequence[int]) -> list[list[int]]:
    """Return columns by table: those with few intervals in one, as many as it takes; those without cuts in none."""
    joint: list[int] = []
    groups, size = [joint], 1
    for column in sorted(range(len(intervals)), key=lambda column: (intervals[column], column)):
        if intervals[column] == 1:
            continue
        if size * intervals[column] <= JOINT_ROWS:
            joint.append(column)
            size *= intervals[column]
        else:
            groups.append([column])
    found = [group for group in groups if group]
    return found or [[0]]


def _joined(masks: Sequence[NDArray[Any]]) -> NDArray[Any]:
    table = masks[0]
    for other in masks[1:]:
        table = (table[:, None, :] & other[None, :, :]).reshape(-1, table.shape[1])
    return table
