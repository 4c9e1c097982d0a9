"""Fitted trees, forests and boosting into tables."""

from typing import Any

import numpy as np

from propensity.compiled.errors import CannotCompile
from propensity.compiled.tables import Tree, tables
from propensity.compiled.trees import Trees
from propensity.features import Vector


def single(estimator: Any) -> Trees:  # noqa: ANN401  any fitted estimator
    """Return one decision tree."""
    return tables([_tree(estimator.tree_, estimator.tree_.value[:, 0, 1])], estimator.n_features_in_)


def forest(estimator: Any) -> Trees:  # noqa: ANN401
    """Return the mean of a forest's trees."""
    trees = [_tree(one.tree_, one.tree_.value[:, 0, 1]) for one in estimator.estimators_]
    return tables(trees, estimator.n_features_in_, divisor=len(trees))


def boosted(estimator: Any) -> Trees:  # noqa: ANN401
    """Return the log-odds of gradient boosting (half of them where the loss is exponential)."""
    width = estimator.n_features_in_
    if type(estimator.init_).__name__ not in {"str", "DummyClassifier"}:
        raise CannotCompile(f"GradientBoostingClassifier that begins with a {type(estimator.init_).__name__}")
    start = float(estimator._raw_predict_init(np.zeros((1, width)))[0, 0])  # noqa: SLF001  a constant
    members = [one.tree_ for one in estimator.estimators_[:, 0]]
    return tables([_tree(one, estimator.learning_rate * one.value[:, 0, 0]) for one in members], width, start)


def histogram_boosted(estimator: Any) -> Trees:  # noqa: ANN401
    """Return the log-odds of histogram gradient boosting, which compares in float64."""
    predictors = [one for (one,) in estimator._predictors]  # noqa: SLF001
    if any(one.nodes["is_categorical"].any() for one in predictors) or estimator.is_categorical_ is not None:
        raise CannotCompile("HistGradientBoostingClassifier with categorical columns has no form as plain arrays")
    start = float(np.ravel(estimator._baseline_prediction)[0])  # noqa: SLF001
    return tables([_binned(one.nodes) for one in predictors], estimator.n_features_in_, start)


def _tree(tree: Any, value: Vector) -> Tree:  # noqa: ANN401  an untyped extension class
    return Tree(
        left=np.where(tree.children_left < 0, -1, tree.children_left).astype(np.int64),
        right=tree.children_right.astype(np.int64),
        column=tree.feature.astype(np.int64),
        cut=_uncast(tree.threshold),
        value=np.array(value, np.float64),
        weight=np.array(tree.weighted_n_node_samples, np.float64),
    )


def _binned(nodes: Any) -> Tree:  # noqa: ANN401
    return Tree(
        left=np.where(nodes["is_leaf"] != 0, -1, nodes["left"].astype(np.int64)),
        right=nodes["right"].astype(np.int64),
        column=nodes["feature_idx"].astype(np.int64),
        # A split that is for missing values alone has an infinite cut: every number is below it.
        cut=np.minimum(nodes["num_threshold"], np.finfo(np.float64).max),
        value=nodes["value"].astype(np.float64),
        weight=nodes["count"].astype(np.float64),
    )


def _uncast(cuts: Vector) -> Vector:
    """
    Return for each cut the largest float64 that is at most the cut once it is cast to float32.

    scikit-learn casts the matrix before it compares. Casting rises with the number, so that a cut of float64 does the
    same to a number that was not cast. Halfway between two float32 it goes to the even one.
    """
    below = cuts.astype(np.float32)
    below = np.where(below.astype(np.float64) > cuts, np.nextafter(below, np.float32(-np.inf)), below)
    above = np.nextafter(below, np.float32(np.inf))
    middle: Vector = (below.astype(np.float64) + above.astype(np.float64)) / 2
    is_even = below.view(np.uint32) % 2 == 0
    return np.where(is_even, middle, np.nextafter(middle, -np.inf))
