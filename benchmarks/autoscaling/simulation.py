"""The loop: one step a second, in the order of arrival, autoscalers, nodes, work."""

import random
from dataclasses import dataclass, field

import numpy as np

from autoscaling.backlog import Backlog
from autoscaling.cluster import Cluster, Replica
from autoscaling.hpa import SYNC_S, Hpa
from autoscaling.keda import Keda, metric
from autoscaling.load import Counts
from autoscaling.settings import Nodes, Pod, Scaling


@dataclass(frozen=True)
class Plan:
    """All that is simulated: the numbers of the manifests, of a pod, of the nodes, and what the table takes."""

    scaling: Scaling = field(default_factory=Scaling)
    pod: Pod = field(default_factory=Pod)
    nodes: Nodes = field(default_factory=Nodes)
    table_rate: float = float("inf")
    """Events per second that the table and its indexes take; more pods do not help beyond it."""


@dataclass(frozen=True)
class Day:
    """What happened: one entry a second, the events' ages when they were processed, and the first pod's start."""

    arrived: Counts
    queued: Counts
    oldest_s: Counts
    replicas: Counts
    ready: Counts
    nodes: Counts
    ages: Counts
    processed: int
    first: Replica | None


def simulate(plan: Plan, arrivals: Counts, seed: int = 0, replicas: int = 0) -> Day:
    """
    Run through the arrivals; the same seed gives the same day.

    Messages in flight are what the pods hold that receive: up to a batch each. A pod that is removed finishes or gives
    back its batch (it drains), so nothing is lost by scaling. SQS counts approximately, and lags by seconds; here it
    counts right.

    Args:
        plan: What is simulated.
        arrivals: Shape (seconds,): events that arrive in each.
        seed: For the time that nodes take.
        replicas: Pods at the start; they are started first.
    """
    cluster = Cluster(plan.pod, plan.nodes, random.Random(seed))  # noqa: S311  a simulation
    keda, hpa, backlog = Keda(plan.scaling), Hpa(plan.scaling), Backlog(len(arrivals))
    cluster.scale(replicas, 0)
    seen = np.zeros((5, len(arrivals)), dtype=np.int64)
    first: Replica | None = None
    for now, count in enumerate(arrivals.tolist()):
        backlog.add(now, count)
        in_flight = min(backlog.queued, cluster.ready(now) * plan.pod.batch)
        messages = metric(plan.scaling, backlog.queued, in_flight)
        if now % plan.scaling.polling_s == 0:
            cluster.scale(keda.poll(len(cluster.replicas), now, messages), now)
        if now % SYNC_S == 0:
            cluster.scale(hpa.sync(now, len(cluster.replicas), messages), now)
        cluster.step(now)
        ready = cluster.ready(now)
        backlog.work(now, min(ready * plan.pod.rate, plan.table_rate))
        first = first or next(iter(cluster.replicas), None)
        seen[:, now] = backlog.queued, backlog.oldest_s(now), len(cluster.replicas), ready, len(cluster.nodes)
    queued, oldest_s, wanted, receiving, nodes = seen
    return Day(
        arrived=arrivals,
        queued=queued,
        oldest_s=oldest_s,
        replicas=wanted,
        ready=receiving,
        nodes=nodes,
        ages=backlog.ages,
        processed=backlog.processed,
        first=first,
    )
