"""The simulated ports, without faults: what the contract tests run on here."""

import random
from collections.abc import Callable, Sequence

import pytest

from ports import Queue, Store, Topic
from simulation.faults import CrashesAt
from simulation.link import Link
from simulation.queue import QueueState, SimulatedQueue
from simulation.store import SimulatedStore, StoreState
from simulation.topic import SimulatedTopic, TopicState
from simulation.world import World
from tests.contract.conftest import decide, make_lead

__all__ = ["decide", "make_lead"]


@pytest.fixture
def link() -> Link:
    """Give a process whose calls never fail."""
    world = World(0, random.Random(0), CrashesAt({}), events=100)  # noqa: S311  it must repeat itself
    return Link(world, "w1", 60)


@pytest.fixture
def queue_and_dead_letters(link: Link) -> tuple[Queue, Queue]:
    """Make a queue whose messages count as dead after two receives, and the one that they go to."""
    dead = QueueState(link.world, "dead")
    events = QueueState(link.world, "events", max_receive_count=2, dead_letters=dead)
    return SimulatedQueue(link, events), SimulatedQueue(link, dead)


@pytest.fixture
def queue(queue_and_dead_letters: tuple[Queue, Queue]) -> Queue:
    """Make a queue whose messages count as dead after two receives."""
    return queue_and_dead_letters[0]


@pytest.fixture
def store(link: Link) -> Store:
    """Make an empty store."""
    return SimulatedStore(link, StoreState())


@pytest.fixture
def topic_and_reader(link: Link) -> tuple[Topic, Callable[[], Sequence[str]]]:
    """Make a topic, and a function that returns the bodies that were published so far."""
    state = TopicState()
    return SimulatedTopic(link, state), lambda: state.bodies
