"""Models of every kind that can be packed, fitted on invented customers and stripped as training does it."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline as SamplingPipeline
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier
from threadpoolctl import threadpool_limits

from propensity.features import FEATURES, matrix_from_columns
from propensity.scoring import Classifier
from tests.bundles import table
from training.strip import fitted_steps

ROWS: Final = 211
"""A prime that no size of a model happens to be."""


def _logistic() -> Any:  # noqa: ANN401  any estimator
    return LogisticRegression(max_iter=2000)


def _columns() -> ColumnTransformer:
    parts = [
        ("spend", SplineTransformer(4), [0]),
        ("level", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), [1, 3]),
        ("rest", StandardScaler(), slice(4, 6)),
    ]
    return ColumnTransformer(parts, remainder="passthrough")


def _vote() -> VotingClassifier:
    trees = [
        ("tree", DecisionTreeClassifier(random_state=0)),
        ("forest", RandomForestClassifier(3, class_weight="balanced", random_state=0)),
        ("bins", HistGradientBoostingClassifier(max_iter=3, random_state=0)),
        ("stages", GradientBoostingClassifier(n_estimators=3, random_state=0)),
    ]
    return VotingClassifier(trees, voting="soft")


def _frozen() -> CalibratedClassifierCV:
    return CalibratedClassifierCV(FrozenEstimator(RandomForestClassifier(3, random_state=0).fit(*rows())), cv=2)


KINDS: Final[Mapping[str, Callable[[], Any]]] = {
    "logistic regression": lambda: make_pipeline(StandardScaler(), _logistic()),
    "weighted logistic regression": lambda: make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
    ),
    "logistic regression, one scale": lambda: make_pipeline(MinMaxScaler(), _logistic()),
    "naive Bayes": GaussianNB,
    "support vectors": lambda: CalibratedClassifierCV(make_pipeline(StandardScaler(), SVC()), ensemble=False, cv=3),
    "support vectors of each fold": lambda: CalibratedClassifierCV(make_pipeline(StandardScaler(), SVC()), cv=3),
    "tree": lambda: DecisionTreeClassifier(ccp_alpha=0.002, random_state=0),
    "tree, best first": lambda: DecisionTreeClassifier(max_leaf_nodes=9, random_state=0),
    "extra tree": lambda: ExtraTreeClassifier(random_state=0),
    "forest": lambda: RandomForestClassifier(7, random_state=0),
    "forest, out of bag": lambda: RandomForestClassifier(
        30, oob_score=True, class_weight={0: 1, 1: 2}, random_state=0, n_jobs=2
    ),
    "extra trees": lambda: ExtraTreesClassifier(7, random_state=0),
    "boosting of bins": lambda: HistGradientBoostingClassifier(max_iter=7, random_state=0),
    "boosting of bins, stopped early": lambda: HistGradientBoostingClassifier(
        max_iter=30, early_stopping=True, random_state=0
    ),
    "gradient boosting": lambda: GradientBoostingClassifier(n_estimators=7, random_state=0),
    "gradient boosting, of samples": lambda: GradientBoostingClassifier(
        n_estimators=20, subsample=0.5, n_iter_no_change=5, random_state=np.random.RandomState(1)
    ),
    "gradient boosting, exponential": lambda: GradientBoostingClassifier(
        n_estimators=7, loss="exponential", random_state=0
    ),
    "gradient boosting, from zero": lambda: GradientBoostingClassifier(n_estimators=7, init="zero", random_state=0),
    "scaled forest": lambda: make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)),
    "calibrated forest": lambda: CalibratedClassifierCV(RandomForestClassifier(3, random_state=0), cv=2),
    "calibrated frozen forest": _frozen,
    "vote": _vote,
    "engineered columns": lambda: make_pipeline(_columns(), _logistic()),
    "engineered columns, boosting": lambda: make_pipeline(
        _columns(), HistGradientBoostingClassifier(max_iter=3, random_state=0)
    ),
    "polynomials": lambda: make_pipeline(PolynomialFeatures(2), StandardScaler(), _logistic()),
    "splines": lambda: make_pipeline(StandardScaler(), SplineTransformer(5, extrapolation="linear"), _logistic()),
    "columns side by side": lambda: make_pipeline(
        FeatureUnion([("plain", StandardScaler()), ("square", PolynomialFeatures(2))]), StandardScaler(), _logistic()
    ),
    "resampled": lambda: SamplingPipeline(
        [("sampler", RandomOverSampler(random_state=0)), ("model", RandomForestClassifier(3, random_state=0))]
    ),
}


def rows() -> tuple[Any, Any]:
    """Return the matrix and the outcomes that they are fitted on."""
    columns, takers = table(ROWS)
    return matrix_from_columns(columns, FEATURES), takers


def fit(kind: str) -> Any:  # noqa: ANN401  any estimator
    """Fit a kind, and leave it as it comes."""
    with threadpool_limits(1):
        return KINDS[kind]().fit(*rows())


@functools.cache
def fitted(kind: str) -> Any:  # noqa: ANN401
    """Return a kind as it comes, fitted once for all tests: not to be altered."""
    return fit(kind)


@functools.cache
def packed(kind: str) -> Classifier:
    """Return a kind as training strips it: not to be altered."""
    return fitted_steps(fitted(kind))
