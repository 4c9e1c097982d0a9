"""What a simulation is told: the numbers of ScaledObject, pod, nodes and queue."""

from dataclasses import dataclass
from typing import Literal

from cost import RATES


@dataclass(frozen=True)
class Policy:
    """So many pods, or so many per cent of them, may come or go within a period."""

    type: Literal["Pods", "Percent"]
    value: int
    period_s: int


@dataclass(frozen=True)
class Rules:
    """How the HPA may scale in one direction. `select` is `Max`, `Min` or `Disabled`."""

    window_s: int
    policies: tuple[Policy, ...]
    select: str = "Max"
    tolerance: float = 0.1


# What a HorizontalPodAutoscaler does where its `behavior` says nothing.
DEFAULT_UP = Rules(0, (Policy("Percent", 100, 15), Policy("Pods", 4, 15)))
DEFAULT_DOWN = Rules(300, (Policy("Percent", 100, 15),))


@dataclass(frozen=True)
class Scaling:
    """
    A ScaledObject with one trigger of type `aws-sqs-queue`; the defaults are KEDA's own.

    Its fields are described at https://keda.sh/docs/latest/reference/scaledobject-spec/ and
    https://keda.sh/docs/latest/scalers/aws-sqs/.
    """

    queue_length: int = 5
    activation_queue_length: int = 0
    count_in_flight: bool = True
    min_replicas: int = 0
    max_replicas: int = 100
    polling_s: int = 30
    cooldown_s: int = 300
    up: Rules = DEFAULT_UP
    down: Rules = DEFAULT_DOWN


@dataclass(frozen=True)
class Pod:
    """
    One worker.

    Attributes:
        rate: Events per second with store and topic, at 10 ms a call, of two on one node (`cost.RATES`).
        batch: Messages that it holds at most while it works on them: LEADLINE_MAX_IN_FLIGHT.
        cpu_request: CPUs.
        start_s: From the container's start to the first receive: 2.4 s of CPU, the loader's child included, on the one
            CPU of its limit, and about 1.6 s for sandbox, volumes and the interpreter's files.
        schedule_s: From the pod's creation to the kubelet.
        pull_s: For an image of about 180 MB compressed on a node that has none of its layers.
    """

    rate: float = RATES["both"]
    batch: int = 2000
    cpu_request: float = 0.9
    start_s: int = 4
    schedule_s: int = 1
    pull_s: int = 15


@dataclass(frozen=True)
class Nodes:
    """
    A node group under the Cluster Autoscaler.

    Attributes:
        minimum: Nodes that are always there; KEDA, CoreDNS and the autoscaler run on them.
        maximum: Nodes at most.
        cpu: CPUs of one node that pods may ask for, less what DaemonSets ask: c7i.large has 1.93, and aws-node and
            kube-proxy ask for 0.15.
        system_cpu: What system pods and console take of each of the nodes that are always there.
        boot_s: Shortest and longest time from the request to a node that takes pods.
        scan_s: The autoscaler's scan interval.
        unneeded_s: How long a node must be unneeded, and how long ago the last one was added, before it is removed.
    """

    minimum: int = 2
    maximum: int = 10
    cpu: float = 1.78
    system_cpu: float = 0.7
    boot_s: tuple[int, int] = (60, 120)
    scan_s: int = 10
    unneeded_s: int = 600
