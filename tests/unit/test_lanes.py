"""Several lanes of one worker: what they share, and what none of them may do."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ports import Message, Queue
from schemas.event import MAX_MESSAGE_BYTES
from tests.clock import Clock, queue_at
from worker.breaker import WINDOW
from worker.consumer import Consumer
from worker.health import Health
from worker.intake import Surroundings
from worker.lanes import Lanes
from worker.lease import Leases
from worker.outcome import Outcome, Settled
from worker.settings import Settings
from worker.shared import InFlight, Shared

PATIENCE_S = 10


class Crowd:
    """Some lanes on one queue, which counts how many receive at the same time."""

    def __init__(self, folder: Path, lanes: int = 3) -> None:
        self.clock = Clock()
        self.queue = queue_at(folder, self.clock)
        self.stopping = threading.Event()
        self.settings = Settings(wait_time_s=0)
        self.health = Health(60, time.monotonic)
        self.shared = Shared(self.settings, self.clock, self.health.rest, self.health.beat)
        self.leases = Leases(cast("Queue", self), 3600, self.clock)
        self.process: Callable[[Sequence[Message]], list[Outcome]] = done
        self.at_once = 0
        self.most_at_once = 0
        self.asked: list[int] = []
        self.url = self.queue.url
        self._guard = threading.Lock()
        pause = self.stopping.wait
        surroundings = Surroundings(self.clock, pause, random.Random(0), self.stopping.is_set)  # noqa: S311  jitter
        self.lanes = [
            Consumer(cast("Queue", self), self._process, self.leases, self.settings, surroundings, self.shared)
            for _ in range(lanes)
        ]

    def send(self, number: int) -> None:
        self.queue.send([str(n).encode() for n in range(number)])

    def run(self, tell: Callable[[Consumer, list[Outcome] | None], object] = lambda *_: None) -> None:
        Lanes(self.lanes, self.stopping).run(tell, once=True)

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        with self._guard:
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            self.asked.append(limit)
        try:
            with self._guard:
                return self.queue.receive(limit, wait_s, visibility_timeout_s)
        finally:
            with self._guard:
                self.at_once -= 1

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        with self._guard:
            return self.queue.delete(messages)

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        with self._guard:
            return self.queue.set_visibility(timeouts_s)

    def _process(self, messages: Sequence[Message], _: Settled) -> list[Outcome]:
        return self.process(messages)


def done(messages: Sequence[Message]) -> list[Outcome]:
    return [Outcome(message, 0, "applied") for message in messages]


def failed(messages: Sequence[Message]) -> list[Outcome]:
    return [Outcome(message, 0, "retried", failed_at="store") for message in messages]


@pytest.fixture
def crowd(tmp_path: Path) -> Crowd:
    return Crowd(tmp_path)


def test_all_is_worked_off_and_only_one_lane_receives_at_a_time(crowd: Crowd) -> None:
    crowd.send(5000)
    seen: list[str] = []
    crowd.run(lambda _, outcomes: seen.extend(outcome.message.id for outcome in outcomes or []))
    assert len(seen) == len(set(seen)) == 5000
    assert crowd.most_at_once == 1
    assert crowd.queue.depth() == (0, 0)


def test_while_one_lane_works_another_receives(crowd: Crowd) -> None:
    """They meet while both work; with one lane they would wait for each other until the time is over."""
    crowd.send(3000)
    meeting = threading.Barrier(2)
    met = threading.Event()

    def process(messages: Sequence[Message]) -> list[Outcome]:
        if not met.is_set() and not crowd.shared.breaker.is_unsure:
            meeting.wait(PATIENCE_S)
            met.set()
        return done(messages)

    crowd.process = process
    crowd.run()
    assert met.is_set()
    assert crowd.queue.depth() == (0, 0)


def test_before_some_events_were_good_no_second_lane_works(crowd: Crowd) -> None:
    """A bad release rejects one small batch, and not one of each lane."""
    crowd.send(5000)
    crowd.process = lambda messages: [Outcome(m, 0, "quarantined", reason="not_json") for m in messages]
    seen: list[Outcome] = []
    crowd.run(lambda _, outcomes: seen.extend(outcomes or []))
    assert len(seen) <= WINDOW
    assert sum(crowd.queue.depth()) == 5000 - len(seen)


def test_while_a_service_is_down_for_one_lane_no_other_takes_anything_new(crowd: Crowd) -> None:
    one, other, _ = crowd.lanes
    crowd.send(200)
    crowd.process = done
    one.step()
    crowd.send(1500)
    crowd.process = failed
    one.step()
    assert one.holds
    received = len(crowd.asked)
    assert crowd.shared.is_blocked_beside(other)
    threading.Timer(0.05, crowd.stopping.set).start()
    assert other.step() == []
    assert other.holds == 0
    assert len(crowd.asked) == received


def test_that_a_service_is_down_is_said_once_for_all_lanes_and_once_that_it_is_back(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "worker.hand")
    crowd.send(200)
    crowd.lanes[0].step()
    crowd.process = failed
    for lane in crowd.lanes:
        crowd.send(20)
        crowd.shared.note_blocked(crowd.lanes[0], is_blocked=False)  # as if all had received before it was known
        crowd.shared.note_blocked(crowd.lanes[1], is_blocked=False)
        lane.step()
    wait_and_step(crowd)
    wait_and_step(crowd)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    crowd.process = done
    wait_and_step(crowd)
    wait_and_step(crowd)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert not any(lane.holds for lane in crowd.lanes)


def wait_and_step(crowd: Crowd) -> None:
    """Let every lane make its next try, whatever its pause is."""
    crowd.clock.pass_s(60)
    for lane in crowd.lanes:
        lane.step()


def test_an_unforeseen_error_in_one_lane_ends_all(crowd: Crowd) -> None:
    crowd.send(3000)

    def broken(_: Sequence[Message]) -> list[Outcome]:
        raise ZeroDivisionError

    def tell(_lane: Consumer, outcomes: list[Outcome] | None) -> None:
        if outcomes:
            crowd.process = broken

    with pytest.raises(ZeroDivisionError):
        crowd.run(tell)
    assert crowd.stopping.is_set()


def test_a_lane_that_waits_for_its_turn_has_not_stalled_and_one_that_hangs_has() -> None:
    clock = Clock()
    health = Health(60, clock)
    health.rest_all()
    health.beat("works")
    health.rest("waits")
    clock.pass_s(59)
    assert health.stalled is None
    health.beat("another")
    clock.pass_s(2)
    assert health.stalled is not None, "though another lane moves"
    health.beat("works")
    assert health.stalled is None


@given(
    some.lists(
        some.tuples(some.integers(0, 3), some.integers(0, 300), some.integers(0, 2**22), some.integers(1, 300)),
        max_size=30,
    )
)
def test_whatever_lanes_ask_for_they_never_hold_more_together_than_allowed(
    asked: list[tuple[int, int, int, int]],
) -> None:
    """Each has in hand at most what it was granted, and asks again; what is granted may be as large as can be."""
    limits = InFlight(1000, 64 * MAX_MESSAGE_BYTES)
    granted: dict[int, tuple[int, int]] = {}
    for lane, messages, size, more in asked:
        most_messages, most_size = granted.get(lane, (0, 0))
        in_hand, its_size = min(messages, most_messages), min(size, most_size)
        room = limits.ask(lane, in_hand, its_size, more)
        assert 0 <= room <= more
        granted[lane] = (in_hand + room, its_size + room * MAX_MESSAGE_BYTES)
        assert sum(m for m, _ in granted.values()) <= 1000
        assert sum(s for _, s in granted.values()) <= 64 * MAX_MESSAGE_BYTES
