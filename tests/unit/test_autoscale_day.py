"""A simulated day as a whole: what is kept, what waits, and what the nodes hold."""

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from autoscaling.load import BURST_AT_S, bank_day
from autoscaling.report import first_lead, limit_of_nodes, quantile
from autoscaling.search import pareto
from autoscaling.settings import Nodes, Pod, Scaling
from autoscaling.simulation import Day, Plan, simulate

ROOMY = Nodes(minimum=100)
"""A pod each, from the first second on: no case of these waits for a node."""


def arrivals(seconds: int, **counts: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return so many seconds; `t30=5` are five events in second 30."""
    day = np.zeros(seconds, dtype=np.int64)
    for name, count in counts.items():
        day[int(name[1:])] = count
    return day


@pytest.mark.parametrize(("counted", "interrupted"), [(True, False), (False, True)])
def test_messages_in_flight_hold_the_pod_only_if_they_count(*, counted: bool, interrupted: bool) -> None:
    """One pod holds all 150 messages and takes 150 s; a queue that seems empty takes it away before."""
    scaling = Scaling(count_in_flight=counted, cooldown_s=30, polling_s=15, max_replicas=1)
    day = simulate(Plan(scaling, Pod(rate=1), ROOMY), arrivals(400, t1=150))

    started = int(np.argmax(day.ready))
    is_gone_early = bool(((day.replicas == 0) & (day.queued > 0))[started:].any())
    assert interrupted is is_gone_early


@pytest.mark.parametrize(
    "scaling", [Scaling(queue_length=500), Scaling(count_in_flight=False), Scaling(max_replicas=3)]
)
def test_nothing_is_lost_in_any_second(scaling: Scaling) -> None:
    """What has arrived is processed or queued, every event has an age, and the queue ends empty."""
    day = simulate(Plan(scaling, Pod(rate=20)), arrivals(3000, t5=3000, t400=2000, t1500=1))

    processed = np.cumsum(day.arrived) - day.queued
    assert (np.diff(processed) >= 0).all()
    assert 5001 == day.processed == day.ages.sum() == processed[-1]
    assert 0 == day.queued[-1]
    assert day.replicas.max() <= scaling.max_replicas


def test_a_burst_is_younger_with_more_pods_and_no_older() -> None:
    ages = [_burst(max_replicas).oldest_s.max() for max_replicas in (1, 2, 4, 8, 16)]

    assert all(more < fewer for fewer, more in pairwise(ages))


def test_pods_beyond_what_the_table_takes_do_not_help() -> None:
    plan = Plan(Scaling(queue_length=100, max_replicas=8), Pod(rate=10), ROOMY, table_rate=40)

    day = simulate(plan, arrivals(2000, t1=10_000))

    assert 40 == -np.diff(day.queued).min()


def test_a_pod_without_room_waits_for_a_node_and_its_image() -> None:
    """No node is there; the autoscaler looks in second 30, and a node takes 60 to 120 s."""
    none = Nodes(minimum=0, maximum=2)
    day = simulate(Plan(Scaling(polling_s=30), nodes=none), arrivals(400, t1=1), seed=3)

    assert day.first is not None
    assert 30 + 60 <= day.first.bound_at - 1 <= 30 + 120
    assert day.first.bound_at + 15 + 4 == day.first.receives_at


def test_pods_beyond_what_the_nodes_hold_never_receive() -> None:
    nodes = Nodes(minimum=1, maximum=3, cpu=2, system_cpu=1)
    day = simulate(
        Plan(Scaling(queue_length=1, max_replicas=20), Pod(rate=1, cpu_request=1), nodes), arrivals(900, t1=9999)
    )

    assert 20 == day.replicas.max()
    assert 5 == day.ready.max() == limit_of_nodes(nodes, 1)
    assert 3 == day.nodes.max()


def test_a_node_is_removed_ten_minutes_after_it_was_last_needed() -> None:
    """The second pod's node is empty or half empty from the scale-down on, and stays for 600 s at least."""
    nodes = Nodes(minimum=1, maximum=2, cpu=1, system_cpu=0)
    plan = Plan(Scaling(queue_length=10, max_replicas=2), Pod(rate=1, cpu_request=1), nodes)
    day = simulate(plan, arrivals(3000, t1=300))

    emptied = int(np.flatnonzero(day.replicas == 2)[-1]) + 1
    removed = int(np.flatnonzero(day.nodes == 2)[-1]) + 1
    assert 600 <= removed - emptied <= 610


def test_one_seed_is_one_day() -> None:
    plan, day = Plan(), bank_day(7, 10_000, 50_000)

    again = simulate(plan, bank_day(7, 10_000, 50_000), seed=7)
    assert np.array_equal(simulate(plan, day, seed=7).queued, again.queued)
    assert not np.array_equal(day, bank_day(8, 10_000, 50_000))


def test_the_day_holds_ten_million_events_half_of_them_in_15_minutes_of_the_night() -> None:
    day = bank_day(1)

    assert 10_000_000 == day.sum()
    assert 5_000_000 == day[BURST_AT_S : BURST_AT_S + 900].sum() == day[: 5 * 3600].sum()
    assert 0 == day[23 * 3600 :].sum()


def test_the_first_lead_is_broken_down() -> None:
    waited = first_lead(Plan(Scaling(polling_s=15)), room=True)

    assert {"poll": 14, "schedule": 1, "node": 0, "image": 15, "start": 4} == {
        k: v for k, v in waited.items() if v == int(v)
    }
    assert 34.2 == pytest.approx(waited["total"])
    assert 90 <= first_lead(Plan(), room=False)["node"] <= 100


def test_the_age_of_the_99th_of_100_events() -> None:
    assert 1 == quantile(np.array([50, 49, 0, 1]), 0.99)
    assert 3 == quantile(np.array([50, 48, 0, 2]), 0.99)
    assert 0 == quantile(np.array([0, 0]), 0.99)


def test_what_another_beats_in_everything_is_not_recommended() -> None:
    rows: list[dict[str, float | str]] = [
        {"usd": 1, "age": 9},
        {"usd": 2, "age": 9},
        {"usd": 3, "age": 1},
        {"usd": 3, "age": 1},
    ]

    assert [rows[0], rows[2]] == pareto(rows, ("usd", "age"))


def _burst(max_replicas: int) -> Day:
    plan = Plan(replace(Scaling(queue_length=100), max_replicas=max_replicas), Pod(rate=10), ROOMY)
    return simulate(plan, arrivals(4000, t1=20_000))
