"""The banded errors: what is shown of whom, and what is not."""

import numpy as np
import pandas as pd

from training.report.errors_seen import ALIKE, errors_seen, spend_bands

ROWS = 12


def customers(spend: list[float]) -> pd.DataFrame:
    values = {"highest_spend": spend, "level": [2.0] * len(spend), "hidden_score": [4.0] * len(spend)}
    return pd.DataFrame(values, index=[f"customer-{number}" for number in range(len(spend))])


def test_a_band_of_spend_holds_its_lower_border() -> None:
    assert ["0 to 25", "25 to 50", "175 to 200", "200 and more"] == spend_bands(np.array([24.9, 25, 199, 200]))


def test_the_most_wrong_come_first_and_say_in_how_many_models_they_are_wrong() -> None:
    labels = np.array([1, 0, 0, 1, 1, 0])
    scores = np.array([0.9, 0.6, 0.95, 0.3, 0.02, 0.1])
    other = np.array([0.9, 0.1, 0.80, 0.7, 0.10, 0.1])

    seen = errors_seen(customers([110.0] * 6), labels, scores, {"this": scores, "that": other})

    assert [("0.9 to 1.0", 2), ("0.6 to 0.7", 1)] == [(one.score, one.wrong_in) for one in seen.false_positives]
    assert [("0.0 to 0.1", 2), ("0.3 to 0.4", 1)] == [(one.score, one.wrong_in) for one in seen.false_negatives]
    assert (4, 2, ("this", "that")) == (seen.wrong, seen.wrong_in_all, seen.strong)
    assert ("100 to 125", "graduate", "4", "0.9 to 1.0", 6, 2) == seen.false_positives[0]
    assert [("100 to 125", 6, 3, 2, 2)] == [*seen.bands]


def test_who_has_too_few_customers_alike_is_counted_but_not_shown() -> None:
    spend = [110.0] * (ROWS - ALIKE + 1) + [160.0] * (ALIKE - 1)
    labels, scores = np.zeros(ROWS, dtype=np.int64), np.full(ROWS, 0.7)

    seen = errors_seen(customers(spend), labels, scores, {"this": scores}, shown=ROWS)

    assert ROWS == seen.wrong
    assert {"100 to 125"} == {one.spend for one in seen.false_positives}
    assert [(8, 8), (4, 4)] == [(band.customers, band.false_positives) for band in seen.bands]


def test_without_errors_there_is_nothing_to_see() -> None:
    labels = np.array([0, 1])

    seen = errors_seen(customers([10.0, 110.0]), labels, labels.astype(float), {"this": labels.astype(float)})

    assert (0, [], [], 0) == (seen.wrong, seen.false_positives, seen.false_negatives, seen.wrong_in_all)
