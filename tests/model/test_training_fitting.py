"""Every candidate: fitted on its fold alone, stripped to what scores, the same from run to run."""

import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from propensity.features import FEATURES, OPTIONAL
from propensity.scoring import score
from propensity.unpickle import unpickle
from training import data
from training.candidates import CANDIDATES, DEMO, TO_ORDER, choose
from training.errors import UnknownCandidate
from training.evaluate import cross_validate, folds, locked_split
from training.fitting import Offered, earning_columns, fit
from training.options import Options
from training.resampling import RESAMPLINGS
from training.strip import fitted_steps, keeps_training_rows

NOWHERE = Path("nothing is written here")
SIX = (
    "logistic_regression",
    "weighted_logistic_regression",
    "naive_bayes",
    "svm",
    "decision_tree",
    "random_forest",
)


@pytest.fixture(scope="module")
def everything() -> Offered:
    rows = data.labelled(data.load())
    return Offered(data.matrix(rows, FEATURES), data.labels(rows), FEATURES)


@pytest.fixture(scope="module")
def few(everything: Offered) -> Offered:
    """Every sixth customer."""
    return everything.rows(np.arange(0, len(everything.labels), 6))


def test_the_usual_six_are_there_plain_weighted_and_resampled_and_others_beyond() -> None:
    resampled = {f"{name}{how}" for name in SIX for how in ("", *(f"+{one}" for one in RESAMPLINGS))}
    weighted = {"weighted_svm", "weighted_decision_tree", "weighted_random_forest"}
    beyond = {"engineered_logistic_regression", "extra_trees", "gradient_boosting", "hist_gradient_boosting", "vote"}
    assert resampled | weighted | beyond == set(CANDIDATES)
    assert resampled | weighted == {one.name for one in CANDIDATES.values() if one.is_usual}
    assert {"smote", "oversampling", "undersampling"} == set(RESAMPLINGS)


def test_candidates_are_picked_by_name_and_a_wrong_name_is_told() -> None:
    assert ["svm", "decision_tree"] == [one.name for one in choose(["svm", "decision_tree", "svm"])]
    assert len(CANDIDATES) == len(choose(None))
    assert set(DEMO) <= set(CANDIDATES)
    with pytest.raises(UnknownCandidate, match="forrest: no such candidate; there are logistic_regression, "):
        choose(["forrest"])
    with pytest.raises(UnknownCandidate, match="an empty list"):
        choose([])


@pytest.mark.parametrize("name", [name for name in TO_ORDER if find_spec(name) is None])
def test_what_is_not_installed_is_told_with_the_way_out(name: str) -> None:
    with pytest.raises(UnknownCandidate, match=f"{name}: not installed; pip install {name}"):
        choose(["decision_tree", name])


@pytest.mark.parametrize("name", CANDIDATES)
def test_stripped_it_scores_the_same_to_the_bit_and_keeps_no_sampler(name: str, few: Offered) -> None:
    fitted = fit(CANDIDATES[name], few, seed=0)
    features = few.columns(fitted.names).features

    stripped = fitted_steps(fitted.estimator)

    pickled = pickle.dumps(stripped)
    assert b"imblearn" not in pickled
    assert b"GridSearch" not in pickled
    np.testing.assert_array_equal(score(fitted.estimator, features), score(stripped, features))
    np.testing.assert_array_equal(score(stripped, features), score(unpickle(pickled), features))
    assert ("svm" in name) == keeps_training_rows(stripped)


@pytest.mark.parametrize("name", ["decision_tree", "random_forest+smote", "naive_bayes+oversampling"])
def test_two_fits_with_one_seed_pickle_to_the_same_bytes(name: str, few: Offered) -> None:
    first, second = (fitted_steps(fit(CANDIDATES[name], few, seed=3).estimator) for _ in range(2))

    assert pickle.dumps(first) == pickle.dumps(second)


