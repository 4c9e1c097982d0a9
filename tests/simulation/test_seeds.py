"""The worker under faults keeps every promise; one seed is one trace; and the faults that are promised do happen."""

import os
import subprocess
import sys

import pytest

from simulation.cloud import MODES
from simulation.faults import EXPLAINED
from simulation.many import NOTHING, simulate_many, simulate_seeds
from simulation.process import Variant
from simulation.seeds import simulate
from simulation.world import Violation
from worker.outcome import Outcome

TRACE = "from simulation.seeds import simulate; print(*simulate(11, events=60).trace, sep='\\n')"


@pytest.mark.parametrize("first", range(0, 300, 30))
def test_nothing_is_lost_stale_or_contradicted_whatever_goes_wrong(first: int) -> None:
    """Ten times 30 seeds of 100 events, at fault rates up to 20 %; `make soak` runs 10,000."""
    total = simulate_seeds(range(first, first + 30), events=100, fault_rate=0.2)

    assert () == total.failures


def test_seeds_that_once_broke_a_promise_do_so_no_more() -> None:
    """A hand fuller than a batch made the worker ask for a negative number of messages."""
    for seed in (3774, 8748):
        simulate(seed, events=100, fault_rate=0.2)


def test_an_error_that_ends_a_worker_is_told_with_the_seed_that_replays_it() -> None:
    def process(*_: object) -> list[Outcome]:
        raise KeyError("nobody foresaw this")

    with pytest.raises(Violation, match=r"seed 5: a worker ends by an error that nobody foresaw: KeyError"):
        simulate(5, events=20, variant=Variant(process=process))


def test_nothing_is_lost_when_nearly_every_second_call_fails() -> None:
    assert () == simulate_seeds(range(1000, 1015), events=60, fault_rate=0.45).failures


def test_without_faults_nothing_is_retried_dead_lettered_or_redriven() -> None:
    total = simulate_seeds(range(10), events=100, fault_rate=0)

    assert () == total.failures
    assert not total.injected
    assert not any(total.found[fate] for fate in ("retried", "dead-lettered", "redriven"))


def test_every_fault_and_every_fate_of_an_event_occurs() -> None:
    total = simulate_seeds(range(60), events=100, fault_rate=0.2)

    assert set(EXPLAINED) == set(total.injected)
    assert set(MODES) == set(total.modes)
    fates = {"applied", "duplicate", "superseded", "quarantined", "retried", "dead-lettered", "redriven", "copies"}
    assert fates <= set(total.found)


def test_one_seed_is_one_trace_and_another_seed_another() -> None:
    first, again, other = (simulate(seed, events=60) for seed in (11, 11, 12))

    assert first == again
    assert first.trace != other.trace


def test_a_trace_does_not_depend_on_the_order_of_sets() -> None:
    traces = {
        subprocess.run(
            [sys.executable, "-c", TRACE],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert 1 == len(traces)
    assert traces == {"".join(f"{step}\n" for step in simulate(11, events=60).trace).encode()}


def test_many_seeds_come_to_the_same_on_one_core_and_on_two() -> None:
    parts: list[int] = []
    one = simulate_many(range(30), 20, 0.2, jobs=1, tell=lambda part: parts.append(part.seeds))
    two = simulate_many(range(30), 20, 0.2, jobs=2, tell=lambda part: parts.append(part.seeds))

    assert one._replace(virtual_s=0.0) == two._replace(virtual_s=0.0)
    assert one.virtual_s == pytest.approx(two.virtual_s)
    assert 60 == sum(parts)
    assert NOTHING.seeds == 0
