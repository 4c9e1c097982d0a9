"""Take a fitted candidate apart, down to what scores."""

import copy
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from propensity.scoring import Classifier

_KEEPS_ROWS: Final = ("sklearn.svm", "sklearn.neighbors", "sklearn.gaussian_process", "imblearn")
_OF_SINGLE_CUSTOMERS: Final = ("oob_decision_function_", "_sample_weight")
_OF_FITTING: Final = ("_rng", "_feature_subsample_rng", "_random_seed", "_scorer")


def fitted_steps(estimator: BaseEstimator) -> Classifier:
    """
    Return what scores, and nothing else: no sampler (it holds training rows), no search, no thread count, no garbage.

    The scores are the same to the bit, and equal models pickle to equal bytes. What was handed in stays as it is.
    """
    stripped: Classifier = _stripped(copy.deepcopy(estimator))
    return stripped


def keeps_training_rows(model: Any) -> bool:  # noqa: ANN401  any estimator, fitted or not
    """Tell whether a model holds rows that it was fitted on, as a support vector machine and a neighbour search do."""
    if inner := _inner(model):
        return any(keeps_training_rows(step) for step in inner)
    return type(model).__module__.startswith(_KEEPS_ROWS)


def _inner(model: Any) -> list[Any]:  # noqa: ANN401
    """Return the estimators that a model is put together from, fitted ones where there are."""
    if isinstance(model, Pipeline):
        return [step for _, step in model.steps]
    if isinstance(model, VotingClassifier):
        return [*getattr(model, "estimators_", [part for _, part in model.estimators])]
    inner = getattr(model, "best_estimator_", None) or getattr(model, "estimator", None)
    return [] if inner is None else [inner]


def _stripped(estimator: Any) -> Any:  # noqa: ANN401
    if hasattr(estimator, "best_estimator_"):
        return _stripped(estimator.best_estimator_)
    if isinstance(estimator, CalibratedClassifierCV):
        return _stripped_calibration(estimator)
    if isinstance(estimator, Pipeline):  # imbalanced-learn's pipeline is one, too
        kept = [(name, _stripped(step)) for name, step in estimator.steps if not hasattr(step, "fit_resample")]
        return kept[0][1] if len(kept) == 1 else Pipeline(kept)
    if isinstance(estimator, FrozenEstimator):
        return FrozenEstimator(_stripped(estimator.estimator))
    if isinstance(estimator, VotingClassifier):
        return _stripped_vote(estimator)
    _forget(estimator)
    for tree in np.ravel(getattr(estimator, "estimators_", [estimator])):
        if hasattr(tree, "tree_"):
            _forget(tree)
            _blank_unused_bytes(tree.tree_)
    return estimator


def _forget(estimator: Any) -> None:  # noqa: ANN401
    """Drop what only fitting needs: thread counts, random states in use, and figures of single customers."""
    if hasattr(estimator, "get_params") and "n_jobs" in estimator.get_params(deep=False):
        estimator.set_params(n_jobs=None)
    for name in _OF_SINGLE_CUSTOMERS:
        if hasattr(estimator, name):
            delattr(estimator, name)
    for name in _OF_FITTING:
        if hasattr(estimator, name):
            setattr(estimator, name, None)
    if not isinstance(getattr(estimator, "random_state", None), int):
        estimator.random_state = None
    if hasattr(estimator, "_bin_mapper"):
        estimator._bin_mapper.n_threads = 1  # noqa: SLF001  as many as the machine had
        estimator._bin_mapper.random_state = None  # noqa: SLF001


def _stripped_vote(vote: VotingClassifier) -> VotingClassifier:
    """Strip what votes, and forget the recipes beside it, which may hold a sampler."""
    vote.estimators_ = [_stripped(part) for part in vote.estimators_]
    vote.estimators = list(
        zip([name for name, part in vote.estimators if part != "drop"], vote.estimators_, strict=True)
    )
    vote.named_estimators_ = Bunch(**dict(vote.estimators))
    vote.n_jobs = None
    return vote


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
