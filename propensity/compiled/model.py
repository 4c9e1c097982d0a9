"""The compiled model: a classifier of scikit-learn's kind, as plain arrays."""

from typing import Final, NamedTuple

import numpy as np

from propensity.compiled.parts import Scorer
from propensity.features import Matrix

CHUNK: Final = 128
"""Rows at a time: their masks then stay in the processor's cache."""


class CompiledModel(NamedTuple):
    """
    The fitted estimator as plain arrays. Nothing in it changes, so that any number of threads may score at once.

    Attributes:
        root: What gives the probability.
        n_features_in_: Columns of the matrix.
    """

    root: Scorer
    n_features_in_: int

    def predict_proba(self, X: Matrix) -> Matrix:  # noqa: N803  scikit-learn's own name
        """Return shape (n, 2): the probability of each class, as the estimator gives it. X must be finite."""
        rows = np.asarray(X, np.float64)
        out = np.empty((len(rows), 2))
        for begin in range(0, len(rows), CHUNK):
            out[begin : begin + CHUNK, 1] = self.root.output(rows[begin : begin + CHUNK])
        np.subtract(1.0, out[:, 1], out=out[:, 0])
        return out

    def attributions(self, X: Matrix) -> Matrix:  # noqa: N803
        """
        Return what each column adds to each probability, shape (n, k), on top of what is expected of anybody.

        Of trees it is what the columns add to the leaves that the row has reached (`propensity/compiled/paths.py`). Of
        sums it is the column's own term. It is not a Shapley value.
        """
        rows = np.asarray(X, np.float64)
        out = np.empty(rows.shape)
        for begin in range(0, len(rows), CHUNK):
            out[begin : begin + CHUNK] = self.root.explain(rows[begin : begin + CHUNK]).added
        return out
