"""Leases on the embedded queue, in virtual time."""

import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, cast

import pytest

from ports import Message, Queue
from ports.embedded.queue import EmbeddedQueue
from tests.clock import Clock, queue_at
from worker.lease import MAX_LEASE_S, Leases

TIMEOUT_S: Final = 60
MESSAGE: Final = Message("m", "r", b"", 1)
PATIENCE_S: Final = 5  # of real time, with a thread that may never come


@pytest.fixture
def clock() -> Clock:
    """Begin at an hour that is no round number."""
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock) -> EmbeddedQueue:
    """Make a queue of three messages that lives in virtual time."""
    queue = queue_at(tmp_path, clock)
    queue.send([b"a", b"b", b"c"])
    return queue


class Throttled:
    """A queue on which the first few extensions fail for now, which loses no lease by itself."""

    def __init__(self, queue: EmbeddedQueue, failures: int) -> None:
        self._queue, self._failures = queue, failures

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        if self._failures:
            self._failures -= 1
            return []
        return self._queue.set_visibility(timeouts_s)


class Recording:
    """A queue that grants every extension, and writes down for how long."""

    def __init__(self) -> None:
        self.timeouts_s: list[int] = []

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        self.timeouts_s += [timeout_s for _, timeout_s in timeouts_s]
        return []


def held(queue: EmbeddedQueue, clock: Clock, leases: Leases, limit: int = 3) -> list[Message]:
    messages = queue.receive(limit, 0, TIMEOUT_S)
    leases.hold(messages, clock())
    return messages


def test_a_lease_is_extended_at_half_time_and_not_before(queue: EmbeddedQueue, clock: Clock) -> None:
    leases = Leases(queue, TIMEOUT_S, clock)
    held(queue, clock, leases)
    clock.pass_s(29)
    leases.extend_due()
    clock.pass_s(31)
    assert len(queue.receive(3, 0, TIMEOUT_S)) == 3, "extended before half its time"

    clock.pass_s(TIMEOUT_S)
    messages = held(queue, clock, leases)
    clock.pass_s(30)
    leases.extend_due()
    clock.pass_s(59)
    assert queue.receive(3, 0, TIMEOUT_S) == []
    assert all(leases.is_held(message) for message in messages)


def test_half_time_counts_from_when_the_receive_was_asked_for(queue: EmbeddedQueue, clock: Clock) -> None:
    leases = Leases(queue, TIMEOUT_S, clock)
    asked_at = clock()
    clock.pass_s(20)
    leases.hold(queue.receive(3, 0, TIMEOUT_S), asked_at)
    clock.pass_s(10)
    leases.extend_due()
    clock.pass_s(59)
    assert queue.receive(3, 0, TIMEOUT_S) == []


def test_messages_are_kept_for_as_long_as_they_are_held(queue: EmbeddedQueue, clock: Clock) -> None:
    leases = Leases(queue, TIMEOUT_S, clock)
    messages = held(queue, clock, leases)
    for _ in range(600):
        clock.pass_s(1)
        leases.extend_due()
        assert queue.receive(3, 0, TIMEOUT_S) == []
    assert queue.delete(messages) == []
    assert queue.depth() == (0, 0)


def test_a_lease_that_was_extended_is_left_alone_for_a_quarter_of_its_time(clock: Clock) -> None:
    """Each look would otherwise be a call to the service for every message in hand."""
    queue = Recording()
    leases = Leases(cast("Queue", queue), TIMEOUT_S, clock)
    leases.hold([MESSAGE], clock())
    moments: list[int] = []
    for second in range(1, 10 * TIMEOUT_S):
        clock.pass_s(1)
        leases.extend_due()
        if len(queue.timeouts_s) > len(moments):
            moments.append(second)
    assert min(after - before for before, after in pairwise(moments)) >= TIMEOUT_S / 4


def test_in_its_last_second_a_lease_of_twelve_hours_is_still_ours(clock: Clock) -> None:
    queue = Recording()
    leases = Leases(cast("Queue", queue), 3600, clock)
    leases.hold([MESSAGE], clock())
    for seconds in (MAX_LEASE_S - 901, 900):
        clock.pass_s(seconds)
        leases.extend_due()
    assert queue.timeouts_s == [901, 1]
    assert leases.is_held(MESSAGE)


def test_a_lease_that_is_lost_is_held_no_more_and_counted_and_its_neighbours_are_kept(
    queue: EmbeddedQueue, clock: Clock
) -> None:
    lost: list[int] = []
    leases = Leases(queue, TIMEOUT_S, clock, lost.append)
    first, second, third = held(queue, clock, leases)
    queue.delete([second])
    clock.pass_s(30)
    leases.extend_due()
    assert [leases.is_held(message) for message in (first, second, third)] == [True, False, True]
    assert lost == [1]
    clock.pass_s(15)
    leases.extend_due()
    assert lost == [1]


