"""KEDA and the HPA as the simulation of a day has them, in cases that can be reckoned by hand."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from autoscaling.hpa import Hpa, desired
from autoscaling.keda import Keda
from autoscaling.settings import Nodes, Policy, Rules, Scaling
from autoscaling.simulation import Plan, simulate

ROOMY = Nodes(minimum=100)
"""A pod each, from the first second on: no case of these waits for a node."""


def arrivals(seconds: int, **counts: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return so many seconds; `t30=5` are five events in second 30."""
    day = np.zeros(seconds, dtype=np.int64)
    for name, count in counts.items():
        day[int(name[1:])] = count
    return day


def test_one_message_at_no_replicas_wakes_a_pod_at_the_next_poll() -> None:
    """It comes in second 1, the poll is in second 30; then schedule 1, image 15, start 4."""
    day = simulate(Plan(Scaling(polling_s=30), nodes=ROOMY), arrivals(100, t1=1))

    assert day.first is not None
    assert (30, 31, 46, 50) == (
        day.first.created_at, day.first.bound_at, day.first.pulled_at, day.first.receives_at,
    )  # fmt: skip
    assert 0 == day.replicas[:30].sum()
    assert 1 == day.queued[49]
    assert 0 == day.queued[50]


def test_a_queue_at_the_activation_length_wakes_nobody() -> None:
    day = simulate(Plan(Scaling(activation_queue_length=5), nodes=ROOMY), arrivals(200, t1=5))

    assert 0 == day.replicas.sum()
    assert 5 == day.queued[-1]


@pytest.mark.parametrize(
    ("replicas", "metric", "wanted"),
    [(1, 250, 3), (3, 300, 3), (1, 0, 0), (10, 1090, 10), (10, 1110, 12), (10, 910, 10), (10, 890, 9), (10, 1101, 12)],
)
def test_the_hpa_divides_and_rounds_up_outside_of_a_tenth(replicas: int, metric: int, wanted: int) -> None:
    assert wanted == desired(Scaling(queue_length=100), replicas, metric)


def test_by_default_the_hpa_adds_four_pods_or_doubles_them_in_15_seconds() -> None:
    hpa = Hpa(Scaling(queue_length=1))

    assert [5, 10, 20, 40] == _rounds(hpa, 1, [1000] * 4)


def test_the_hpa_never_goes_above_its_maximum_nor_below_one() -> None:
    hpa = Hpa(Scaling(queue_length=1, max_replicas=7, down=Rules(0, (Policy("Percent", 100, 15),))))

    assert [5, 7, 7, 1] == _rounds(hpa, 1, [1000, 1000, 1000, 0])


def test_scaling_down_waits_for_its_window() -> None:
    """20 pods are wanted at 0 s for the last time; the window of 300 s still holds that at 285 s, not at 300 s."""
    hpa = Hpa(Scaling(queue_length=1, down=Rules(300, (Policy("Percent", 100, 15),))))

    replicas = _rounds(hpa, 20, [20] + [1] * 20)

    assert [20] * 20 == replicas[:20]
    assert 1 == replicas[20]


def test_scaling_down_keeps_to_its_policies() -> None:
    """Half of the pods a minute, or two, whichever is more."""
    hpa = Hpa(Scaling(queue_length=1, down=Rules(0, (Policy("Percent", 50, 60), Policy("Pods", 2, 60)))))

    replicas = _rounds(hpa, 16, [1] * 16)

    assert [8, 8, 8, 8, 4, 4, 4, 4, 2, 2, 2, 2, 1] == replicas[:13]


def test_a_disabled_direction_does_not_scale() -> None:
    hpa = Hpa(Scaling(queue_length=1, down=Rules(0, (Policy("Pods", 9, 15),), select="Disabled")))

    assert [9, 9] == _rounds(hpa, 9, [1, 1])


def test_the_cooldown_holds_the_last_pod_and_only_the_last_message_counts() -> None:
    keda = Keda(Scaling(cooldown_s=300))

    replicas = [keda.poll(1, at, messages) for at, messages in ((0, 7), (30, 1), (300, 0), (329, 0), (330, 0))]

    assert [1, 1, 1, 1, 0] == replicas


def test_all_pods_go_when_the_trigger_was_inactive_for_the_cooldown() -> None:
    assert 0 == Keda(Scaling()).poll(5, 0, 0)


def _rounds(hpa: Hpa, replicas: int, metrics: list[int]) -> list[int]:
    """Return the replicas after each sync, 15 s apart."""
    seen = []
    for at, metric in enumerate(metrics):
        replicas = hpa.sync(15 * at, replicas, metric)
        seen.append(replicas)
    return seen
