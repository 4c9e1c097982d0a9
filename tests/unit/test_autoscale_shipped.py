"""The numbers of k8s/ and infra/ in a simulated day: they fit together, and docs/scale.md has what they come to."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from autoscaling.load import bank_day
from autoscaling.manifests import NoManifest, shipped_nodes, shipped_pod, shipped_scaling
from autoscaling.report import first_lead, limit_of_nodes, summary
from autoscaling.simulation import Plan, simulate

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"


def test_the_nodes_hold_all_pods_that_are_shipped() -> None:
    """A pod beyond that stays Pending in every burst."""
    assert shipped_scaling().max_replicas <= limit_of_nodes(shipped_nodes(), shipped_pod().cpu_request)


def test_the_shipped_numbers_come_to_what_the_page_says() -> None:
    """docs/scale.md has the day that the command prints for the manifests as they are."""
    plan = Plan(shipped_scaling(), shipped_pod(), shipped_nodes(), table_rate=1000 / (0.096 * 2))

    figures = summary(plan, simulate(plan, bank_day(1), seed=1))
    page = dict(re.findall(r"^\| ([^|]+) \| ([\d.,]+)(?: s)? \|$", PAGE.read_text(), re.MULTILINE))
    assert 0 == figures["left_on_queue"]
    assert {
        "oldest event, greatest": f"{figures['oldest_age_max_s']:.0f}",
        "age of 99 % of all events at most": f"{figures['event_age_p99_s']:.0f}",
        "oldest event, 99 % of the seconds": f"{figures['oldest_age_p99_s']:.0f}",
        "on the queue, most": f"{figures['queue_max']:,.0f}",
        "pods, most": f"{figures['pods_receiving_max']:.0f}",
        "nodes, most": f"{figures['nodes_max']:.0f}",
        "hours without a pod": f"{figures['hours_at_0_pods']:.1f}",
        "node hours beyond the two that are always there": f"{figures['added_node_hours']:.1f}",
        "USD, nodes and services": f"{figures['usd']:.1f}",
    } == page


def test_a_checkout_without_manifests_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoManifest, match="holds no ScaledObject named leadline-worker"):
        shipped_scaling(tmp_path)


def test_the_page_has_the_first_lead_of_the_shipped_numbers() -> None:
    plan = Plan(shipped_scaling(), shipped_pod(), shipped_nodes())

    cases = [{"room": True, "image": True}, {"room": True}, {"room": False}]
    totals = " | ".join(f"**{first_lead(plan, **case)['total']:.0f}**" for case in cases)
    assert f"| **total** | {totals} |" in PAGE.read_text()


def test_a_pod_that_asks_for_900m_has_a_node_of_its_own() -> None:
    """Ten nodes then hold ten pods, whatever the maximum is."""
    assert 10 == limit_of_nodes(shipped_nodes(), 0.9)
