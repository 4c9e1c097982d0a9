"""What each feature does to the score, by a model whose effects are known; and the families of the comparison."""

import numpy as np
import pytest

from propensity.features import Matrix
from training.candidates import CANDIDATES
from training.evaluate import OutOfFold
from training.fitting import Offered
from training.judge import Compared
from training.report.effects import effects, importances, sampled, together
from training.report.families import families, family_of

NAMES = ("highest_spend", "level", "mortgage")


class Known:
    """A classifier that scores a hundredth of the first column, and .2 more from level 2 on."""

    n_features_in_ = 3

    def predict_proba(self, X: Matrix, /) -> Matrix:  # noqa: N803  scikit-learn's own name
        taken = X[:, 0] / 1000 + 0.2 * (X[:, 1] >= 2)
        return np.column_stack([1 - taken, taken])


@pytest.fixture
def rows() -> Matrix:
    draws = np.random.default_rng(0)
    columns = draws.integers(0, 300, 400), draws.integers(1, 4, 400), draws.integers(0, 500, 400)
    return np.column_stack(columns).astype(np.float64)


def test_effects_are_those_of_the_model_and_the_strongest_comes_first(rows: Matrix) -> None:
    level, spend, mortgage = effects(Known(), rows, NAMES)

    assert ("level", "highest_spend", "mortgage") == (level.name, spend.name, mortgage.name)
    mean_spend, higher = rows[:, 0].mean() / 1000, 0.2 * (rows[:, 1] >= 2).mean()
    assert pytest.approx([mean_spend, mean_spend + 0.2, mean_spend + 0.2]) == level.scores
    np.testing.assert_allclose(spend.scores, spend.values / 1000 + higher)
    assert pytest.approx(0, abs=1e-12) == mortgage.strength


def test_two_features_together_have_a_score_for_each_pair_of_values(rows: Matrix) -> None:
    pair = together(Known(), rows, NAMES, ("level", "highest_spend"))

    assert (3, len(pair.values[1])) == pair.scores.shape
    assert [1, 2, 3] == pair.values[0].tolist()
    np.testing.assert_allclose(pair.scores[2], pair.values[1] / 1000 + 0.2)


def test_the_sample_is_drawn_by_lot_from_the_rows_and_is_the_same_again(rows: Matrix) -> None:
    few = sampled(rows, seed=1, size=50)

    np.testing.assert_array_equal(few, sampled(rows, seed=1, size=50))
    assert {tuple(row) for row in few} <= {tuple(row) for row in rows}
    assert len(sampled(rows, seed=1, size=1000)) == len(rows)


def test_shuffling_costs_most_where_the_outcome_hangs_on_the_feature(rows: Matrix) -> None:
    labels = (rows[:, 0] > 200).astype(np.int64)

    first, *others = importances(CANDIDATES["decision_tree"], Offered(rows, labels, NAMES), seed=0)

    assert ("highest_spend", True) == (first.name, first.mean > 0.3)
    assert all(abs(one.mean) < 0.05 for one in others)


def compared(name: str) -> Compared:
    return Compared(CANDIDATES[name], {}, {}, keeps_rows=False)


def test_a_family_holds_what_is_plain_weighted_and_resampled_the_best_first() -> None:
    accuracy = {"random_forest+smote": 0.97, "weighted_random_forest": 0.985, "random_forest": 0.98, "svm": 0.96}
    evaluations = {
        name: OutOfFold(name, np.empty((1, 0)), {"accuracy": value + np.array([0.0, 0.001, -0.001])}, 0)
        for name, value in accuracy.items()
    }

    forests, svm = families([compared(name) for name in accuracy], evaluations, "random_forest", "accuracy")

    assert ("random_forest", "Random forest") == (forests.name, forests.title)
    assert ["weighted_random_forest", "random_forest"] == [one.compared.candidate.name for one in forests.plain]
    assert ["random_forest+smote"] == [one.compared.candidate.name for one in forests.resampled]
    assert pytest.approx(0.005) == forests.best.difference.mean
    assert pytest.approx(-0.02) == svm.best.difference.mean


def test_a_weighted_model_that_was_asked_for_by_itself_is_a_family() -> None:
    assert "weighted_logistic_regression" == family_of("weighted_logistic_regression+smote")
    assert "decision_tree" == family_of("weighted_decision_tree")
