"""What a campaign earns, what each threshold brings, and whether scores are probabilities: worked out by hand."""

import numpy as np
import pytest

from schemas.manifest import Economics
from training.metrics import calibration_error
from training.report.calibration import equal_count_bins, equal_width_bins
from training.report.money import EXAMPLE, Terms, fixed_budget, profit_by_contacts, terms_of, worth_contacting
from training.report.thresholds import at_thresholds

LABELS = np.array([1, 0, 1, 0, 0])
SCORES = np.array([0.9, 0.1, 0.5, 0.5, 0.2])
TERMS = Terms(2.0, 10.0, example=False)


def test_profit_is_what_the_loans_bring_less_what_the_contacts_cost() -> None:
    """Of the two customers who score .5 one took the loan: each counts for a half."""
    profit = profit_by_contacts(LABELS, SCORES, TERMS)

    assert [0, 1, 2, 3, 4, 5] == profit.contacts.tolist()
    assert pytest.approx([0, 8, 11, 14, 12, 10]) == profit.realised
    assert pytest.approx([0, 7, 10, 13, 13, 12]) == profit.expected
    assert pytest.approx([0, 2, 4, 6, 8, 10]) == profit.random


def test_neither_the_order_of_the_rows_nor_that_of_equal_scores_matters() -> None:
    turned = profit_by_contacts(LABELS[::-1], SCORES[::-1], TERMS)

    np.testing.assert_allclose(turned, profit_by_contacts(LABELS, SCORES, TERMS))


def test_a_contact_pays_from_cost_over_value_on() -> None:
    """.2 is just enough: at break-even it costs what it brings."""
    assert 0.2 == TERMS.break_even
    assert 4 == worth_contacting(SCORES, TERMS)


def test_a_fixed_budget_brings_the_best_and_says_how_many_of_them_pay() -> None:
    small, large = fixed_budget(LABELS, SCORES, 2, TERMS), fixed_budget(LABELS, SCORES, 5, TERMS)

    assert (2, 0.5, pytest.approx(1.4), 1.5, pytest.approx(0.8), 11.0, 2) == small
    assert (0.1, 2.0, 10.0, 4) == (large.lowest, large.found, large.profit, large.paying)


def test_without_terms_an_example_is_taken_and_called_one() -> None:
    assert terms_of(Economics(rule="even_odds")) is EXAMPLE
    assert EXAMPLE.example
    given = terms_of(Economics(rule="break_even", contact_cost=2.0, loan_value=10.0))
    assert TERMS == given


def test_each_threshold_has_its_contacts_precision_recall_f1_and_profit() -> None:
    half, high = at_thresholds(LABELS, SCORES[np.newaxis], [0.5, 0.9], TERMS)

    assert (0.5, 3, pytest.approx(2 / 3), 1, pytest.approx(0.8)) == half[:5]
    assert (pytest.approx(13), 14) == (half.expected, half.found)
    assert (0.9, 1, 1, 0.5, pytest.approx(2 / 3), pytest.approx(7), 8) == high


def test_at_a_threshold_that_nobody_reaches_nothing_is_earned_and_nothing_fails() -> None:
    assert [(0.95, 0, 0, 0, 0, 0, 0)] == at_thresholds(LABELS, SCORES[np.newaxis], [0.95], TERMS)


def test_with_two_repeats_a_threshold_brings_their_mean() -> None:
    both = np.array([SCORES, np.zeros(5)])

    assert 1.5 == at_thresholds(LABELS, both, [0.5], TERMS)[0].contacts


def test_equal_count_bins_hold_the_lowest_scores_first_and_give_the_calibration_error() -> None:
    labels = np.array([0, 0, 1, 1, 0, 1])
    scores = np.array([0.1, 0.3, 0.4, 0.8, 0.2, 0.9])

    low, middle, high = equal_count_bins(labels, scores, bins=3)

    assert (2, pytest.approx(0.15), 0) == low[:3]
    assert (2, pytest.approx(0.35), 0.5) == middle[:3]
    assert (2, pytest.approx(0.85), 1) == high[:3]
    assert all(0 <= one.low <= one.share <= one.high <= 1 for one in (low, middle, high))


def test_the_bins_are_those_of_the_calibration_error() -> None:
    draws = np.random.default_rng(3)
    scores = draws.random(997)
    labels = (draws.random(997) < scores**2).astype(np.int64)

    bins = equal_count_bins(labels, scores)

    assert 10 == len(bins)
    gaps = [one.customers * abs(one.score - one.share) for one in bins]
    assert pytest.approx(calibration_error(labels, scores)) == sum(gaps) / 997


def test_bins_of_equal_width_leave_out_the_empty_ones_and_hold_a_score_of_one() -> None:
    first, last = equal_width_bins(np.array([0, 1, 1]), np.array([0.0, 0.95, 1.0]))

    assert (1, 0, 0) == first[:3]
    assert (2, pytest.approx(0.975), 1) == last[:3]
