"""Extra trees' cuts lie in the middle between neighbouring training values, and nothing else has changed."""

import pickle

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.preprocessing import StandardScaler

from propensity.features import FEATURES, Matrix, Vector
from training import data
from training.candidates import CANDIDATES
from training.fitting import Offered, fit
from training.snapping import snap_cuts
from training.strip import fitted_steps


@pytest.fixture(scope="module")
def few() -> Offered:
    """Every sixth customer."""
    rows = data.labelled(data.load())
    everything = Offered(data.matrix(rows, FEATURES), data.labels(rows), FEATURES)
    return everything.rows(np.arange(0, len(everything.labels), 6))


def cuts(forest: ExtraTreesClassifier, column: int) -> Vector:
    trees = [tree.tree_ for tree in forest.estimators_]
    return np.unique(np.concatenate([tree.threshold[tree.feature == column] for tree in trees]))


def middles(column: Vector) -> Vector:
    values = np.unique(column.astype(np.float32)).astype(np.float64)
    return (values[:-1] + values[1:]) / 2


def small(seed: int = 0) -> ExtraTreesClassifier:
    return ExtraTreesClassifier(5, max_features=None, random_state=seed)


@pytest.mark.parametrize("name", ["extra_trees", "vote"])
def test_the_cuts_of_a_fitted_candidate_are_middles_and_its_trees_have_at_most_128_leaves(
    name: str, few: Offered
) -> None:
    fitted = fit(CANDIDATES[name], few, seed=0)
    model = fitted.estimator.steps[-1][1]
    forest = model.estimators_[0] if name == "vote" else model

    features = few.columns(fitted.names).features
    for column in range(features.shape[1]):
        assert set(cuts(forest, column)) <= set(middles(features[:, column]))
    assert 100 == len(forest.estimators_)
    assert 128 >= max(tree.get_n_leaves() for tree in forest.estimators_)


def test_no_row_of_training_values_is_scored_otherwise(few: Offered) -> None:
    """Not the training rows, and not rows whose values are those of different customers."""
    forest = small().fit(few.features, few.labels)
    draws = np.random.default_rng(0)
    mixed = np.column_stack([draws.permutation(column) for column in few.features.T])
    before = [forest.predict_proba(rows) for rows in (few.features, mixed)]

    snap_cuts(forest, few.features)

    for rows, scores in zip((few.features, mixed), before, strict=True):
        np.testing.assert_array_equal(scores, forest.predict_proba(rows))


def test_values_that_only_float64_tells_apart_are_one_value() -> None:
    column = np.array([1.0, 1.0 + 1e-12, 2.0, 2.0 + 1e-12] * 3)
    rows, labels = column[:, np.newaxis], (column > 1.5).astype(int)
    forest = small().fit(rows, labels)

    snap_cuts(forest, rows)

    assert [1.5] == cuts(forest, 0).tolist()


def test_after_a_scaler_and_a_sampler_the_middles_are_those_of_the_scaled_real_rows(few: Offered) -> None:
    pipeline = Pipeline([("scaler", StandardScaler()), ("sampler", SMOTE(random_state=0)), ("model", small())])
    pipeline.fit(few.features, few.labels)
    scaled = pipeline.named_steps["scaler"].transform(few.features)

    snap_cuts(pipeline, few.features)

    for column in range(few.features.shape[1]):
        assert set(cuts(pipeline.named_steps["model"], column)) <= set(middles(scaled[:, column]))


@pytest.mark.parametrize("name", ["vote", "random_forest", "decision_tree"])
def test_no_other_tree_is_touched(name: str, few: Offered) -> None:
    """Beside snapped extra trees the boosting is, to the bit, the one that scikit-learn fits alone."""
    fitted = fit(CANDIDATES[name], few, seed=0)
    features = few.columns(fitted.names).features
    model = fitted.estimator.steps[-1][1]
    kept = model.estimators_[1] if name == "vote" else model

    alone = clone(kept).fit(features, few.labels)

    assert pickle.dumps(fitted_steps(alone)) == pickle.dumps(fitted_steps(kept))


def test_a_random_forest_is_left_alone_by_the_call_itself(few: Offered) -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(few.features, few.labels)
    before = pickle.dumps(fitted_steps(forest))
    shifted: Matrix = few.features + 0.25

    snap_cuts(forest, shifted)

    assert before == pickle.dumps(fitted_steps(forest))


@pytest.mark.parametrize("name", ["extra_trees", "vote"])
def test_two_fits_with_one_seed_pickle_to_the_same_bytes(name: str, few: Offered) -> None:
    first, second = (fitted_steps(fit(CANDIDATES[name], few, seed=3).estimator) for _ in range(2))

    assert pickle.dumps(first) == pickle.dumps(second)
