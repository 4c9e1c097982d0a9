"""Leases under calls that hang, and what a process leaves in flight: the worker's own code in virtual time."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from ports import Message
from schemas.lead import Lead
from simulation.cloud import Cloud
from simulation.events import Producer
from simulation.faults import Api, Fault, Kind
from simulation.invariants import check
from simulation.models import CAMPAIGN, models
from simulation.process import Ports, Variant, WorkerProcess
from simulation.run import Plan, run
from simulation.seeds import simulate
from simulation.world import World
from worker.outcome import Outcome, Settled
from worker.pipeline import Services, process_batch
from worker.settings import Settings


class Often:
    """One fault, at every third call of some APIs."""

    def __init__(self, kind: Kind, *apis: Api) -> None:
        self._kind, self._apis, self._calls = kind, apis, 0

    def draw(self, api: Api, entries: int, now: float) -> Fault | None:  # noqa: ARG002  as the protocol has it
        self._calls += api in self._apis
        return Fault(self._kind) if api in self._apis and self._calls % 3 == 0 else None


def receive_counts(faults: Often, workers: int = 2) -> list[int]:
    """Let workers do a hundred events, and say how often each message had been received when it was."""
    world = World(3, random.Random(3), faults, events=100)  # noqa: S311  it must repeat itself
    cloud = Cloud(world, "store and topic", max_receive_count=20)
    sent = Producer(world.chance, 100, conflicts=True).messages()
    settings = Settings(campaign=CAMPAIGN, batch_max_size=10, visibility_timeout_s=30)
    run(cloud, sent, Plan(workers, settings, lambda: 0, lambda: 1.0, Variant()))
    check(cloud, sent)
    received = [item for step in world.trace if step.what == "receive" for item in step.items]
    return [item.receive_count for item in received if isinstance(item, Message)]


def test_calls_that_hang_for_two_leases_lose_none() -> None:
    """The lease thread goes on meanwhile, so that nobody else receives what is in hand."""
    assert {1} == set(receive_counts(Often("hung", "put", "publish", "send", "delete", "settle")))


def test_a_process_that_stands_still_loses_its_leases_and_nothing_else() -> None:
    assert {1, 2} <= set(receive_counts(Often("frozen", "put", "publish")))


@pytest.mark.parametrize("api", ["receive", "put", "publish", "delete"])
def test_a_stop_at_any_call_gives_back_what_was_not_done(api: Api) -> None:
    """A process that stops holds nothing, and nothing stays invisible because of it."""
    faults = Often("terminated", api)
    world = World(5, random.Random(5), faults, events=40)  # noqa: S311  it must repeat itself
    cloud = Cloud(world, "store and topic", max_receive_count=20)
    for message in Producer(world.chance, 40, conflicts=True).messages():
        cloud.send(message._replace(at=world.now))
    settings = Settings(campaign=CAMPAIGN, batch_max_size=5, visibility_timeout_s=60)
    WorkerProcess(cloud, "w1", models()[0], settings, Variant()).live()

    in_flight = len(cloud.queue.boxes) - len(cloud.queue.visible())
    assert 0 == in_flight
    assert world.injected == {"terminated": 1}


class Watch:
    """Knows, for one process, which messages are in hand, and which leases the queue has said to be lost."""

    def __init__(self, real: Ports, cloud: Cloud, published: list[bool]) -> None:
        assert real.topic is not None
        self._real, self._topic, self._cloud, self._published = real.queue, real.topic, cloud, published
        self._in_hand: dict[str, Message] = {}
        self.url, self.delete, self.send, self.depth = (
            cloud.queue.url,
            real.queue.delete,
            real.queue.send,
            real.queue.depth,
        )

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        messages = self._real.receive(limit, wait_s, visibility_timeout_s)
        self._in_hand |= {message.receipt: message for message in messages}
        return messages

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        lost = self._real.set_visibility(timeouts_s)
        for message in lost:
            self._in_hand.pop(message.receipt, None)
        return lost

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        """Note of each lead whether any message that it can come from is in hand."""
        events = {e for m in self._in_hand.values() for e in self._cloud.contents[m.id]}
        ours = {(event.customer_id, event.event_id) for event in events}
        self._published += [(lead.data.customer_id, lead.data.event_id) in ours for lead in leads]
        return self._topic.publish(leads)


def watched(published: list[bool]) -> Variant:
    def ports(real: Ports, cloud: Cloud) -> Ports:
        if real.topic is None:
            return real
        watch = Watch(real, cloud, published)
        return real._replace(queue=watch, topic=watch)

    return Variant(ports=ports)


def test_nothing_is_published_for_a_message_whose_lease_is_known_to_be_lost() -> None:
    published: list[bool] = []
    for seed in range(40):
        simulate(seed, variant=watched(published))

    assert all(published)
    assert len(published) > 500


def test_the_watch_sees_a_worker_that_does_not_ask_whether_its_lease_is_lost() -> None:
    published: list[bool] = []

    def careless(
        messages: Sequence[Message],
        services: Services,
        now: datetime,
        _: Callable[[Message], bool],
        settled: Settled,
    ) -> list[Outcome]:
        return process_batch(messages, services, now, lambda _: True, settled)

    for seed in range(40):
        simulate(seed, variant=watched(published)._replace(process=careless))

    assert not all(published)
