"""Pickles damaged by chance: none harms the process that loads it, and what is accepted scores as it should."""

from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from tests.pickle_fuzz import run


@pytest.mark.parametrize("count", [pytest.param(200, id="short"), pytest.param(10_000, marks=pytest.mark.soak)])
def test_a_damaged_pickle_is_refused_or_scores_the_golden_rows_exactly(count: int, tmp_path: Path) -> None:
    """The mutations are good enough to pass the inspection at times, and to be accepted at times."""
    with threadpool_limits(1):
        counts = run(tmp_path, count, seed=2)

    assert 0 == counts["scores otherwise"]
    assert count == counts.total()
    assert {"accepted", "inspection", "golden rows"} <= set(counts)
