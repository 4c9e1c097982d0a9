"""What a score and a reason take, by the size of the batch: the compiled vote beside scikit-learn's own."""

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.bench.models import Model
from leadline.sample import sample_customers
from propensity.bundle import load
from propensity.features import Matrix, matrix_from_customers
from propensity.scoring import score
from schemas.customer import Customer

SIZES: Final = (1, 10, 100, 1000)
_ROWS: Final = 2000
_TRIES: Final = 7
_LEADS: Final = 100


def scoring(model: Model) -> dict[str, float]:
    """Return microseconds a row for both, by rows at a time, and microseconds a lead for the reasons."""
    pickled, compiled = load(model.bundle, model.public_key, "pickle"), load(model.bundle, model.public_key, "compiled")
    customers = [Customer.model_validate(one).known for one in sample_customers(5000)]
    rows = matrix_from_customers(customers, compiled.feature_names)
    found: dict[str, float] = {}
    with threadpool_limits(1):
        for size in SIZES:
            found[f"compiled_{size}"] = us_a_row(compiled.model.predict_proba, rows, size)
            found[f"scikit_learn_{size}"] = us_a_row(pickled.model.predict_proba, rows, size)
        leads = rows[score(compiled.model, rows) >= compiled.manifest.threshold][:_LEADS]
        found["reasons"] = us_a_row(compiled.reasons, leads, _LEADS)
    return found


def us_a_row(function: Callable[[Matrix], Any], rows: Matrix, size: int) -> float:
    """Return the best of several tries, in microseconds for each row."""
    batches = [rows[begin : begin + size] for begin in range(0, max(size, min(_ROWS, 200 * size)), size)]
    batches = [batch for batch in batches if len(batch) == min(size, len(rows))] or [rows]
    times = []
    for _ in range(_TRIES):
        begun = time.perf_counter()
        for batch in batches:
            function(batch)
        times.append((time.perf_counter() - begun) / sum(map(len, batches)))
    return float(np.min(times)) * 1e6
