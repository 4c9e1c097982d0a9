"""One step of the loop after the other, on an embedded queue in virtual time."""

import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from ports import Message, Queue, Unavailable
from ports.embedded.queue import EmbeddedQueue
from tests.clock import Clock, queue_at
from worker.consumer import Consumer
from worker.intake import Surroundings
from worker.lease import Leases
from worker.outcome import Outcome, OutcomeKind, Settled
from worker.settings import Settings

MEBIBYTE = 2**20


class World:
    """A consumer with a queue, what it has processed, and how long it has paused."""

    def __init__(self, folder: Path, **settings: Any) -> None:  # noqa: ANN401  any setting
        self.clock = Clock()
        self.queue = queue_at(folder, self.clock)
        self.settings = Settings(**{"wait_time_s": 0, **settings})
        self.batches: list[list[bytes]] = []
        self.pauses: list[float] = []
        self.stopping = False
        self.fates: dict[bytes, OutcomeKind] = {}
        self.while_processing: Callable[[], None] = lambda: None
        self.leases = Leases(self.queue, self.settings.visibility_timeout_s, self.clock)

    def consumer(self, queue: object = None, seed: int = 0) -> Consumer:
        surroundings = Surroundings(self.clock, self.pauses.append, random.Random(seed), lambda: self.stopping)  # noqa: S311  jitter
        return Consumer(cast("Queue", queue or self.queue), self.process, self.leases, self.settings, surroundings)

    def process(self, messages: Sequence[Message], _: Settled) -> list[Outcome]:
        self.batches.append([message.body for message in messages])
        self.while_processing()
        return [Outcome(message, 0, self.fates.get(message.body, "applied")) for message in messages]


class Counted:
    """A queue that counts its calls, fails when told to, and gives at most so many messages a receive."""

    def __init__(self, queue: EmbeddedQueue, at_most: int = 1000) -> None:
        self._queue, self._at_most, self.url = queue, at_most, queue.url
        self.receives: list[tuple[int, float]] = []
        self.changed: list[bytes] = []
        self.timeouts_s: list[int] = []
        self.fails = False
        self.after_receive: Callable[[], None] = lambda: None

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        self.receives.append((limit, wait_s))
        if self.fails:
            raise Unavailable("the queue is away")
        messages = self._queue.receive(min(limit, self._at_most), wait_s, visibility_timeout_s)
        self.after_receive()
        return messages

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        return self._queue.delete(messages)

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        self.changed += [message.body for message, _ in timeouts_s]
        self.timeouts_s += [timeout_s for _, timeout_s in timeouts_s]
        return self._queue.set_visibility(timeouts_s)


def test_exactly_what_is_done_is_deleted(tmp_path: Path) -> None:
    world = World(tmp_path)
    kinds: list[OutcomeKind] = ["applied", "duplicate", "superseded", "quarantined", "retried"]
    world.fates = {kind.encode(): kind for kind in kinds}
    world.queue.send([kind.encode() for kind in kinds])
    outcomes = world.consumer().step()
    assert outcomes is not None
    assert [outcome.kind for outcome in outcomes] == kinds
    assert sum(world.queue.depth()) == 1
    world.clock.pass_s(300)
    assert [message.body for message in world.queue.receive(10, 0, 60)] == [b"retried"]


