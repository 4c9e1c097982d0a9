"""A fitted classifier and a matrix give one probability per row; golden rows tell whether it is the right one."""

from typing import Protocol

import numpy as np

from propensity.features import Matrix, Vector
from schemas.manifest import Manifest


class FeatureMismatch(Exception):
    """The model was fitted on another number of columns."""


class Classifier(Protocol):
    """A fitted binary classifier of scikit-learn's kind; class 1 means "took the loan"."""

    @property
    def n_features_in_(self) -> int:
        """Columns of the matrix."""

    def predict_proba(self, X: Matrix, /) -> Matrix:  # noqa: N803  scikit-learn's own name
        """Return shape (n, 2): the probability of each class."""


def score(model: Classifier, features: Matrix) -> Vector:
    """
    Return each customer's probability of taking the loan.

    Args:
        model: Fitted binary classifier; class 1 means "took the loan".
        features: Shape (n, k), finite; one row per customer, columns in the manifest's order.

    Returns:
        Shape (n,), each in [0, 1], in the order of the rows.

    Raises:
        FeatureMismatch: The model was fitted on another number of columns.
    """
    if features.shape[1] != model.n_features_in_:
        raise FeatureMismatch(f"model expects {model.n_features_in_} columns, got {features.shape[1]}")
    if len(features) == 0:
        return np.empty(0)
    return model.predict_proba(features)[:, 1].clip(0.0, 1.0)


def golden_gap(model: Classifier, manifest: Manifest) -> float:
    """Return the largest difference of the model's scores of the golden rows from those that the manifest says."""
    expected = np.array([golden.score for golden in manifest.golden])
    rows = np.array([golden.row for golden in manifest.golden], dtype=np.float64)
    found = score(model, rows.reshape(len(expected), len(manifest.features)))
    return float(np.max(np.abs(found - expected)))