def test_what_somebody_else_received_is_lost(queue: EmbeddedQueue, clock: Clock) -> None:
    leases = Leases(queue, TIMEOUT_S, clock)
    [mine] = held(queue, clock, leases, limit=1)
    clock.pass_s(61)
    assert len(queue.receive(3, 0, TIMEOUT_S)) == 3
    leases.extend_due()
    assert not leases.is_held(mine)


def test_an_extension_that_fails_for_now_loses_no_lease(queue: EmbeddedQueue, clock: Clock) -> None:
    leases = Leases(cast("Queue", Throttled(queue, failures=1)), TIMEOUT_S, clock)
    messages = held(queue, clock, leases)
    for _ in range(120):
        clock.pass_s(1)
        assert queue.receive(3, 0, TIMEOUT_S) == []
        leases.extend_due()
    assert all(leases.is_held(message) for message in messages)


def test_no_lease_is_kept_past_twelve_hours(queue: EmbeddedQueue, clock: Clock) -> None:
    lost: list[int] = []
    leases = Leases(queue, 3600, clock, lost.append)
    end = clock() + MAX_LEASE_S
    messages = queue.receive(3, 0, 3600)
    leases.hold(messages, clock())
    while clock() < end - 900:
        clock.pass_s(900)
        leases.extend_due()
        assert queue.receive(3, 0, 3600) == []
    clock.pass_s(900)
    assert {m.id for m in queue.receive(3, 0, 3600)} == {m.id for m in messages}
    leases.extend_due()
    assert not any(leases.is_held(message) for message in messages)
    assert lost == [3]


def test_what_is_let_go_is_not_extended(queue: EmbeddedQueue, clock: Clock) -> None:
    leases = Leases(queue, TIMEOUT_S, clock)
    first, second, third = held(queue, clock, leases)
    leases.let_go([first, third])
    clock.pass_s(30)
    leases.extend_due()
    clock.pass_s(30)
    assert {m.id for m in queue.receive(3, 0, TIMEOUT_S)} == {first.id, third.id}
    assert [leases.is_held(message) for message in (first, second, third)] == [False, True, False]
    leases.let_go([first])


def test_letting_go_waits_for_an_extension_that_is_under_way_so_that_it_wins(
    queue: EmbeddedQueue, clock: Clock
) -> None:
    """A release that was overtaken by an extension would hide the message for a whole lease."""
    under_way, go_on, order = threading.Event(), threading.Event(), list[str]()

    class Slow:
        def set_visibility(self, _: Sequence[tuple[Message, int]]) -> list[Message]:
            under_way.set()
            go_on.wait(PATIENCE_S)
            order.append("extended")
            return []

    leases = Leases(cast("Queue", Slow()), TIMEOUT_S, clock)
    messages = held(queue, clock, leases)
    clock.pass_s(30)
    extension = threading.Thread(target=leases.extend_due)

    def let_go() -> None:
        leases.let_go(messages)
        order.append("let go")

    letting_go = threading.Thread(target=let_go)
    extension.start()
    assert under_way.wait(PATIENCE_S)
    letting_go.start()
    go_on.set()
    extension.join()
    letting_go.join()
    assert order == ["extended", "let go"]
    assert not any(leases.is_held(message) for message in messages)


@pytest.mark.parametrize("timeout_s", [6, 60, 43200])
def test_leases_are_looked_at_each_second_and_ten_times_within_a_short_one(
    queue: EmbeddedQueue, clock: Clock, timeout_s: int
) -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return True

    Leases(queue, timeout_s, clock).keep(Stop())
    [wait_s] = waits
    assert 0 < wait_s <= min(1, timeout_s / 10)


def test_the_thread_goes_on_after_a_failure_and_ends_when_told(
    clock: Clock, queue: EmbeddedQueue, caplog: pytest.LogCaptureFixture
) -> None:
    stopped, failed_twice = threading.Event(), threading.Event()

    class Failing:
        calls = 0

        def set_visibility(self, _: Sequence[tuple[Message, int]]) -> list[Message]:
            self.calls += 1
            if self.calls == 2:
                failed_twice.set()
            raise RuntimeError("nobody foresaw this")

    leases = Leases(cast("Queue", Failing()), 1, clock)
    held(queue, clock, leases)
    clock.pass_s(30)
    thread = threading.Thread(target=leases.keep, args=(stopped,))
    thread.start()
    try:
        assert failed_twice.wait(PATIENCE_S), "it ended at the first failure"
    finally:
        stopped.set()
        thread.join()
    assert "leases could not be extended" in caplog.text


def test_after_twelve_hours_no_lease_is_ours_whenever_it_was_extended_last(clock: Clock) -> None:
    leases = Leases(cast("Queue", Recording()), 3600, clock)
    leases.hold([MESSAGE], clock())
    for seconds in (MAX_LEASE_S - 400, 400):
        clock.pass_s(seconds)
        leases.extend_due()

    assert not leases.is_held(MESSAGE)
