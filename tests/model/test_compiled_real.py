"""Compiled models on the 5,000 real customers; `python -m tests.parity` does the same with 200,000 random rows."""

from typing import Any

import numpy as np
import pytest

from propensity.compiled import compile_model
from propensity.features import Matrix
from tests.parity import allowed, compared, fitted, kinds, random_rows, real_set


@pytest.fixture(scope="module")
def customers() -> tuple[Matrix, Any]:
    return real_set()


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores")
@pytest.mark.parametrize("kind", kinds())
def test_all_customers_score_as_before_and_no_decision_flips(kind: str, customers: tuple[Matrix, Any]) -> None:
    """Trees to the bit, others to 1e-12; so do a thousand random rows, within the bounds, beyond, and at the cuts."""
    features, outcomes = customers
    assert 5000 == len(features)
    estimator = fitted(kind, features, outcomes)

    found = compared(estimator, compile_model(estimator), np.vstack([features, random_rows(estimator, features, 1000)]))

    assert found.difference <= allowed(kind)
    assert 0 == found.flips


def test_the_parity_check_sees_a_model_that_is_not_the_same(customers: tuple[Matrix, Any]) -> None:
    """Another seed's tree differs, and at the cuts an estimator that compares in float64 does, too."""
    features, outcomes = customers
    estimator, other = fitted("extra tree", features, outcomes), fitted("tree", features, outcomes)
    rows = random_rows(estimator, features, 1000)

    assert compared(estimator, compile_model(other), rows).difference > 0
    assert compared(estimator, compile_model(other), rows).flips > 0
