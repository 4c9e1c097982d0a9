"""Take a fitted candidate apart, down to what scores."""

import copy
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline

from propensity.scoring import Classifier

_KEEPS_ROWS: Final = ("sklearn.svm", "sklearn.neighbors", "sklearn.gaussian_process", "imblearn")


def fitted_steps(estimator: BaseEstimator) -> Classifier:
    """
    Return what scores, and nothing else: no sampler (it holds training rows), no search, no thread count, no garbage.

    The scores are the same to the bit, and equal models pickle to equal bytes. What was handed in stays as it is.
    """
    stripped: Classifier = _stripped(copy.deepcopy(estimator))
    return stripped


def keeps_training_rows(model: Any) -> bool:  # noqa: ANN401  any estimator, fitted or not
    """Tell whether a model holds rows that it was fitted on, as a support vector machine and a neighbour search do."""
    if isinstance(model, Pipeline):
        return any(keeps_training_rows(step) for _, step in model.steps)
    for inner in (getattr(model, "best_estimator_", None), getattr(model, "estimator", None)):
        if inner is not None:
            return keeps_training_rows(inner)
    return type(model).__module__.startswith(_KEEPS_ROWS)


def _stripped(estimator: Any) -> Any:  # noqa: ANN401
    if hasattr(estimator, "best_estimator_"):
        return _stripped(estimator.best_estimator_)
    if isinstance(estimator, CalibratedClassifierCV):
        return _stripped_calibration(estimator)
    if isinstance(estimator, Pipeline):  # imbalanced-learn's pipeline is one, too
        kept = [(name, _stripped(step)) for name, step in estimator.steps if not hasattr(step, "fit_resample")]
        return kept[0][1] if len(kept) == 1 else Pipeline(kept)
    if "n_jobs" in estimator.get_params(deep=False):
        estimator.set_params(n_jobs=None)
    for tree in getattr(estimator, "estimators_", [estimator]):
        if hasattr(tree, "tree_"):
            _blank_unused_bytes(tree.tree_)
    return estimator


def _blank_unused_bytes(tree: Any) -> None:  # noqa: ANN401  an untyped extension class
    """
    Write zeros over what scikit-learn leaves unset in a tree's nodes: padding, and a leaf's way for missing values.

    It is whatever the memory held before. Two runs would pickle to different bytes, and customer data could be in it.
    """
    state = tree.__getstate__()
    nodes = np.zeros(state["nodes"].shape, state["nodes"].dtype)  # zeros_like would leave the padding as it is
    for field in nodes.dtype.names:
        nodes[field] = state["nodes"][field]
    nodes["missing_go_to_left"][nodes["left_child"] == -1] = 0
    tree.__setstate__({**state, "nodes": nodes})


def _stripped_calibration(calibrated: CalibratedClassifierCV) -> CalibratedClassifierCV:
    """Take the sampler out of the fitted pipeline, and out of the recipe that scikit-learn keeps beside it."""
    for part in calibrated.calibrated_classifiers_:
        part.estimator = _stripped(part.estimator)
    calibrated.estimator = calibrated.calibrated_classifiers_[0].estimator
    calibrated.cv = None
    return calibrated
