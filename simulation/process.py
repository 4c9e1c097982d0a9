"""One worker process: the project's own consumer, leases and pipeline on simulated services, until it stops or dies."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from ports import Message, Queue, Store, Topic
from propensity.bundle import Bundle
from propensity.decision import Policy
from simulation.cloud import Cloud
from simulation.link import Killed, Link
from simulation.queue import SimulatedQueue
from simulation.store import SimulatedStore
from simulation.topic import SimulatedTopic
from simulation.world import World
from worker.consumer import Consumer
from worker.intake import Surroundings
from worker.lease import Leases
from worker.outcome import Outcome, Settled
from worker.pipeline import Services, process_batch
from worker.settings import Settings

Process = Callable[[Sequence[Message], Services, datetime, Callable[[Message], bool], Settled], list[Outcome]]


class Ports(NamedTuple):
    """The services as one process sees them."""

    queue: Queue
    quarantine: Queue
    store: Store | None
    topic: Topic | None


class Variant(NamedTuple):
    """What is run: the worker as it is, or, in the tests, with one thing done in another order."""

    process: Process = process_batch
    ports: Callable[[Ports, Cloud], Ports] = lambda ports, _: ports


class WorkerProcess:
    """A worker from its start to its end."""

    def __init__(
        self, cloud: Cloud, name: str, model: tuple[Bundle, Policy], settings: Settings, variant: Variant
    ) -> None:
        self._cloud, self._world = cloud, cloud.world
        self._link = link = Link(cloud.world, name, settings.visibility_timeout_s)
        ports = variant.ports(_ports(link, cloud), cloud)
        self._leases = leases = Leases(ports.queue, settings.visibility_timeout_s, link.clock)
        link.extend_leases = leases.extend_due
        bundle, policy = model
        services = Services(
            bundle=bundle,
            policy=policy,
            store=ports.store,
            topic=ports.topic,
            quarantine=ports.quarantine,
            queue_url=cloud.queue.url,
        )
        self._received: list[Message] = []

        def process(messages: Sequence[Message], settled: Settled) -> list[Outcome]:
            self._received += messages
            return variant.process(messages, services, link.utc(), leases.is_held, settled)

        surroundings = Surroundings(link.clock, link.wait, cloud.world.chance, lambda: link.stopping)
        self._consumer = Consumer(ports.queue, process, leases, settings, surroundings)

    def live(self) -> None:
        """Work until the queue is empty, or SIGTERM, or death."""
        try:
            while not self._link.stopping and self._cloud.queue.boxes:
                _count(self._world, self._consumer.step() or [])
                self._link.wait(0.001)
            self._consumer.give_back()
        except Killed:
            return
        if any(self._leases.is_held(message) for message in self._received):
            self._world.fail(f"{self._link.name} has stopped and still holds a lease")


def _ports(link: Link, cloud: Cloud) -> Ports:
    return Ports(
        queue=SimulatedQueue(link, cloud.queue),
        quarantine=SimulatedQueue(link, cloud.quarantine),
        store=None if cloud.mode == "topic only" else SimulatedStore(link, cloud.store),
        topic=None if cloud.mode == "store only" else SimulatedTopic(link, cloud.topic),
    )


def _count(world: World, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        world.found[outcome.kind] += 1
