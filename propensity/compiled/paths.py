"""What each column adds to the value of a leaf. Reasons are made of this, and of nothing else."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from propensity.features import Matrix

if TYPE_CHECKING:
    from propensity.compiled.tables import Tree

_DIGITS = 9
"""Results are rounded to so many: they do not depend on how a machine adds, and a file is the same everywhere."""


def added_in_leaves(tree: "Tree", width: int) -> Matrix:
    """
    Return for each leaf what each column adds to what is expected of anybody, shape (nodes, k); zero at other nodes.

    A row that has reached a leaf is known to lie in the leaf's box. At every split of the tree the box says which way
    the row goes, or leaves both open; then they count by the training rows that went there. What a column adds is the
    mean, over all orders in which columns become known, of how the expected value changes when this one does (the rule
    of Lundberg and others for trees, 2018, applied to the box). For the row itself that would be a Shapley value; of
    the box it is not, since two rows of one leaf may go different ways at splits that the box leaves open. Path
    attribution (Saabas), which asks the columns in the tree's own order, names another first column for a quarter of
    the leads.

    The columns together add a leaf's value less what is expected at the root.
    """
    added = np.zeros((len(tree.left), width))
    leaves = np.flatnonzero(tree.left < 0)
    unknown, known = _shares(tree, width, leaves)
    points, weights = np.polynomial.legendre.leggauss((width + 1) // 2)  # exact up to degree k
    gained = known - unknown
    used = np.flatnonzero((unknown != 1).any(axis=(0, 1)))
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        factors = unknown + point * gained
        for column in used.tolist():
            others = factors[:, :, [other for other in used.tolist() if other != column]].prod(axis=2)
            added[leaves, column] += weight * (tree.value[leaves][:, None] * gained[:, :, column] * others).sum(axis=0)
    return added.round(_DIGITS)


def _shares(tree: "Tree", width: int, leaves: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Return which share of a row comes to each leaf by the splits of each column, the column unknown or known.

    Shapes (leaves, 1, k), and (leaves, boxes, k) where the second index is the leaf whose box is known.
    """
    lowest, highest = _boxes(tree, width)
    unknown = np.ones((len(tree.left), 1, width))
    known = np.ones((len(tree.left), len(leaves), width))
    for node in np.flatnonzero(tree.left >= 0).tolist():
        column, cut = tree.column[node], tree.cut[node]
        goes_left, goes_right = highest[leaves, column] <= cut, lowest[leaves, column] >= cut
        for child, surely, never in (
            (tree.left[node], goes_left, goes_right),
            (tree.right[node], goes_right, goes_left),
        ):
            share = tree.weight[child] / tree.weight[node]
            unknown[child], known[child] = unknown[node], known[node]
            unknown[child, :, column] *= share
            known[child, :, column] *= np.where(surely, 1.0, np.where(never, 0.0, share))
    return unknown[leaves], known[leaves]


def _boxes(tree: "Tree", width: int) -> tuple[Matrix, Matrix]:
    """Return for each node between which cuts a row must lie to come there: above the first, at most the second."""
    lowest, highest = np.full((len(tree.left), width), -np.inf), np.full((len(tree.left), width), np.inf)
    for node in np.flatnonzero(tree.left >= 0).tolist():
        column, cut = tree.column[node], tree.cut[node]
        for child in (tree.left[node], tree.right[node]):
            lowest[child], highest[child] = lowest[node], highest[node]
        highest[tree.left[node], column] = min(highest[node, column], cut)
        lowest[tree.right[node], column] = max(lowest[node, column], cut)
    return lowest, highest