def test_a_pickle_holds_no_customer(few: Offered) -> None:
    """No row of the training data stands in the bytes, as floats of either width."""
    fitted = fit(CANDIDATES["random_forest+smote"], few, seed=0)

    pickled = pickle.dumps(fitted_steps(fitted.estimator))

    rows = few.columns(fitted.names).features
    assert not any(row.tobytes() in pickled or row.astype(np.float32).tobytes() in pickled for row in rows)


def test_a_search_is_stripped_to_what_it_found(few: Offered) -> None:
    pipeline = fit(CANDIDATES["decision_tree+undersampling"], few, seed=0)
    used = few.columns(pipeline.names)
    search = GridSearchCV(pipeline.estimator, {"model__max_depth": [2, 3]}, cv=2, n_jobs=1)
    search.fit(used.features, used.labels)

    stripped = fitted_steps(search)

    np.testing.assert_array_equal(search.predict_proba(used.features)[:, 1], score(stripped, used.features))
    assert "DecisionTreeClassifier" == type(stripped).__name__
    assert hasattr(search, "best_estimator_"), "what was handed in stays as it is"


@pytest.mark.parametrize("name", ["logistic_regression+smote", "svm+oversampling", "decision_tree+undersampling"])
def test_a_held_out_customer_never_helps_to_fit_the_model_that_scores_it(name: str, few: Offered) -> None:
    """Another outcome of a fold's customers changes the models of all other folds, but not one score in the fold."""
    plan = folds(few.labels, 1, seed=0)
    held_out = plan[0].held_out
    labels = few.labels.copy()
    labels[held_out] = 1 - labels[held_out]
    options = Options(out=NOWHERE, jobs=1)

    before = cross_validate([CANDIDATES[name]], few, plan, options)[name].scores[0]
    after = cross_validate([CANDIDATES[name]], few._replace(labels=labels), plan, options)[name].scores[0]

    np.testing.assert_array_equal(before[held_out], after[held_out])
    others = np.setdiff1d(np.arange(len(before)), held_out)
    assert (before[others] != after[others]).any()


def test_the_scores_do_not_depend_on_the_number_of_jobs(few: Offered) -> None:
    candidates = choose(["logistic_regression+smote", "decision_tree"])
    plan = folds(few.labels, 1, seed=0)
    steps: list[tuple[str, int, int]] = []

    one = cross_validate(candidates, few, plan, Options(out=NOWHERE, jobs=1))
    two = cross_validate(candidates, few, plan, Options(out=NOWHERE, jobs=2), lambda *step: steps.append(step))

    for name in one:
        np.testing.assert_array_equal(one[name].scores, two[name].scores)
    assert [("Logistic regression, SMOTENC", 1, 20), ("Decision tree", 20, 20)] == [steps[0], steps[-1]]


def test_every_customer_is_scored_once_a_repeat_and_the_test_set_is_in_no_fold(everything: Offered) -> None:
    develop, test = locked_split(everything.labels, seed=0)
    plan = folds(everything.labels[develop], 2, seed=0)

    assert not set(develop) & set(test)
    assert len(everything.labels) == len(develop) + len(test)
    assert everything.labels[test].mean() == pytest.approx(everything.labels.mean(), abs=0.001)
    for repeat in range(2):
        held_out = np.concatenate([fold.held_out for fold in plan if fold.repeat == repeat])
        assert [*range(len(develop))] == sorted(held_out)


def test_useless_columns_go_and_offered_optional_ones_stay(everything: Offered) -> None:
    rows = data.labelled(data.load())
    names = (*FEATURES, *OPTIONAL)
    twelve = Offered(data.matrix(rows, names), everything.labels, names)

    earning = earning_columns(everything, seed=0)

    assert {"highest_spend", "hidden_score", "monthly_average_spend", "level", "fixed_deposit_account"} == set(earning)
    assert (*earning, *OPTIONAL) == earning_columns(twelve, seed=0)
