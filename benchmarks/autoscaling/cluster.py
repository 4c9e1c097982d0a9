"""Pods on nodes: the scheduler, the image, and the Cluster Autoscaler."""

import math
import random
from dataclasses import dataclass, field

from autoscaling.settings import Nodes, Pod


@dataclass
class Node:
    """A machine: when it takes pods, how many, and from when on it has the image."""

    ready_at: int
    slots: int
    fixed: bool
    image_at: int | None = None
    unneeded_since: int | None = None
    pods: int = 0


@dataclass
class Replica:
    """A pod, and the moments of its start, in seconds."""

    created_at: int
    node: Node | None = None
    bound_at: int = -1
    pulled_at: int = -1
    receives_at: int = -1


@dataclass
class Cluster:
    """Starts and stops pods as the Deployment is scaled, and nodes as pods need them."""

    pod: Pod
    limits: Nodes
    chance: random.Random
    nodes: list[Node] = field(default_factory=list)
    replicas: list[Replica] = field(default_factory=list)
    _grown_at: int = -(10**9)

    def __post_init__(self) -> None:
        room = self._slots(self.limits.cpu - self.limits.system_cpu)
        self.nodes = [Node(0, room, fixed=True) for _ in range(self.limits.minimum)]

    def ready(self, now: int) -> int:
        """Count the pods that receive."""
        return sum(1 for replica in self.replicas if replica.node is not None and replica.receives_at <= now)

    def scale(self, wanted: int, now: int) -> None:
        """Make pods, or remove some: those without a node first, then from the fullest node, the youngest first."""
        for _ in range(wanted - len(self.replicas)):
            self.replicas.append(Replica(now))
        for _ in range(len(self.replicas) - wanted):
            victim = max(self.replicas, key=lambda r: (r.node is None, r.node.pods if r.node else 0, r.created_at))
            if victim.node is not None:
                victim.node.pods -= 1
            self.replicas.remove(victim)

    def step(self, now: int) -> None:
        """Give pods that wait a node; every ten seconds look whether there are too few nodes, or too many."""
        for replica in self.replicas:
            if replica.node is None:
                self._schedule(replica, now)
        if now % self.limits.scan_s == 0:
            self._grow(now)
            self._shrink(now)

    def _slots(self, cpu: float) -> int:
        return math.floor(round(cpu / self.pod.cpu_request, 6))

    def _schedule(self, replica: Replica, now: int) -> None:
        """Bind to the emptiest node that has room, as the spread constraint asks; a fresh one pulls the image once."""
        free = [node for node in self.nodes if node.ready_at <= now and node.pods < node.slots]
        if not free:
            return
        node = min(free, key=lambda node: node.pods)
        node.pods += 1
        replica.node, replica.bound_at = node, now + self.pod.schedule_s
        if node.image_at is None:
            node.image_at = replica.bound_at + self.pod.pull_s
        replica.pulled_at = max(replica.bound_at, node.image_at)
        replica.receives_at = replica.pulled_at + self.pod.start_s

    def _grow(self, now: int) -> None:
        slots = self._slots(self.limits.cpu)
        waiting = sum(1 for replica in self.replicas if replica.node is None)
        waiting -= sum(node.slots for node in self.nodes if node.ready_at > now)
        room = self.limits.maximum - len(self.nodes)
        count = min(room, math.ceil(waiting / slots)) if slots else 0
        for _ in range(count):
            self.nodes.append(Node(now + self.chance.randint(*self.limits.boot_s), slots, fixed=False))
        if count > 0:
            self._grown_at = now

    def _shrink(self, now: int) -> None:
        """Remove nodes that are less than half full, and whose pods others have had room for, for long enough."""
        for node in [node for node in self.nodes if not node.fixed and node.ready_at <= now]:
            room = sum(other.slots - other.pods for other in self.nodes if other is not node and other.ready_at <= now)
            is_unneeded = node.pods * self.pod.cpu_request < self.limits.cpu / 2 and node.pods <= room
            if not is_unneeded:
                node.unneeded_since = None
                continue
            node.unneeded_since = now if node.unneeded_since is None else node.unneeded_since
            since = max(node.unneeded_since, self._grown_at)
            if now - since >= self.limits.unneeded_s:
                self._remove(node, now)

    def _remove(self, node: Node, now: int) -> None:
        """Take a node away; its pods are made anew elsewhere."""
        self.nodes.remove(node)
        evicted = [replica for replica in self.replicas if replica.node is node]
        self.replicas = [replica for replica in self.replicas if replica.node is not node]
        self.replicas += [Replica(now) for _ in evicted]
