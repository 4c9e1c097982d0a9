"""A long life: one worker, a million events and as many empty receives, in virtual time; its memory must not grow."""

import gc
import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from ports import Message, Put
from schemas.decision import Decision
from schemas.event import utc_text
from schemas.lead import Lead
from simulation.events import Planted, message_of, planted, spoilt
from simulation.faults import Api, Fault, RandomFaults
from simulation.link import Link
from simulation.models import CAMPAIGN, models
from simulation.queue import QueueState, SimulatedQueue
from simulation.run import nothing_unforeseen
from simulation.store import SimulatedStore, StoreState
from simulation.topic import SimulatedTopic, TopicState
from simulation.world import START, World
from worker.consumer import Consumer
from worker.intake import Surroundings
from worker.lease import Leases
from worker.metrics import Metrics
from worker.outcome import Outcome, Settled
from worker.pipeline import Services, process_batch
from worker.settings import Settings

_CUSTOMERS: Final = 1000
_FAULT_RATE: Final = 0.02
_AT_ONCE: Final = 1000
_PACKED: Final = 10
_SPENDS: Final = (20, 60, 90, 110, 150, 220)
_WARM_SHARE: Final = 0.1
_SAMPLES: Final = 20


class Sample(NamedTuple):
    """What the process held after so many events, or empty receives."""

    done: int
    memory_bytes: int
    threads: int


class Life(NamedTuple):
    """The samples of both halves, and how many events came to which outcome."""

    busy: list[Sample]
    idle: list[Sample]
    outcomes: dict[str, int]
    virtual_s: float


def soak(events: int, receives: int, tell: Callable[[int], object] = lambda _: None) -> Life:
    """
    Let a worker live through events with faults, duplicates and bad ones among them, and then through silence.

    Args:
        events: How many events, in messages of one and of several.
        receives: How many receives come back empty afterwards.
        tell: Told how many more were done.
    """
    worker = _Worker()
    with nothing_unforeseen(worker.world):
        busy = _live(events, lambda: worker.work(_AT_ONCE), tell)
        idle = _live(receives, worker.idle, tell)
    return Life(busy, idle, worker.outcomes(), worker.world.now - START)


def _live(total: int, some: Callable[[], int], tell: Callable[[int], object]) -> list[Sample]:
    """Do some at a time until all are done, and take samples on the way."""
    samples: list[Sample] = []
    done = 0
    while done < total:
        step = some()
        done += step
        tell(step)
        if done >= total * (len(samples) + 1) / _SAMPLES:
            gc.collect()
            samples.append(Sample(done, _resident_bytes(), threading.active_count()))
    return samples


def slope_bytes(samples: Sequence[Sample], per: int) -> float:
    """Return by how many bytes the memory grows for so many more that are done: least squares, the warm-up left out."""
    warm = [sample for sample in samples if sample.done >= _WARM_SHARE * samples[-1].done]
    mean_x = sum(sample.done for sample in warm) / len(warm)
    mean_y = sum(sample.memory_bytes for sample in warm) / len(warm)
    up = sum((sample.done - mean_x) * (sample.memory_bytes - mean_y) for sample in warm)
    return per * up / sum((sample.done - mean_x) ** 2 for sample in warm)


class _MildFaults(RandomFaults):
    """The usual faults, but for those that end the process."""

    def draw(self, api: Api, entries: int, now: float) -> Fault | None:
        fault = super().draw(api, entries, now)
        return Fault("refused") if fault is not None and fault.kind in ("killed", "terminated") else fault


class _LeanStore(StoreState):
    """Keeps the rows, and no list of all that was ever stored."""

    def overwrite(self, decision: Decision, *, was_lead: bool) -> Put:
        put = super().overwrite(decision, was_lead=was_lead)
        self.applied.clear()
        return put


class _LeanTopic(TopicState):
    """Takes every lead, and keeps none."""

    def publish(self, lead: Lead) -> bool:  # noqa: ARG002  as it is declared
        return True


class _Worker:
    """The project's own consumer, leases, pipeline and metrics, on services that remember no more than they must."""

    def __init__(self) -> None:
        chance = random.Random(0)  # noqa: S311  it must repeat itself
        self.world = world = World(0, chance, _MildFaults(chance, _FAULT_RATE), events=0, remembers=False)
        self._quarantine, self._dead = QueueState(world, "quarantine"), QueueState(world, "dead")
        self._queue = QueueState(world, "events", dead_letters=self._dead)
        self._producer = _events()
        settings = Settings(campaign=CAMPAIGN)
        link = Link(world, "w1", settings.visibility_timeout_s)
        queue = SimulatedQueue(link, self._queue)
        leases = Leases(queue, settings.visibility_timeout_s, link.clock)
        link.extend_leases = leases.extend_due
        bundle, policy = models()[0]
        services = Services(
            bundle=bundle,
            policy=policy,
            store=SimulatedStore(link, _LeanStore()),
            topic=SimulatedTopic(link, _LeanTopic()),
            quarantine=SimulatedQueue(link, self._quarantine),
            queue_url=queue.url,
        )

        def process(messages: Sequence[Message], settled: Settled) -> list[Outcome]:
            return process_batch(messages, services, link.utc(), leases.is_held, settled)

        surroundings = Surroundings(link.clock, link.wait, chance, lambda: False)
        self._link, self._metrics = link, Metrics(policy.model)
        self._consumer = Consumer(queue, process, leases, settings, surroundings)

    def work(self, messages: int) -> int:
        """Put messages on the queue and work until it is empty. Return how many events came to an end."""
        for message in islice(self._producer, messages):
            self._queue.add(message_of(message), self.world.now)
        done = 0
        while self._queue.boxes:
            done += sum(outcome.kind != "retried" for outcome in self._step())
        for queue in (self._quarantine, self._dead):  # what lies there is somebody else's to take
            for box in queue.visible():
                queue.remove(box)
        return done

    def idle(self) -> int:
        """Ask an empty queue once."""
        self._step()
        return 1

    def _step(self) -> Sequence[Outcome]:
        """Do what the worker's loop does once."""
        outcomes = self._consumer.step() or []
        if outcomes:
            self._metrics.count(outcomes, self._link.utc())
        return outcomes

    def outcomes(self) -> dict[str, int]:
        """Return the worker's own count of events."""
        samples = [sample for metric in self._metrics.registry.collect() for sample in metric.samples]
        return {s.labels["outcome"]: int(s.value) for s in samples if s.name == "leadline_events_total"}


def _events() -> Iterator[tuple[Planted, ...]]:
    """Make messages for ever: a tenth of them packed; one event in fifty bad, one in fifty a copy of an earlier one."""
    chance = random.Random(1)  # noqa: S311  it must repeat itself
    number = 0
    event = None
    while True:
        events = []
        for _ in range(_PACKED if chance.random() < 1 / _PACKED else 1):
            number += 1
            if event is None or chance.random() >= 1 / 50:
                event = _event(number, chance)
            events.append(spoilt(event, "wrong_type") if chance.random() < 1 / 50 else event)
        yield tuple(events)


def _event(number: int, chance: random.Random) -> Planted:
    time = utc_text(datetime.fromtimestamp(START - 3600 + number / 1000, UTC))
    data = {
        "customer_id": f"c{number % _CUSTOMERS}",
        "highest_spend": chance.choice(_SPENDS),
        "level": chance.randint(1, 3),
        "loan_on_card": 0,
    }
    return planted(f"e{number}", time, data, {"source": "/core"})


def _resident_bytes() -> int:
    """Return the memory that the process holds, as Linux counts it (proc(5), statm)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
