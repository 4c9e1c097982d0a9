"""A compiled model is the same function as the fitted estimator, for every kind that can be packed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from propensity.compiled import CannotCompile, compile_model, tables
from tests.good_models import KINDS, packed, rows
from tests.parity import allowed, compared, random_rows

Estimator = Any
FEATURES, OUTCOMES = rows()


def logistic(*steps: Estimator) -> Estimator:
    from sklearn.linear_model import LogisticRegression

    return make_pipeline(*steps, LogisticRegression(max_iter=3000))


MORE: dict[str, Estimator] = {
    "prior": DummyClassifier(strategy="prior"),
    "most frequent": DummyClassifier(strategy="most_frequent"),
    "always yes": DummyClassifier(strategy="constant", constant=1),
    "vote by weight": VotingClassifier(
        [("tree", DecisionTreeClassifier(max_depth=4)), ("gone", "drop"), ("bayes", GaussianNB())],
        voting="soft",
        weights=[3, 7, 1],
    ),
    "vote within a vote": VotingClassifier(
        [
            ("two", VotingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier())], voting="soft")),
            ("one", DecisionTreeClassifier(max_depth=2)),
        ],
        voting="soft",
    ),
    "one leaf": DecisionTreeClassifier(min_samples_leaf=200),
    "one leaf in each": RandomForestClassifier(3, min_samples_leaf=200),
    "more leaves than 16": DecisionTreeClassifier(max_leaf_nodes=30, random_state=0),
    "held between limits": logistic(MinMaxScaler(clip=True)),
    "no centre": logistic(StandardScaler(with_mean=False)),
    "no spread": logistic(StandardScaler(with_std=False)),
    "splines that go on": logistic(StandardScaler(), SplineTransformer(4, degree=2, extrapolation="continue")),
    "splines that stop": logistic(StandardScaler(), SplineTransformer(4, extrapolation="constant", include_bias=False)),
    "first level dropped": logistic(OneHotEncoder(drop="first", handle_unknown="ignore")),
    "nothing done": logistic(FunctionTransformer(), StandardScaler()),
    "some columns dropped": logistic(
        ColumnTransformer([("one", "passthrough", [4, 2]), ("two", "drop", [0])]), StandardScaler()
    ),
    "calibrated probabilities": CalibratedClassifierCV(make_pipeline(StandardScaler(), GaussianNB()), cv=2),
    "calibrated boosting": CalibratedClassifierCV(GradientBoostingClassifier(n_estimators=5, random_state=0), cv=2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_scores_as_before_and_no_decision_flips(kind: str) -> None:
    """Trees to the bit, others to 1e-12: on customers, and on random rows within bounds, beyond, and at the cuts."""
    estimator = packed(kind)
    model = compile_model(estimator)

    found = compared(estimator, model, np.vstack([FEATURES, random_rows(estimator, FEATURES, 2000)]))

    assert found.difference <= allowed(kind)
    assert 0 == found.flips


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("kind", MORE)
def test_other_settings_score_as_before_too(kind: str) -> None:
    estimator = MORE[kind].fit(FEATURES, OUTCOMES)

    found = compared(estimator, compile_model(estimator), np.vstack([FEATURES, random_rows(estimator, FEATURES, 500)]))

    assert found.difference <= 1e-12
    assert 0 == found.flips


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_one_score_in_a_batch_of_any_size(kind: str) -> None:
    """To the bit for all but support vectors, whose sum is BLAS's."""
    model = compile_model(packed(kind))
    whole = model.predict_proba(FEATURES)

    for size in (1, 2, 127, 128, 129):
        found = np.vstack([model.predict_proba(FEATURES[at : at + size]) for at in range(0, len(FEATURES), size)])
        assert np.abs(found - whole).max() <= (1e-12 if kind.startswith("support") else 0), size


@pytest.mark.parametrize(
    "kind", ["tree", "forest", "boosting of bins", "gradient boosting", "vote", "calibrated forest"]
)
def test_a_row_has_one_explanation_in_a_batch_of_any_size(kind: str) -> None:
    """Few rows and many are added up in different steps, but in one order."""
    model = compile_model(packed(kind))
    whole = model.attributions(FEATURES)

    for size in (1, 2, 7, 8, 129):
        found = np.vstack([model.attributions(FEATURES[at : at + size]) for at in range(0, len(FEATURES), size)])
        assert np.array_equal(found, whole), size


def test_no_rows_have_no_scores() -> None:
    model = compile_model(packed("vote"))

    assert (0, 2) == model.predict_proba(FEATURES[:0]).shape
    assert FEATURES[:0].shape == model.attributions(FEATURES[:0]).shape


