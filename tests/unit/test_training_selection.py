"""Who wins, and what is said about it."""

import numpy as np
import pytest

from propensity.features import FEATURES, OPTIONAL, Vector
from training.errors import NonePackable
from training.evaluate import OutOfFold
from training.selection import choose, choose_packable, compare_beyond, paired_difference
from training.sensitive import choose_features

KEEPS = "keeps rows of customers inside"
FOLDS = np.array([-0.001, 0.001, -0.002, 0.002])


def figures(
    accuracy: float, average_precision: float = 0.9, log_loss: float = 0.1, spread: float = 1
) -> dict[str, Vector]:
    return {
        "accuracy": accuracy + spread * FOLDS,
        "average_precision": average_precision + FOLDS,
        "log_loss": log_loss + FOLDS,
    }


def test_the_most_accurate_wins_when_none_is_near() -> None:
    choice = choose({"weak": figures(0.95, 0.99), "strong": figures(0.98, 0.90)}, "accuracy")

    assert ("strong", ("strong",)) == (choice.candidate, choice.within)
    assert "No other is within one standard error" in choice.reasons[-1]


def test_within_one_standard_error_the_better_average_precision_wins() -> None:
    """The paired difference is .0003 and varies by more than that over the folds."""
    near = figures(0.9797, 0.97, spread=-1)

    choice = choose({"tree": figures(0.98, 0.85), "forest": near, "weak": figures(0.5, 1.0)}, "accuracy")

    assert ("forest", "tree") == (choice.candidate, choice.best)
    assert ("tree", "forest") == choice.within
    assert any("so it wins" in reason for reason in choice.reasons)


def test_a_small_difference_that_holds_in_every_fold_is_no_chance() -> None:
    choice = choose({"first": figures(0.98, 0.85), "second": figures(0.9797, 0.97)}, "accuracy")

    assert "first" == choice.candidate


def test_of_equal_average_precision_the_smaller_log_loss_wins() -> None:
    choice = choose({"a": figures(0.98, log_loss=0.2), "b": figures(0.98, log_loss=0.1)}, "accuracy")

    assert "b" == choice.candidate


def test_of_equal_figures_the_smaller_pickle_wins() -> None:
    both = {"a": figures(0.98), "b": figures(0.98)}

    assert "b" == choose(both, "accuracy", sizes={"a": 3_000_000, "b": 1_000}).candidate
    assert "a" == choose(both, "accuracy", sizes={"a": 1_000, "b": 3_000_000}).candidate


def test_whether_anything_beyond_the_usual_is_better_is_said_with_its_figure() -> None:
    usual = choose({"tree": figures(0.98)}, "accuracy")
    near, far = figures(0.9803, spread=-1), figures(0.99)

    assert "b, is not better by more than one standard error" in compare_beyond(
        {"tree": figures(0.98), "b": near}, "accuracy", usual, ["b"]
    )
    said = compare_beyond({"tree": figures(0.98), "b": near, "c": far}, "accuracy", usual, ["b", "c"], str.upper)
    assert "C, is better by more than one standard error: by accuracy +0.0100" in said
    assert "against TREE" in said
    assert "Nothing beyond" in compare_beyond({"tree": figures(0.98)}, "accuracy", usual, [])


def test_by_log_loss_less_is_better() -> None:
    worse, better = figures(0.99, log_loss=0.2), figures(0.9, log_loss=0.1)

    assert "better" == choose({"worse": worse, "better": better}, "log_loss").candidate
    assert paired_difference(better, worse, "log_loss").mean > 0


def test_the_order_in_which_candidates_stand_changes_nothing() -> None:
    one, two = figures(0.98), figures(0.98)

    assert choose({"a": one, "b": two}, "accuracy") == choose({"b": two, "a": one}, "accuracy")


def test_a_model_that_keeps_customers_is_passed_over_and_the_reasons_say_so() -> None:
    both = {"svm": figures(0.99), "tree": figures(0.98)}

    choice = choose_packable(both, "accuracy", {"svm": KEEPS}, str.upper)

    assert "tree" == choice.candidate
    assert "SVM keeps rows of customers inside, so it is not packed." in choice.reasons
    assert "svm" == choose_packable(both, "accuracy", {}).candidate


def test_where_all_keep_customers_none_is_chosen_and_the_way_out_is_told() -> None:
    both = {"svm": figures(0.99), "svm+smote": figures(0.98)}

    with pytest.raises(NonePackable, match=r"svm keeps rows .*; svm\+smote keeps rows .*--allow-training-rows"):
        choose_packable(both, "accuracy", dict.fromkeys(both, KEEPS))
    assert "svm" == choose_packable(both, "accuracy", {}).candidate


def test_the_three_are_left_out_unless_that_costs_more_than_chance() -> None:
    def evaluation(accuracy: float, spread: float = 1) -> OutOfFold:
        return OutOfFold("tree", np.zeros((1, 4)), figures(accuracy, spread=spread))

    without = evaluation(0.98)

    assert FEATURES == choose_features(without, evaluation(0.9803, spread=-1), "accuracy").names
    assert FEATURES == choose_features(without, evaluation(0.97), "accuracy").names
    kept = choose_features(without, evaluation(0.99), "accuracy")
    assert (*FEATURES, *OPTIONAL) == kept.names
    assert "leaving them out changes accuracy by -0.0100" in kept.reason
