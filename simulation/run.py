"""One run: workers on simulated services through all faults, then healing, redrive and rest."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from simulation.cloud import Cloud
from simulation.events import Sent
from simulation.models import models
from simulation.process import Variant, WorkerProcess
from simulation.world import World
from worker.quarantine import read_record
from worker.settings import Settings

_MOST_REDRIVES: Final = 5


class Plan(NamedTuple):
    """How many workers run, as what, and what follows when one ends: the next model, after a pause in seconds."""

    workers: int
    settings: Settings
    next_model: Callable[[], int]
    pause_s: Callable[[], float]
    variant: Variant


def run(cloud: Cloud, sent: Sequence[Sent], plan: Plan) -> None:
    """
    Let the workers work through the faults; then heal, redrive, and let one work until nothing is left anywhere.

    Raises:
        Violation: Something was deleted too soon, or never ends, or an error came up that nobody foresaw.
    """
    world = cloud.world
    for message in sent:
        cloud.send(message)
    slots = _Slots(cloud, plan)
    with nothing_unforeseen(world):
        world.schedule.run([slots.work] * plan.workers)
        world.healed = True
        for _ in range(_MOST_REDRIVES):
            if not _redrive(cloud):
                return
            world.schedule.run([slots.work])
    world.fail("dead letters come back for ever, though all services are well")


class _Slots:
    """Where processes run, one after the other; they are numbered over all slots."""

    def __init__(self, cloud: Cloud, plan: Plan) -> None:
        self._cloud, self._plan, self._started = cloud, plan, 0

    def work(self) -> None:
        """Start a process, and a new one whenever it ends, until the queue is empty."""
        plan = self._plan
        while self._cloud.queue.boxes:
            self._started += 1
            model = models()[plan.next_model()]
            WorkerProcess(self._cloud, f"w{self._started}", model, plan.settings, plan.variant).live()
            self._cloud.world.schedule.spend(plan.pause_s())
        self._cloud.world.found["processes"] = self._started


def _redrive(cloud: Cloud) -> int:
    """Put back what was dead-lettered, and the events that a wrong clock took for future ones."""
    redriven = cloud.redrive()
    for box in list(cloud.quarantine.boxes.values()):
        record = read_record(box.body)
        event = cloud.contents[record.message_id][record.index]
        if record.reason == "future_event" and event.reason != "future_event":
            cloud.quarantine.remove(box)
            cloud.send(Sent(cloud.world.now, record.body, (event,)))
            redriven += 1
    cloud.world.found["redriven"] += redriven
    return redriven


class _Listener(logging.Handler):
    """Hears what the worker says of errors that nobody foresaw. No fault that is injected here is one."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self._world.fail(f"an error that nobody foresaw: {record.exc_info[1]!r}")


@contextmanager
def nothing_unforeseen(world: World) -> Iterator[None]:
    """Hear the worker's errors for a while, and keep its warnings, of which faults make thousands, from the log."""
    log, listener = logging.getLogger("worker"), _Listener(world)
    before = log.level, log.propagate
    log.addHandler(listener)
    log.setLevel(logging.ERROR)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(listener)
        log.setLevel(before[0])
        log.propagate = before[1]