def test_scoring_changes_neither_the_rows_nor_the_model() -> None:
    for kind in ("vote", "engineered columns", "polynomials", "logistic regression, one scale"):
        model, given = compile_model(packed(kind)), FEATURES.copy()
        given.flags.writeable = False

        first = model.predict_proba(given)

        assert np.array_equal(first, model.predict_proba(given))


def test_several_threads_score_with_one_model() -> None:
    model = compile_model(packed("vote"))
    expected = model.predict_proba(FEATURES)

    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: compile_model(packed("vote")) and model.predict_proba(FEATURES), range(40))]

    assert all(np.array_equal(expected, one) for one in found)


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (AdaBoostClassifier(n_estimators=2), "AdaBoostClassifier has no form as plain arrays"),
        (DummyClassifier(strategy="stratified"), "draws by lot"),
        (make_pipeline(StandardScaler(), CalibratedClassifierCV(SVC(kernel="poly"), cv=2)), "kernel='poly'"),
        (CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2), "method='isotonic'"),
        (logistic(FunctionTransformer(np.abs)), "FunctionTransformer with a function of its own"),
        (logistic(OneHotEncoder()), "handle_unknown='error'"),
        (logistic(OneHotEncoder(handle_unknown="ignore", max_categories=3)), "puts rare levels together"),
        (logistic(SplineTransformer(5, extrapolation="periodic")), "extrapolation='periodic'"),
        (logistic(SplineTransformer(5, degree=0)), "degree=0"),
        (logistic(ColumnTransformer([("a", "passthrough", [0])], transformer_weights={"a": 2})), "transformer_weights"),
        (GradientBoostingClassifier(n_estimators=2, init=GaussianNB()), "begins with a GaussianNB"),
        (HistGradientBoostingClassifier(max_iter=2, categorical_features=[1]), "categorical columns"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_has_no_such_form_is_named(estimator: Estimator, why: str) -> None:
    with pytest.raises(CannotCompile, match=f"{why}.*the pickle is served"):
        compile_model(estimator.fit(FEATURES, OUTCOMES))


def test_another_pair_of_outcomes_is_refused() -> None:
    with pytest.raises(CannotCompile, match=r"\['no', 'yes'\] apart, not 0 and 1"):
        compile_model(GaussianNB().fit(FEATURES, np.where(OUTCOMES, "yes", "no")))
    with pytest.raises(CannotCompile, match=r"tells \[0\] apart"):
        compile_model(DecisionTreeClassifier().fit(FEATURES, np.zeros(len(FEATURES), int)))


def test_tables_that_would_be_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    forest = ExtraTreesClassifier(30, random_state=0).fit(FEATURES, OUTCOMES)
    compile_model(forest)
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 10_000)

    with pytest.raises(CannotCompile, match=r"30 trees with \d+ different cuts and up to \d+ leaves would take tables"):
        compile_model(forest)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_columns_add_leads_from_what_is_expected_of_anybody_to_the_score(kind: str) -> None:
    """One sum for all rows, to the accuracy of float32. Support vectors have a tangent instead: no sum."""
    model = compile_model(packed(kind))
    given = random_rows(packed(kind), FEATURES, 300)

    added = model.attributions(given)

    assert given.shape == added.shape
    assert np.isfinite(added).all()
    if "vectors" not in kind and not kind.startswith(
        ("logistic", "weighted", "engineered columns", "poly", "spl", "col")
    ):
        left = model.predict_proba(given)[:, 1] - added.sum(axis=1)
        assert np.ptp(left) < 1e-5


def test_a_column_that_is_never_looked_at_adds_nothing() -> None:
    outcomes = (FEATURES[:, 0] > 100).astype(int)
    for estimator in (DecisionTreeClassifier(), GradientBoostingClassifier(n_estimators=5, max_depth=1)):
        added = compile_model(estimator.fit(FEATURES, outcomes)).attributions(FEATURES)

        assert (added[:, 1:] == 0).all()
        assert (np.sign(added[:, 0]) == np.where(outcomes, 1, -1)).all()


def test_a_tree_of_one_split_adds_the_leaf_less_the_mean() -> None:
    outcomes = (FEATURES[:, 0] > 100).astype(int)
    added = compile_model(DecisionTreeClassifier().fit(FEATURES, outcomes)).attributions(FEATURES)

    np.testing.assert_allclose(added[:, 0], outcomes - outcomes.mean(), atol=1e-6)
