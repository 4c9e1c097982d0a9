"""Cuts drawn by lot are moved to the middle between neighbouring values, so that few are left to tell apart."""

from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
from sklearn.pipeline import Pipeline

from propensity.features import Matrix, Vector


def snap_cuts(estimator: Any, features: Matrix) -> None:  # noqa: ANN401  any fitted estimator
    """
    Move every cut of extra trees to the middle between the two training values around it, in place.

    Extra trees draw each cut anew from an interval in which all cuts part the training rows alike. So no row whose
    values occur in training is scored otherwise, and thousands of cuts become as many as there are gaps: few enough
    for tables. Other models stay as they are, also beside extra trees in a vote.

    Args:
        estimator: A fitted classifier, or a fitted pipeline that ends in one. What a pipeline does to the columns
            first is done here too, but for samplers: the values that count are those of real rows.
        features: Shape (n, k): the rows that it was fitted on.
    """
    for forest, seen in _forests(estimator, features):
        # scikit-learn casts a row to float32 before it compares.
        values = [np.unique(column).astype(np.float64) for column in seen.astype(np.float32).T]
        for tree in forest.estimators_:
            _snap(tree.tree_, values)


def _forests(estimator: Any, features: Matrix) -> list[tuple[ExtraTreesClassifier, Matrix]]:  # noqa: ANN401
    """Return the extra trees inside, each with the rows as it sees them."""
    if isinstance(estimator, Pipeline):  # imbalanced-learn's pipeline is one, too
        *before, (_, final) = estimator.steps
        for _, step in before:
            features = features if hasattr(step, "fit_resample") else step.transform(features)
        return _forests(final, features)
    if isinstance(estimator, VotingClassifier):
        return [found for part in estimator.estimators_ for found in _forests(part, features)]
    return [(estimator, features)] if isinstance(estimator, ExtraTreesClassifier) else []


def _snap(tree: Any, values: list[Vector]) -> None:  # noqa: ANN401  an untyped extension class
    """Write through to the nodes: what scikit-learn hands out is a view."""
    for column, known in enumerate(values):
        here = np.flatnonzero(tree.feature == column)
        if len(here) == 0:
            continue
        below = np.searchsorted(known, tree.threshold[here], side="right") - 1
        below = below.clip(0, len(known) - 2)  # a sampler's made-up rows may lie beyond
        tree.threshold[here] = (known[below] + known[below + 1]) / 2
