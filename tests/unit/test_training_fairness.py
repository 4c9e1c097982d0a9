"""Groups of customers, compared: small tables with figures worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from propensity.features import FEATURES, OPTIONAL, Matrix
from training import data
from training.evaluate import OutOfFold
from training.fairness.by_age import selection_by_age
from training.fairness.groupings import Fairness, fairness
from training.fairness.groups import age_bands, categories, regions
from training.fairness.proxies import proxies
from training.fairness.ratio import chosen_in_top, ratio
from training.sensitive import choose_features, details

SCORES = np.array([[0.9, 0.8, 0.2, 0.1] + [0.0] * 6 + [0.7, 0.1, 0.6, 0.1] + [0.0] * 6])
MINUS = "\N{MINUS SIGN}"
LABELS = np.array([1, 0, 1, 0] + [0] * 6 + [1, 0, 1, 0] + [0] * 6)


def twenty(**changed: list[float]) -> pd.DataFrame:
    """Return ten customers of 25 and ten of 65, all with the same family size and region."""
    fields: dict[str, list[float]] = {
        "age": [25] * 10 + [65] * 10,
        "hidden_score": [2] * 20,
        "zip_code": [94720] * 20,
        **changed,
    }
    return pd.DataFrame(fields).astype(np.float64)


def compared(**changed: list[float]) -> Fairness:
    return fairness(twenty(**changed), LABELS, SCORES, 0.5, smallest=2)


def test_each_groups_figures_are_those_counted_by_hand() -> None:
    """Two of ten are selected in either group: of the young one and of the old both took the loan."""
    young, old = compared().groupings[0].groups

    assert ("under 30", 10, 2, 0.2, 0.2, 0.2, 0.5, 0.5, 1 / 8) == young[:9]
    assert ("30 or more", 10, 2, 0.2, 0.2, 0.0, 1.0, 1.0, 0.0) == old[:9]
    assert pytest.approx(0.2) == young.mean_score
    assert pytest.approx(0.15) == old.mean_score


def test_the_ratio_divides_the_smallest_share_by_the_largest() -> None:
    age = compared(age=[25] * 5 + [65] * 15).groupings[0]

    assert pytest.approx((2 / 15) / (2 / 5)) == age.at_threshold.value
    assert ("30 or more", "under 30") == (age.at_threshold.lowest, age.at_threshold.highest)
    assert age.at_threshold.below_four_fifths
    assert 0.0 == age.in_top.value


def test_groups_of_the_same_share_have_a_ratio_of_one_and_one_that_is_far_off_is_beyond_chance() -> None:
    groups = categories(["a"] * 500 + ["b"] * 500)
    same, other = np.tile([1.0, 0.0], 500), np.array([1.0] * 400 + [0.0] * 500 + [1.0] * 100)

    equal, unequal = ratio(groups, same[np.newaxis], 0), ratio(groups, other[np.newaxis], 0)

    assert (1.0, False, False) == (equal.value, equal.below_four_fifths, equal.beyond_chance)
    assert (0.25, "b", "a") == (unequal.value, unequal.lowest, unequal.highest)
    assert unequal.beyond_chance
    assert unequal.low < 0.25 < unequal.high < 0.35
    assert 0.85 < equal.alike < 0.95
    assert equal == ratio(groups, same[np.newaxis], 0)


def test_a_large_sample_near_one_is_no_sign_even_if_it_is_no_chance() -> None:
    groups = categories(["a"] * 50_000 + ["b"] * 50_000)
    chosen = np.array([1.0] * 25_000 + [0.0] * 25_000 + [1.0] * 23_000 + [0.0] * 27_000)

    found = ratio(groups, chosen[np.newaxis], 0)

    assert found.value < found.alike
    assert not found.beyond_chance


def test_where_nobody_is_selected_shares_of_nobody_are_not_known() -> None:
    found = fairness(twenty(), LABELS, SCORES, 0.95, smallest=2).groupings[0]

    assert math.isnan(found.at_threshold.value)
    assert math.isnan(found.at_threshold.low)
    assert not found.at_threshold.beyond_chance
    assert math.isnan(found.groups[0].conversion)
    assert 0.0 == found.groups[0].recall


def test_one_region_and_one_family_size_are_one_group() -> None:
    _, family, region = compared().groupings

    assert (["2"], ["ZIP 94..."]) == ([one.name for one in family.groups], [one.name for one in region.groups])
    assert 1.0 == region.at_threshold.value
    assert not region.at_threshold.beyond_chance


def test_repeats_are_averaged() -> None:
    scores: Matrix = np.array([SCORES[0], np.zeros(20)])

    young = fairness(twenty(), LABELS, scores, 0.5, smallest=2).groupings[0].groups[0]

    assert (10, 2, 0.1, 0.25) == (young.customers, young.takers, young.selected, young.recall)
    assert 0.5 == young.conversion  # known in the first repeat only


def test_bands_of_age_hold_their_lower_border_and_small_ones_are_joined() -> None:
    ages = [29, 30, 39, 40, 59, 60, 90]

    assert ("under 30", "30 to 39", "40 to 49", "50 to 59", "60 or more") == age_bands(ages).names
    assert [0, 1, 1, 2, 3, 4, 4] == age_bands(ages).of.tolist()
    assert ("under 40", "40 or more") == age_bands(ages, 3).names
    assert ("all ages",) == age_bands(ages, 4).names


def test_regions_are_two_digits_and_the_smallest_are_joined_until_they_are_enough() -> None:
    zips = [94720] * 5 + [90001] * 4 + [92000] * 2 + [9307]

    assert ("ZIP 09...", "ZIP 90...", "ZIP 92...", "ZIP 94...") == regions(zips).names
    joined = regions(zips, 3)
    assert ("ZIP 90...", "ZIP 94...", "other ZIPs") == joined.names
    assert [4, 5, 3] == np.bincount(joined.of).tolist()
    assert ("other ZIPs",) == regions(zips, 100).names


def test_at_the_border_of_the_best_tenth_equal_scores_share_the_places() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.5, 0.5] + [0.1] * 15)

    assert [1.0, 0.25, 0.25, 0.25, 0.25] == chosen_in_top(scores, 0.1)[:5].tolist()
    assert pytest.approx(2.0) == chosen_in_top(scores, 0.1).sum()


def test_proxies_are_named_by_their_figures() -> None:
    ages = np.array([25.0, 35, 45, 55])
    rows = pd.DataFrame({"age": ages, "mortgage": 2 * ages, "level": [1.0, 1, 1, 1], "security": [1.0, 0, 0, 1]})

    found = proxies(rows, ("security", "age", "mortgage", "level"))

    assert ["Mortgage", "Level", "Security"] == [one.column for one in found.each]
    assert pytest.approx(1.0) == found.each[0].correlation
    assert [True, False, False] == [one.notable for one in found.each]
    assert pytest.approx(1.0) == found.explained
    assert 0.0 == proxies(rows.assign(age=40.0), ("mortgage",)).explained == proxies(rows, ()).explained


def test_on_the_real_set_the_usual_columns_hardly_tell_the_age() -> None:
    found = proxies(data.load(), FEATURES)

    assert not any(one.notable for one in found.each)
    assert found.explained < 0.02


def evaluation(shift: float, scores: Matrix = SCORES) -> OutOfFold:
    spread = shift + np.array([-0.01, 0.01, 0.0, 0.0])
    by_fold = {"accuracy": 0.9 + spread, "average_precision": 0.8 + spread, "log_loss": 0.2 - spread}
    return OutOfFold("tree", scores, by_fold)


def test_the_cost_of_leaving_out_is_told_by_every_rule_and_alone() -> None:
    """With the three, all folds are better by .1; with the age alone by .05."""
    alone = dict.fromkeys(OPTIONAL, evaluation(0.0)) | {"age": evaluation(0.05)}

    found = choose_features(evaluation(0.0), evaluation(0.1), "accuracy", alone)

    assert (*FEATURES, *OPTIONAL) == found.names
    assert {"accuracy", "average_precision", "log_loss"} == {*found.costs}
    assert all(pytest.approx(0.1) == cost.mean for cost in found.costs.values())
    assert pytest.approx(0.05) == found.alone["age"]["log_loss"].mean
    assert pytest.approx(0.0) == found.alone["zip_code"]["accuracy"].mean
    together, age, *_ = details(found)
    assert f"accuracy by {MINUS}0.1000 (0.0000)" in together
    assert "log loss by +0.1000 (0.0000)" in together
    assert f"leaving out Age changes accuracy by {MINUS}0.0500" in age
    assert 4 == len(details(found))


def test_what_leaving_out_does_to_the_ages_is_measured_and_decides_nothing() -> None:
    """Of 400 customers the best 40 are half young and half old without the columns, and all young with them."""
    ages, labels = np.array([25] * 200 + [65] * 200), np.tile([1] * 20 + [0] * 180, 2)
    fair = np.tile(np.linspace(1, 0, 200), 2)[np.newaxis]
    unfair = np.linspace(1, 0, 400)[np.newaxis]

    by_age = selection_by_age(labels, fair, unfair, ages)
    found = choose_features(evaluation(0.0), evaluation(0.0), "accuracy", by_age=by_age)

    assert [("under 30", 200, 20, 0.1, 0.2), ("30 or more", 200, 20, 0.1, 0.0)] == [one[:5] for one in by_age.bands]
    assert (1.0, 0.0, 1.0) == (by_age.without.value, by_age.with_all.value, by_age.outcomes.value)
    assert FEATURES == found.names
    assert "1.00 of the share of the most selected without these columns, and 0.00 with them" in details(found)[-1]
    assert details(choose_features(evaluation(0.0), evaluation(0.0), "accuracy"))[0] in details(found)
