"""A fitted classifier and a matrix give one probability per row."""

from typing import Protocol

import numpy as np

from propensity.features import Matrix, Vector


class FeatureMismatch(Exception):
    """The model was fitted on another number of columns."""


class Classifier(Protocol):
    """A fitted binary classifier of scikit-learn's kind; class 1 means "took the loan"."""

    n_features_in_: int

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
