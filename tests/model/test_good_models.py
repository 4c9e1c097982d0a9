"""Every kind of model that can be packed passes inspection, loads, and holds no customer."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from propensity.bundle import dump, load
from propensity.inspection.calls import array_of
from propensity.inspection.judge import inspect
from propensity.inspection.machine import Machine
from propensity.scoring import score
from tests.bundles import Keys, make_bundle
from tests.good_models import KINDS, ROWS, fit, fitted, packed, rows
from training.strip import fitted_steps, keeps_training_rows

EXACT = ("tree", "tree, best first", "extra tree", "forest", "extra trees")


@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_model_passes_loads_scores_as_before_and_holds_no_customer(
    kind: str, keys: Keys, tmp_path: Path
) -> None:
    model = packed(kind)
    columns, _ = rows()

    assert () == inspect(dump(model)).reasons
    with threadpool_limits(1):
        loaded = load(make_bundle(tmp_path / "bundle", model, keys, 0.0 if kind in EXACT else 1e-12), keys.public)
        np.testing.assert_array_equal(score(fitted(kind), columns), score(loaded.model, columns))
    assert_no_customer_in(dump(model))
    assert kind.startswith("support vectors") == keeps_training_rows(model)


def assert_no_customer_in(pickled: bytes) -> None:
    """Assert that no training row or column stands in the bytes, and that no array has a figure for each customer."""
    columns, takers = rows()
    machine = Machine()
    machine.run(pickled)
    arrays = [array for made in machine.made if (array := array_of(made)) is not None]
    for row in (*columns, *columns.T, takers):
        assert row.tobytes() not in pickled
        assert row.astype(np.float32).tobytes() not in pickled
    assert not [array.shape for array in arrays if ROWS in array.shape]


@pytest.mark.parametrize("kind", ["gradient boosting, of samples", "extra tree", "vote", "calibrated forest"])
def test_two_fits_pickle_to_the_same_bytes(kind: str) -> None:
    assert dump(packed(kind)) == dump(fitted_steps(fit(kind)))


def test_the_search_for_customers_finds_them() -> None:
    """In a forest as it comes, and in support vectors that were not scaled."""
    for model in (fitted("forest, out of bag"), SVC().fit(*rows())):
        with pytest.raises(AssertionError):
            assert_no_customer_in(dump(model))


def test_out_of_bag_scores_of_single_customers_are_dropped() -> None:
    as_it_comes = fitted("forest, out of bag")

    assert ROWS == len(as_it_comes.oob_decision_function_)
    assert not hasattr(fitted_steps(as_it_comes), "oob_decision_function_")
    assert hasattr(as_it_comes, "oob_decision_function_"), "what was handed in stays as it is"
