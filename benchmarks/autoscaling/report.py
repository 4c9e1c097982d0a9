"""What a day comes to: pods, nodes, ages, the first lead from nothing, and its cost."""

from dataclasses import replace
from typing import Final

import numpy as np
from cost import Usage, per_million
from prices import EU_WEST_1

from autoscaling.load import Counts
from autoscaling.settings import Nodes
from autoscaling.simulation import Day, Plan, simulate

FIRST_BATCH_S: Final = 0.2
"""Receive, score, one update, publish, delete: five calls one after the other, and a batch that fills for 50 ms."""


def summary(plan: Plan, day: Day) -> dict[str, float]:
    """Return the figures of a day; ages and times in seconds, cost in USD."""
    node_hours = float(day.nodes.sum()) / 3600
    services = per_million("both", EU_WEST_1, Usage())
    requests = sum(usd for name, usd in services.items() if name != "EC2") * day.processed / 1e6
    ready_hours = float(day.ready.sum()) / 3600
    return {
        "events": float(day.arrived.sum()),
        "processed": float(day.processed),
        "left_on_queue": float(day.queued[-1]),
        "pods_max": float(day.replicas.max()),
        "pods_receiving_max": float(day.ready.max()),
        "nodes_max": float(day.nodes.max()),
        "queue_max": float(day.queued.max()),
        "oldest_age_max_s": float(day.oldest_s.max()),
        "oldest_age_p99_s": float(np.percentile(day.oldest_s, 99)),
        "event_age_p99_s": float(quantile(day.ages, 0.99)),
        "hours_at_0_pods": float((day.replicas == 0).sum()) / 3600,
        "pod_hours": ready_hours,
        "pod_use": day.processed / (ready_hours * 3600 * plan.pod.rate) if ready_hours else 0.0,
        "node_hours": node_hours,
        "added_node_hours": node_hours - plan.nodes.minimum * len(day.nodes) / 3600,
        "usd_nodes": node_hours * EU_WEST_1["node hour"].usd,
        "usd_services": requests,
        "usd": node_hours * EU_WEST_1["node hour"].usd + requests,
    }


def first_lead(plan: Plan, *, room: bool, image: bool = False) -> dict[str, float]:
    """
    Return what one event waits for that finds no pod, in seconds; it comes just after a poll, the worst moment.

    Args:
        plan: What is simulated.
        room: Whether one of the nodes that are always there has room for a pod. If not, one boots in 90 s.
        image: Whether that node has run the image before.
    """
    nodes = replace(plan.nodes, boot_s=(90, 90), system_cpu=plan.nodes.system_cpu if room else plan.nodes.cpu)
    arrivals: Counts = np.zeros(600, dtype=np.int64)
    arrivals[1] = 1
    pod = replace(plan.pod, pull_s=0) if image else plan.pod
    first = simulate(replace(plan, nodes=nodes, pod=pod), arrivals).first
    if first is None or first.receives_at < 0:
        return {}
    waited = {
        "poll": first.created_at - 1,
        "schedule": plan.pod.schedule_s,
        "node": first.bound_at - plan.pod.schedule_s - first.created_at,
        "image": first.pulled_at - first.bound_at,
        "start": first.receives_at - first.pulled_at,
        "first batch": FIRST_BATCH_S,
    }
    return {**waited, "total": sum(waited.values())}


def quantile(ages: Counts, share: float) -> int:
    """Return the age in seconds that `share` of the events did not exceed when they were processed."""
    total = int(ages.sum())
    return int(np.searchsorted(np.cumsum(ages), share * total)) if total else 0


def limit_of_nodes(nodes: Nodes, cpu_request: float) -> int:
    """Return how many pods all nodes hold."""
    fixed, added = (int(round(cpu / cpu_request, 6)) for cpu in (nodes.cpu - nodes.system_cpu, nodes.cpu))
    return nodes.minimum * fixed + (nodes.maximum - nodes.minimum) * added