def test_an_empty_queue_is_told_from_a_queue_that_is_away(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue = Counted(world.queue)
    consumer = world.consumer(queue)
    assert consumer.step() is None
    assert world.pauses == []
    queue.fails = True
    assert consumer.step() == []
    queue.fails = False
    assert consumer.step() is None
    assert world.batches == []


def test_a_queue_that_is_away_is_asked_ever_more_rarely_and_never_in_a_spin(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue = Counted(world.queue)
    queue.fails = True
    consumer = world.consumer(queue)
    for _ in range(12):
        consumer.step()
    assert len(queue.receives) == len(world.pauses) == 12
    for number, pause_s in enumerate(world.pauses, start=1):
        longest = min(30, 2**number)
        assert longest / 2 <= pause_s <= longest
    queue.fails = False
    consumer.step()
    queue.fails = True
    consumer.step()
    assert world.pauses[-1] <= 2, "the count begins anew after a good receive"


def test_a_queue_that_is_away_is_told_of_once_with_its_cause_and_once_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world = World(tmp_path)
    queue = Counted(world.queue)
    consumer = world.consumer(queue)
    for fails, lines in ((True, 1), (True, 1), (True, 1), (False, 2), (False, 2)):
        queue.fails = fails
        consumer.step()
        assert len(caplog.records) == lines
    told, over = caplog.records
    assert (told.levelname, over.levelname) == ("WARNING", "INFO")
    assert "the queue is away" in told.message
    assert queue.url in over.message


def test_the_back_off_doubles_with_each_receive_up_to_its_cap_with_full_jitter(tmp_path: Path) -> None:
    world = World(tmp_path, retry_base_s=4, retry_cap_s=100)
    world.fates = {b"a": "retried"}
    for receives, longest in enumerate([4, 8, 16, 32, 64, 100, 100], start=1):
        waits = [back_off_s(world, receives, seed) for seed in range(25)]
        assert min(waits) <= longest * 0.15
        assert longest * 0.85 <= max(waits) <= longest


def back_off_s(world: World, receives: int, seed: int) -> int:
    """Let a message come so many times and fail each time; return how long it is invisible after the last."""
    queue = Counted(world.queue)
    world.queue.send([b"a"])
    for _ in range(receives - 1):
        [message] = world.queue.receive(1, 0, 60)
        world.queue.set_visibility([(message, 0)])
    world.consumer(queue, seed=seed).step()
    world.clock.pass_s(100)
    world.queue.delete(world.queue.receive(1, 0, 60))
    return queue.timeouts_s[-1]


def test_a_batch_gathers_across_receives_and_waits_for_the_first_only(tmp_path: Path) -> None:
    world = World(tmp_path, wait_time_s=20, batch_max_size=25)
    world.queue.send([str(number).encode() for number in range(40)])
    queue = Counted(world.queue, at_most=10)
    consumer = world.consumer(queue)
    consumer.step()
    assert [len(batch) for batch in world.batches] == [25]
    assert queue.receives == [(25, 20.0), (15, 0.0), (5, 0.0)]
    consumer.step()
    assert [len(batch) for batch in world.batches] == [25, 15]
    assert world.queue.depth() == (0, 0)


def test_a_batch_is_worked_on_when_its_time_is_over(tmp_path: Path) -> None:
    world = World(tmp_path, batch_max_wait_ms=50)
    world.queue.send([str(number).encode() for number in range(40)])
    queue = Counted(world.queue, at_most=10)
    queue.after_receive = lambda: world.clock.pass_s(0.03)
    world.consumer(queue).step()
    assert [len(batch) for batch in world.batches] == [30]


def test_a_batch_that_may_not_wait_is_what_the_first_receive_gives(tmp_path: Path) -> None:
    world = World(tmp_path, batch_max_wait_ms=0)
    world.queue.send([b"a"] * 20)
    queue = Counted(world.queue, at_most=10)
    world.consumer(queue).step()
    assert [len(batch) for batch in world.batches] == [10]


def test_no_more_messages_are_taken_than_asked_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.queue.send([b"a", b"b", b"c"])
    world.consumer().step(2)
    assert world.batches == [[b"a", b"b"]]
    assert world.queue.depth() == (1, 0)


def test_no_more_bytes_are_in_hand_than_allowed_even_if_each_message_is_as_large_as_can_be(tmp_path: Path) -> None:
    world = World(tmp_path, max_in_flight_bytes=3 * MEBIBYTE)
    world.queue.send([bytes([number]) * MEBIBYTE for number in range(1, 6)])
    queue = Counted(world.queue)
    consumer = world.consumer(queue)
    while consumer.step() is not None:
        pass
    assert [len(batch) for batch in world.batches] == [3, 2]
    assert max(limit for limit, _ in queue.receives) == 3


def test_the_smallest_allowance_still_takes_one_message_at_a_time(tmp_path: Path) -> None:
    world = World(tmp_path, max_in_flight_bytes=MEBIBYTE)
    world.queue.send([b"a", b"b"])
    consumer = world.consumer()
    while consumer.step() is not None:
        pass
    assert world.batches == [[b"a"], [b"b"]]


def test_what_was_received_while_stopping_is_given_back_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.queue.send([b"a", b"b"])
    queue = Counted(world.queue, at_most=1)

    def stop() -> None:
        world.stopping = True

    queue.after_receive = stop
    assert world.consumer(queue).step() == []
    assert world.batches == []
    assert len(queue.receives) == 1, "no new receive after the stop"
    assert world.queue.depth() == (2, 0)


def test_what_is_being_worked_on_when_the_stop_comes_is_finished(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.queue.send([b"a"])

    def stop() -> None:
        world.stopping = True

    world.while_processing = stop
    outcomes = world.consumer().step()
    assert outcomes is not None
    assert [outcome.kind for outcome in outcomes] == ["applied"]
    assert world.queue.depth() == (0, 0)


def test_messages_in_hand_are_leased_and_those_out_of_hand_are_not(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.fates = {b"b": "retried"}
    world.queue.send([b"a", b"b"])
    seen: list[Message] = []

    def look() -> None:
        world.clock.pass_s(30)
        world.leases.extend_due()
        world.clock.pass_s(45)
        assert world.queue.depth() == (0, 2), "extended while it is worked on"

    world.while_processing = look
    outcomes = world.consumer().step() or []
    seen = [outcome.message for outcome in outcomes]
    assert len(seen) == 2
    assert not any(world.leases.is_held(message) for message in seen)


def test_a_message_whose_lease_is_lost_is_left_to_whom_it_belongs(tmp_path: Path) -> None:
    """Its back-off would otherwise make visible what another worker has in hand."""
    world = World(tmp_path)
    world.fates = {b"a": "retried"}
    world.queue.send([b"a"])
    queue = Counted(world.queue)

    def lose() -> None:
        world.clock.pass_s(61)
        assert len(world.queue.receive(1, 0, 600)) == 1
        world.leases.extend_due()

    world.while_processing = lose
    world.consumer(queue).step()
    assert queue.changed == []
    world.clock.pass_s(500)
    assert world.queue.depth() == (0, 1)
