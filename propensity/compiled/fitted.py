"""From a fitted scikit-learn estimator to parts. Types are told by their names: scikit-learn is not imported here."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from propensity.compiled.errors import CannotCompile
from propensity.compiled.fitted_steps import step
from propensity.compiled.fitted_trees import boosted, forest, histogram_boosted, single
from propensity.compiled.linear import Kernel, Linear, NaiveBayes
from propensity.compiled.mixing import Constant, Mean, Sigmoid, Steps
from propensity.compiled.model import CompiledModel
from propensity.compiled.parts import Scorer


def compiled(estimator: Any) -> CompiledModel:  # noqa: ANN401  any fitted estimator
    """Return the estimator as plain arrays; see `propensity.compiled.compile_model`."""
    model = CompiledModel(probability(estimator), int(estimator.n_features_in_))
    model.root.check(model.n_features_in_)
    return model


def probability(estimator: Any) -> Scorer:  # noqa: ANN401
    """Return what gives the probability of class 1."""
    name = type(estimator).__name__
    if name in _PASSED_ON:
        return _passed_on(estimator, probability)
    if name not in _PROBABILITIES:
        raise CannotCompile(f"{name} has no form as plain arrays")
    _check_classes(estimator)
    return _PROBABILITIES[name](estimator)


def decision(estimator: Any) -> Scorer:  # noqa: ANN401
    """Return what a calibration looks at: the decision value where the estimator has one, or else the probability."""
    name = type(estimator).__name__
    if name in _PASSED_ON:
        return _passed_on(estimator, decision)
    if name not in _DECISIONS:
        return probability(estimator)
    _check_classes(estimator)
    return _DECISIONS[name](estimator)


def _passed_on(estimator: Any, of_final: Callable[[Any], Scorer]) -> Scorer:  # noqa: ANN401
    if type(estimator).__name__ == "FrozenEstimator":
        return of_final(estimator.estimator)
    *before, (_, final) = estimator.steps
    return Steps(tuple(step(one) for _, one in before), of_final(final))


def _check_classes(estimator: Any) -> None:  # noqa: ANN401
    classes = np.asarray(estimator.classes_).tolist()
    if classes != [0, 1]:
        raise CannotCompile(f"{type(estimator).__name__} tells {classes} apart, not 0 and 1")


def _linear(estimator: Any) -> Scorer:  # noqa: ANN401
    return Linear(np.ascontiguousarray(estimator.coef_[0], np.float64), float(estimator.intercept_[0]))


def _naive_bayes(estimator: Any) -> Scorer:  # noqa: ANN401
    priors = np.log(estimator.class_prior_)
    return NaiveBayes(np.ascontiguousarray(estimator.theta_), np.ascontiguousarray(estimator.var_), priors)


def _support_vectors(estimator: Any) -> Scorer:  # noqa: ANN401
    if estimator.kernel != "rbf":
        raise CannotCompile(f"SVC with kernel={estimator.kernel!r} has no form as plain arrays")
    weights = np.ascontiguousarray(estimator.dual_coef_[0])
    gamma = float(estimator._gamma)  # noqa: SLF001  the number that "scale" came to
    return Kernel(np.ascontiguousarray(estimator.support_vectors_), weights, float(estimator.intercept_[0]), gamma)


def _always(estimator: Any) -> Scorer:  # noqa: ANN401
    if estimator.strategy == "stratified":
        raise CannotCompile("DummyClassifier with strategy='stratified' draws by lot")
    return Constant(float(estimator.predict_proba(np.zeros((1, 1)))[0, 1]))


def _vote(estimator: Any) -> Scorer:  # noqa: ANN401
    if estimator.voting != "soft":
        raise CannotCompile(f"VotingClassifier with voting={estimator.voting!r} gives no probability")
    weights = estimator._weights_not_none  # noqa: SLF001  without those of members that were dropped
    members = tuple(probability(one) for one in estimator.estimators_)
    return Mean(members, np.ones(len(members)) if weights is None else np.array(weights, np.float64))


def _calibrated(estimator: Any) -> Scorer:  # noqa: ANN401
    members = []
    for one in estimator.calibrated_classifiers_:
        if one.method != "sigmoid":
            raise CannotCompile(f"CalibratedClassifierCV with method={one.method!r} has no form as plain arrays")
        curve = one.calibrators[0]
        members.append(Sigmoid(decision(one.estimator), -float(curve.a_), -float(curve.b_)))
    return Mean(tuple(members), np.ones(len(members)))


def _boosted_probability(estimator: Any) -> Scorer:  # noqa: ANN401
    slope = {"HalfBinomialLoss": 1.0, "ExponentialLoss": 2.0}.get(type(estimator._loss).__name__)  # noqa: SLF001
    if slope is None:
        raise CannotCompile(f"{type(estimator).__name__} with loss={estimator.loss!r} has no form as plain arrays")
    return Sigmoid(_DECISIONS[type(estimator).__name__](estimator), slope, 0.0)


_PASSED_ON: Final = ("Pipeline", "FrozenEstimator")
_DECISIONS: Final[Mapping[str, Callable[[Any], Scorer]]] = {
    "LogisticRegression": _linear,
    "SVC": _support_vectors,
    "GradientBoostingClassifier": boosted,
    "HistGradientBoostingClassifier": histogram_boosted,
}
_PROBABILITIES: Final[Mapping[str, Callable[[Any], Scorer]]] = {
    "LogisticRegression": lambda estimator: Sigmoid(_linear(estimator), 1.0, 0.0),
    "GaussianNB": _naive_bayes,
    "DummyClassifier": _always,
    "DecisionTreeClassifier": single,
    "ExtraTreeClassifier": single,
    "RandomForestClassifier": forest,
    "ExtraTreesClassifier": forest,
    "GradientBoostingClassifier": _boosted_probability,
    "HistGradientBoostingClassifier": _boosted_probability,
    "VotingClassifier": _vote,
    "CalibratedClassifierCV": _calibrated,
}
