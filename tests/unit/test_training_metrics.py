"""Figures, and how sure they are."""

import numpy as np
import pytest

from training.metrics import conversion_in_top, gains, measure, with_intervals

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
