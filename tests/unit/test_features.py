"""The one matrix: the same from a table and from events, and nothing in it but the features."""

from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from propensity.features import (
    FEATURES,
    OPTIONAL,
    MissingFeature,
    matrix_from_columns,
    matrix_from_customers,
    missing_feature,
)
from propensity.scoring import FeatureMismatch, score
from schemas.customer import Customer
from tests.bundles import likely_above
from tests.helpers import accepted, cloud_event, customer

AMOUNT: Final = st.floats(0, 1e6, allow_nan=False) | st.integers(0, 10**6)
FLAG: Final = st.integers(0, 1)
CUSTOMERS: Final = st.fixed_dictionaries(
    {
        "age": st.integers(0, 130),
        "customer_since": st.integers(-10, 130),
        "zip_code": st.integers(0, 99999),
        "highest_spend": AMOUNT,
        "hidden_score": st.integers(1, 4),
        "monthly_average_spend": AMOUNT,
        "level": st.integers(1, 3),
        "mortgage": AMOUNT,
        "security": FLAG,
        "fixed_deposit_account": FLAG,
        "internet_banking": FLAG,
        "credit_card": FLAG,
    }
)


@given(st.lists(CUSTOMERS, min_size=1, max_size=5), st.permutations([*FEATURES, *OPTIONAL]), st.integers(1, 12))
def test_table_and_events_give_the_same_matrix_to_the_bit(rows: list[dict[str, Any]], names: list[str], k: int) -> None:
    """The events go all the way through JSON and `decode`."""
    columns = {name: [row[name] for row in rows] for name in names}
    from_table = matrix_from_columns(columns, names[:k])
    from_events = matrix_from_customers([accepted(cloud_event(**row)).customer for row in rows], names[:k])
    assert from_table.shape == from_events.shape == (len(rows), k)
    assert from_table.dtype == from_events.dtype == np.float64
    assert from_table.tobytes() == from_events.tobytes()


def test_number_label_and_consent_of_a_customer_change_nothing() -> None:
    usual = matrix_from_customers([Customer(**customer()).known], FEATURES)
    for changes in ({"customer_id": "99"}, {"loan_on_card": 1}, {"consent": None}, {"age": 99, "zip_code": 0}):
        changed = Customer(**{**customer(), **changes}).known
        assert matrix_from_customers([changed], FEATURES).tobytes() == usual.tobytes()


def test_number_and_label_are_no_features() -> None:
    assert not {"customer_id", "loan_on_card", "consent"} & {*FEATURES, *OPTIONAL}


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_that_is_missing_names_itself(name: str) -> None:
    lacking = Customer(**{**customer(), name: None}).known
    assert missing_feature(lacking, FEATURES) == name
    with pytest.raises(MissingFeature, match=name) as told:
        matrix_from_customers([Customer(**customer()).known, lacking], FEATURES)
    assert told.value.name == name
    with pytest.raises(MissingFeature, match=name):
        matrix_from_customers([lacking], [name])
    with pytest.raises(MissingFeature, match="shoe_size"):
        matrix_from_customers([lacking], [name, "shoe_size"])
    columns = {column: [1.0, 2.0] for column in FEATURES}
    with pytest.raises(MissingFeature, match=name):
        matrix_from_columns({column: cells for column, cells in columns.items() if column != name}, FEATURES)
    for gap in (np.nan, None, np.inf):
        with pytest.raises(MissingFeature, match=name):
            matrix_from_columns({**columns, name: np.array([1.0, gap], dtype=np.float64)}, FEATURES)


def test_a_customer_who_lacks_nothing_misses_nothing() -> None:
    assert missing_feature(Customer(**customer()).known, (*FEATURES, *OPTIONAL)) is None


def test_no_customers_give_no_rows_and_no_scores() -> None:
    matrix = matrix_from_customers([], FEATURES)
    assert matrix.shape == (0, len(FEATURES))
    assert score(likely_above(100), matrix).shape == (0,)


def test_a_row_has_the_same_score_alone_and_among_others() -> None:
    model = likely_above(100)
    customers = [Customer(**customer(highest_spend=spend)).known for spend in (50, 99.5, 100.5, 200)]
    together = score(model, matrix_from_customers(customers, FEATURES))
    alone = [score(model, matrix_from_customers([one], FEATURES))[0] for one in customers]
    assert together.tolist() == alone == [0.0, 0.0, 1.0, 1.0]


def test_a_model_of_another_width_is_told_apart() -> None:
    with pytest.raises(FeatureMismatch, match="expects 9 columns, got 2"):
        score(likely_above(100), np.zeros((1, 2)))
