"""Figures, and how sure they are."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from propensity.features import Vector
from training.data import Labels
from training.metrics import CELLS, calibration_error, conversion_in_top, gains, measure, with_intervals

LABELS = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0])
SCORES = np.array([0.9, 0.8, 0.4, 0.3, 0.2, 0.2, 0.1, 0.1, 0.0, 0.0])


def test_the_figures_are_those_of_the_confusion_matrix() -> None:
    found = measure(LABELS, SCORES)

    assert (7, 1, 1, 1) == tuple(
        found[name] for name in ("true_negatives", "false_positives", "false_negatives", "true_positives")
    )
    assert (0.8, 0.5, 0.5, 0.5) == (found["accuracy"], found["recall"], found["precision"], found["f1"])
    assert pytest.approx((1 + 2 / 3) / 2) == found["average_precision"]


def test_a_lower_threshold_finds_more_takers() -> None:
    assert 1.0 == measure(LABELS, SCORES, 0.4)["recall"]


def test_who_calls_nobody_has_no_precision_and_no_error() -> None:
    found = measure(LABELS, SCORES / 10)

    assert (0.0, 0.0, 0.0) == (found["precision"], found["recall"], found["f1"])


def test_customers_of_one_score_share_the_last_places() -> None:
    """A tree gives many the same score; the order of the rows must not decide who is in the top."""
    labels, scores = np.array([1, 0, 0, 1]), np.array([0.5, 0.5, 0.5, 0.9])

    assert pytest.approx((1 + 1 / 3) / 2) == conversion_in_top(labels, scores, 0.5)
    assert conversion_in_top(labels, scores, 0.5) == conversion_in_top(labels[::-1], scores[::-1], 0.5)


def test_gains_go_from_nobody_to_everybody_and_never_down() -> None:
    contacted, found = gains(LABELS, SCORES)

    assert ([0, 1], [0, 1]) == ([contacted[0], contacted[-1]], [found[0], found[-1]])
    assert (np.diff(contacted) > 0).all()
    assert (np.diff(found) >= 0).all()
    assert 9 == len(contacted) + 1, "seven distinct scores and the start"


def test_an_interval_holds_its_figure_and_is_the_same_for_the_same_seed() -> None:
    draws = np.random.default_rng(0)
    labels = (draws.random(300) < 0.2).astype(np.int64)
    scores = np.clip(0.3 * labels + 0.6 * draws.random(300), 0, 1)[np.newaxis]

    metrics = with_intervals(labels, scores, "test", seed=1)

    assert metrics == with_intervals(labels, scores, "test", seed=1)
    assert all(metric.low <= metric.value <= metric.high for metric in metrics)
    wide = next(metric for metric in metrics if metric.name == "accuracy")
    assert 0.01 < wide.high - wide.low < 0.15


def test_with_two_repeats_a_figure_is_their_mean() -> None:
    scores = np.array([SCORES, LABELS.astype(float)])

    accuracy = next(one for one in with_intervals(LABELS, scores, "cross_validation", 0) if one.name == "accuracy")

    assert pytest.approx(0.9) == accuracy.value


Interval = tuple[float, float, float]


def intervals(labels: Labels, scores: Vector, threshold: float = 0.5) -> dict[str, Interval]:
    """Return value, low and high of each metric; scores of shape (repeats, n)."""
    found = with_intervals(labels, scores, "test", 0, threshold)
    return {one.name: (one.value, one.low, one.high) for one in found}


def test_a_figure_without_a_fault_among_few_is_not_certain() -> None:
    """Wilson's lower limit of n among n is n / (n + 1.96^2): here 10 in the top 5 %, 30 takers, 200 customers."""
    labels = (np.arange(200) < 30).astype(np.int64)
    scores = np.linspace(1, 0, 200)[np.newaxis]

    found = intervals(labels, scores, threshold=float(scores[0, 29]))

    for name, count in {"conversion_top_5": 10, "recall": 30, "precision": 30, "accuracy": 200}.items():
        assert (1, pytest.approx(count / (count + 1.959964**2)), 1) == found[name]
    assert (0, 0, pytest.approx(200 * (1 - 200 / (200 + 1.959964**2)))) == found["false_positives"]


def test_more_repeats_make_no_more_customers() -> None:
    labels = (np.arange(200) % 4 == 0).astype(np.int64)
    scores = np.random.default_rng(0).random((1, 200))

    once, twice = intervals(labels, scores), intervals(labels, np.repeat(scores, 2, axis=0))

    for name in ("accuracy", "recall", "precision", "conversion_top_10"):
        assert pytest.approx(once[name]) == twice[name]


@pytest.mark.parametrize("labels", [LABELS, 1 - LABELS], ids=["few", "most"])
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_every_interval_holds_its_share_and_stays_within_its_bounds(labels: Labels, threshold: float) -> None:
    """With ties, whose customers count in part; with repeats, whose mean is no whole count."""
    scores = np.array([SCORES, np.full(10, 0.5), np.zeros(10)])

    metrics = {one.name: one for one in with_intervals(labels, scores, "cross_validation", 0, threshold)}

    for name in ("accuracy", "recall", "precision", "conversion_top_5", "conversion_top_10", "conversion_top_20"):
        assert 0 <= metrics[name].low <= metrics[name].value <= metrics[name].high <= 1
        assert metrics[name].low < metrics[name].high
    for name in CELLS:
        assert 0 <= metrics[name].low <= metrics[name].value <= metrics[name].high <= len(labels)


def test_of_a_precision_of_nobody_nothing_is_known() -> None:
    assert (0, 0, 1) == intervals(LABELS, SCORES[np.newaxis], threshold=0.95)["precision"]


@pytest.mark.parametrize("decimals", [1, 2, 16])
def test_figures_of_a_ranking_are_those_of_scikit_learn_with_many_ties_and_without(decimals: int) -> None:
    draws = np.random.default_rng(decimals)
    labels = (draws.random(500) < 0.1).astype(np.int64)
    scores = np.round(draws.beta(0.3, 2, 500), decimals)

    found = measure(labels, scores)

    assert found["roc_auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert found["average_precision"] == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert found["log_loss"] == pytest.approx(log_loss(labels, scores), abs=1e-12)
    assert found["brier"] == pytest.approx(brier_score_loss(labels, scores), abs=1e-12)


def test_the_calibration_error_is_the_mean_gap_of_ten_bins_and_no_order_of_rows_changes_it() -> None:
    """A hundred customers in ten scores; in each bin of ten one more takes the loan than the score says."""
    scores = np.repeat(np.arange(10) / 20, 10)
    labels = np.concatenate([np.arange(10) < round(10 * score) + 1 for score in np.unique(scores)]).astype(np.int64)
    gaps = [abs(labels[scores == score].mean() - score) for score in np.unique(scores)]
    mixed = np.random.default_rng(0).permutation(100)

    assert calibration_error(labels, scores) == pytest.approx(np.mean(gaps))
    assert calibration_error(labels[mixed], scores[mixed]) == pytest.approx(np.mean(gaps))
