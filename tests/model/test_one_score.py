"""A customer has one score: as an event alone, in any batch, and in the table that training reads."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from leadline.sample import cloud_event, plain_event, sample_customers, sample_events
from propensity.bundle import Bundle, load
from propensity.decision import Case
from propensity.features import FEATURES, Matrix, Vector, matrix_from_customers
from propensity.scoring import Classifier, score
from tests.trained import DemoModel
from training import data
from training.data import matrix
from worker.decode import decode

CUSTOMERS = 5000


@pytest.fixture(scope="module", params=["pickle", "compiled"])
def bundle(demo_model: DemoModel, request: pytest.FixtureRequest) -> Bundle:
    return load(demo_model.bundle, demo_model.public_key, request.param)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Decode all customers from the bytes of an event; every other one comes in the plain form."""
    now = datetime(2026, 2, 1, tzinfo=UTC)
    events = sample_events(list(sample_customers(CUSTOMERS)), "evt", datetime(2026, 1, 1, tzinfo=UTC))
    bodies = [plain_event(event) if index % 2 else cloud_event(event) for index, event in enumerate(events)]
    decoded = [case for body in bodies for case in decode(body, FEATURES, now)]
    valid = [case for case in decoded if isinstance(case, Case)]
    assert len(valid) == CUSTOMERS
    return valid


def in_batches(model: Classifier, rows: Matrix, size: int) -> Vector:
    return np.concatenate([score(model, rows[begin : begin + size]) for begin in range(0, len(rows), size)])


def test_all_customers_have_one_score_as_events_and_in_training(bundle: Bundle, cases: list[Case]) -> None:
    """Bit for bit: the worker's matrix is the training's, and a batch of any size gives the same scores."""
    events = matrix_from_customers([case.customer for case in cases], bundle.feature_names)
    table = matrix(data.load(), bundle.feature_names)
    scores = score(bundle.model, table)

    assert np.array_equal(table, events)
    for size, rows in ((7, 350), (10, 500), (200, CUSTOMERS), (1000, CUSTOMERS)):
        assert np.array_equal(scores[:rows], in_batches(bundle.model, events[:rows], size)), size


@pytest.mark.parametrize("one_in", [20, pytest.param(1, marks=pytest.mark.soak)])
def test_customers_have_the_same_score_when_each_comes_alone(one_in: int, bundle: Bundle, cases: list[Case]) -> None:
    """All 5,000 of them in `make soak`; every twentieth otherwise, since a pickled forest takes its time."""
    cases = cases[::one_in]
    scores = score(bundle.model, matrix_from_customers([case.customer for case in cases], bundle.feature_names))

    alone = [score(bundle.model, matrix_from_customers([case.customer], bundle.feature_names)).item() for case in cases]

    assert scores.tolist() == alone


@pytest.mark.parametrize(
    ("model", "tolerance"),
    [
        (DecisionTreeClassifier(max_depth=6, random_state=0), 0.0),
        (HistGradientBoostingClassifier(max_iter=30, random_state=0), 0.0),
        (make_pipeline(StandardScaler(), LogisticRegression()), 1e-12),
        (GaussianNB(), 1e-12),
    ],
    ids=["tree", "boosting", "logistic_regression", "naive_bayes"],
)
def test_other_models_agree_too(model: Classifier, tolerance: float, cases: list[Case]) -> None:
    """Models of trees to the bit, the others to 1e-12: there the order of a sum in a batch differs."""
    labelled = data.labelled(data.load())
    model.fit(matrix(labelled, FEATURES), data.labels(labelled))  # type: ignore[attr-defined]  the Protocol has no fit
    rows = matrix_from_customers([case.customer for case in cases[:300]], FEATURES)

    scores = score(model, rows)

    for size in (1, 7, 100):
        assert np.abs(scores - in_batches(model, rows, size)).max() <= tolerance
