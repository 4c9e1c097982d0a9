"""A service that takes nothing, or not everything: what is kept in hand, tried again, and given back."""

import logging
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ports import Message
from ports.embedded.queue import EmbeddedQueue
from tests.clock import Clock, queue_at
from worker.consumer import Consumer
from worker.intake import Surroundings
from worker.lease import Leases
from worker.outcome import Outcome, Settled, Stage
from worker.settings import Settings

LEASE_S = 60
MEBIBYTE = 2**20


class World:
    """A consumer on an embedded queue, and services that take nothing while they are away."""

    def __init__(self, folder: Path, **settings: Any) -> None:  # noqa: ANN401  any setting
        self.clock = Clock()
        self.started_at = self.clock()
        self.queue = queue_at(folder, self.clock)
        usual = {"wait_time_s": 0, "visibility_timeout_s": LEASE_S, "batch_max_size": 10}
        self.settings = Settings(**{**usual, **settings})
        self.away: set[Stage] = set()
        self.refused: dict[bytes, Stage] = {}
        self.packs: dict[bytes, list[bytes]] = {}
        self.tried: list[bytes] = []
        self.batches: list[int] = []
        self.held_meanwhile: list[int] = []
        self.stopping = False
        self.deletes = True
        self.undeletable: set[bytes] = set()
        self.leases = Leases(self.queue, LEASE_S, self.clock)
        chance = random.Random(0)  # noqa: S311  jitter
        surroundings = Surroundings(self.clock, self._pause, chance, lambda: self.stopping)
        self.consumer = Consumer(Undeletable(self), self._process, self.leases, self.settings, surroundings)

    def run_s(self, seconds: float) -> None:
        """Let the worker work for so long."""
        end = self.clock() + seconds
        while self.clock() < end:
            self.consumer.step()
            self.clock.pass_s(0.01)

    def _pause(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        self.leases.extend_due()

    def _process(self, messages: Sequence[Message], settled: Settled) -> list[Outcome]:
        self.batches.append(len(messages))
        self.held_meanwhile.append(self.consumer.holds)
        return [
            self._outcome(message, position, body)
            for message in messages
            for position, body in enumerate(self.packs.get(message.body, [message.body]))
            if position not in settled.get(message.receipt, ())
        ]

    def _outcome(self, message: Message, position: int, body: bytes) -> Outcome:
        """A body that begins with q is to be set aside; every other one is to be published."""
        self.tried.append(body)
        service: Stage = "quarantine" if body.startswith(b"q") else "topic"
        if self.refused.get(body) == service or service in self.away:
            return Outcome(message, position, "retried", failed_at=service)
        if service == "quarantine":
            return Outcome(message, position, "quarantined", reason="not_json")
        return Outcome(message, position, "applied", lead=object())  # type: ignore[arg-type]  any lead


class Undeletable:
    """The queue of a world, which deletes only when it is let."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.url, self.receive, self.set_visibility = world.queue.url, world.queue.receive, world.queue.set_visibility
        self.send, self.depth = world.queue.send, world.queue.depth

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        stuck = [m for m in messages if not self._world.deletes or m.body in self._world.undeletable]
        return stuck + self._world.queue.delete([message for message in messages if message not in stuck])


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Set up a worker on an empty queue."""
    return World(tmp_path)


def receive_counts(queue: EmbeddedQueue) -> list[int]:
    """Receive all that can be, and return how often each has been received before."""
    return [message.receive_count - 1 for message in queue.receive(1000, 0, 60)]


def test_a_worker_that_has_lost_all_that_it_kept_goes_on_as_usual_when_the_service_is_back(world: World) -> None:
    world.away = {"topic"}
    world.queue.send([b"a"] * 10)
    world.run_s(30)
    world.clock.pass_s(LEASE_S + 1)
    world.queue.delete(world.queue.receive(10, 0, 600))
    world.leases.extend_due()
    world.away = set()
    world.queue.send([b"b"] * 100)
    world.run_s(0.5)

    assert 0 == sum(world.queue.depth())
    assert world.consumer.trouble is None


def test_while_the_topic_is_away_one_batch_is_kept_and_one_message_more_is_received_a_pause(world: World) -> None:
    world.queue.send([b"a"] * 100)
    world.away = {"topic"}
    world.run_s(600)
    assert world.consumer.holds == 100 - world.queue.depth().visible
    assert 10 + 20 <= world.consumer.holds <= 10 + 45
    assert world.consumer.received == world.consumer.holds


def test_however_long_a_service_is_away_no_more_is_kept_than_may_be_in_hand(tmp_path: Path) -> None:
    world = World(tmp_path, batch_max_size=3, max_in_flight=7)
    world.queue.send([b"a"] * 100)
    world.away = {"topic"}
    world.run_s(600)
    assert world.consumer.holds == world.consumer.received == 7


def test_what_was_kept_for_ten_minutes_was_received_once(world: World) -> None:
    world.queue.send([b"a"] * 100)
    world.away = {"topic"}
    world.run_s(600)
    world.consumer.give_back()
    world.clock.pass_s(1)
    assert set(receive_counts(world.queue)) == {0, 1}


def test_a_service_that_comes_back_is_noticed_within_half_a_minute_and_all_is_done(world: World) -> None:
    world.queue.send([b"a"] * 100)
    world.away = {"topic"}
    world.run_s(600)
    world.away = set()
    world.run_s(31)
    assert sum(world.queue.depth()) == 0
    assert world.consumer.holds == 0


def test_a_short_failure_is_tried_again_within_the_lease_and_not_after_it(world: World) -> None:
    world.queue.send([b"a"] * 10)
    world.away = {"topic"}
    world.consumer.step()
    world.away = set()
    world.run_s(0.3)
    assert sum(world.queue.depth()) == 0
    assert world.tried == [b"a"] * 20


@pytest.mark.parametrize("refused", [b"bad", b"q"], ids=["by the topic", "by the quarantine"])
def test_a_message_that_is_refused_while_its_neighbours_are_taken_goes_back_after_three_tries(
    world: World, refused: bytes
) -> None:
    world.refused = {b"bad": "topic", b"q": "quarantine"}
    world.queue.send([refused, b"good", b"q2"])
    world.run_s(0.02)
    while world.consumer.holds:
        assert world.tried.count(refused) < 3
        world.run_s(0.01)
    assert world.tried.count(refused) == 3
    assert world.tried.count(b"good") == world.tried.count(b"q2") == 1
    world.clock.pass_s(1)
    assert [message.receive_count for message in world.queue.receive(10, 0, 60)] == [2]


def test_a_message_that_alone_is_refused_is_kept_and_holds_up_nobody(world: World) -> None:
    world.refused = {b"q": "quarantine"}
    world.queue.send([b"q"])
    world.run_s(100)
    assert world.consumer.holds == 1
    assert 5 < len(world.tried) < 15
    world.queue.send([b"good"] * 50)
    world.run_s(2)
    assert world.tried.count(b"good") == 50
    assert world.consumer.trouble is None
    world.queue.send([b"q2"])
    world.run_s(100)
    assert world.tried.count(b"q2") == 1
    assert world.queue.receive(10, 0, 60) or world.tried.count(b"q") > 15


def test_success_at_one_service_is_no_sign_of_life_of_another(world: World) -> None:
    """Bad events go on being set aside, one a pause, and the leads stay in hand."""
    world.away = {"topic"}
    world.queue.send([b"a"] * 5 + [b"q"] * 5)
    world.run_s(100)
    assert world.consumer.holds == 5
    assert sum(world.queue.depth()) == 5


def test_what_is_tried_again_is_still_in_hand_and_counts(world: World) -> None:
    world.away = {"topic"}
    world.queue.send([b"a"] * 3)
    world.run_s(1)
    assert len(world.held_meanwhile) > 1
    assert world.held_meanwhile == [0] + [3] * (len(world.batches) - 1)


def test_what_is_in_hand_does_not_wait_until_the_queue_gives_more(tmp_path: Path) -> None:
    world = World(tmp_path, wait_time_s=20)
    world.away = {"topic"}
    world.queue.send([b"a"])
    world.consumer.step()
    failed_at, world.away = world.clock(), set()
    while world.consumer.holds:
        world.consumer.step()
    assert world.clock() - failed_at < 1


def test_what_is_in_hand_takes_its_share_of_the_bytes(tmp_path: Path) -> None:
    world = World(tmp_path, max_in_flight_bytes=3 * MEBIBYTE)
    world.away = {"topic"}
    world.queue.send([b"a" * MEBIBYTE])
    world.consumer.step()
    world.queue.send([b"q" * MEBIBYTE] * 6)
    world.consumer.step()
    assert world.batches == [1, 2]


def test_of_a_pack_only_what_has_failed_is_tried_again(world: World) -> None:
    world.packs = {b"pack": [b"a", b"b", b"c"]}
    world.refused = {b"b": "topic"}
    world.queue.send([b"pack"])
    world.consumer.step()
    world.refused = {}
    world.run_s(1)
    assert world.tried == [b"a", b"b", b"c", b"b"]
    assert sum(world.queue.depth()) == 0


def test_what_cannot_be_deleted_is_kept_and_not_processed_again(world: World) -> None:
    world.queue.send([b"a"] * 10)
    world.deletes = False
    world.run_s(300)
    assert world.tried == [b"a"] * 10
    assert world.batches == [10]
    assert world.queue.depth().visible == 0
    assert "deletes nothing" in str(world.consumer.trouble)
    world.deletes = True
    world.run_s(31)
    assert sum(world.queue.depth()) == 0


def test_a_message_whose_lease_is_lost_is_no_longer_in_hand(world: World) -> None:
    world.queue.send([b"a"])
    world.away = {"topic"}
    world.consumer.step()
    world.clock.pass_s(LEASE_S + 1)
    [message] = world.queue.receive(1, 0, 600)
    assert message.receive_count == 2
    world.leases.extend_due()
    assert world.consumer.step() is None
    assert world.consumer.holds == 0
    assert world.tried == [b"a"]


def test_a_worker_that_stops_gives_back_what_is_in_hand(world: World) -> None:
    world.queue.send([b"a"] * 3)
    world.away = {"topic"}
    world.run_s(5)
    world.stopping = True
    assert world.consumer.step() == []
    world.consumer.give_back()
    assert world.consumer.holds == 0
    world.clock.pass_s(1)
    assert world.queue.depth() == (3, 0)


def test_a_service_that_is_away_is_reported_once_and_once_when_it_is_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.queue.send([b"a"] * 20)
    world.away = {"topic"}
    world.run_s(2)
    assert world.consumer.trouble is None
    world.run_s(600)
    assert world.consumer.trouble == "the topic takes nothing"
    world.away = set()
    world.run_s(31)
    assert world.consumer.trouble is None
    lines = [record.message for record in caplog.records if "topic" in record.message]
    assert [line.split(":")[0] for line in lines] == ["the topic takes nothing", "the topic works again"]


def test_a_single_failure_is_no_news(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.queue.send([b"a"] * 5)
    world.away = {"topic"}
    world.consumer.step()
    world.away = set()
    world.run_s(1)
    assert caplog.records == []
    assert world.batches == [5, 5]


def test_two_messages_that_a_service_refuses_are_enough_to_wait_for_it(world: World) -> None:
    world.away = {"topic"}
    world.queue.send([b"a"] * 2)
    world.consumer.step()
    world.queue.send([b"b"] * 50)
    world.run_s(2)
    assert 1 <= world.consumer.received - 2 <= 5


def test_one_message_that_comes_twice_is_still_one(world: World) -> None:
    """Its first lease was lost without our knowing; both receipts are in hand."""
    world.away = {"topic"}
    world.queue.send([b"a"])
    world.consumer.step()
    world.clock.pass_s(LEASE_S + 1)
    world.consumer.step()
    assert world.consumer.holds == 2
    world.queue.send([b"q"] * 50)
    world.run_s(1)
    assert world.tried.count(b"q") == 50


def test_messages_that_are_refused_while_others_are_taken_do_not_stop_the_worker(world: World) -> None:
    world.refused = {b"bad": "topic"}
    world.queue.send([b"bad", b"bad", b"good"])
    world.consumer.step()
    assert world.consumer.holds == 2
    world.queue.send([b"q"] * 50)
    for _ in range(7):
        world.consumer.step()
    assert world.tried.count(b"q") == 50
    world.clock.pass_s(0.3)
    world.consumer.step()
    assert world.tried.count(b"bad") == 4, "their second try, in which the topic takes nothing"
    world.queue.send([b"q"] * 50)
    world.consumer.step()
    assert world.tried.count(b"q") == 50 + 8, "a batch as large as the two in hand let it be"


def test_what_waits_while_its_service_takes_others_has_two_tries_left(world: World) -> None:
    world.refused = {b"bad": "topic"}
    world.queue.send([b"bad"])
    world.run_s(60)
    tries = world.tried.count(b"bad")
    assert world.consumer.holds == 1
    world.queue.send([b"good"])
    world.run_s(0.1)
    assert world.tried.count(b"good") == 1
    while world.consumer.holds:
        assert world.tried.count(b"bad") <= tries + 2
        world.run_s(1)
    assert world.tried.count(b"bad") == tries + 2


def test_what_waits_while_another_service_takes_something_is_under_no_suspicion(world: World) -> None:
    world.refused = {b"bad": "topic"}
    world.queue.send([b"bad"])
    for _ in range(20):
        world.queue.send([b"q"])
        world.run_s(10)
    assert world.consumer.holds == 1


def test_a_message_that_alone_cannot_be_deleted_goes_back_after_three_tries(world: World) -> None:
    world.undeletable = {b"stuck"}
    world.queue.send([b"stuck", b"a"])
    world.consumer.step()
    while world.consumer.holds:
        assert world.tried.count(b"stuck") == 1
        assert world.clock() < 60 + world.started_at
        world.queue.send([b"a"])
        world.run_s(0.01)
    assert sum(world.queue.depth()) >= 1


def test_the_pauses_double_from_a_fifth_of_a_second_to_half_a_minute(world: World) -> None:
    world.away = {"topic"}
    world.queue.send([b"a"] * 10)
    moments: list[float] = []
    while len(moments) < 12:
        before = len(world.batches)
        world.consumer.step()
        if len(world.batches) > before:
            moments.append(world.clock())
    pauses = [after - before for before, after in pairwise(moments)]
    for number, pause_s in enumerate(pauses):
        longest = min(30, 0.2 * 2**number)
        assert longest / 2 <= pause_s <= longest + 0.001


def test_after_a_failure_that_is_over_the_next_one_begins_with_the_shortest_pause(world: World) -> None:
    for _ in range(3):
        world.queue.send([b"a"] * 5)
        world.away = {"topic"}
        world.consumer.step()
        world.away = set()
        failed_at, tries = world.clock(), len(world.tried)
        while len(world.tried) == tries:
            world.consumer.step()
        assert 0.1 <= world.clock() - failed_at <= 0.2
        assert world.consumer.holds == 0


def test_while_the_breaker_waits_what_is_in_hand_is_tried_and_nothing_is_received(world: World) -> None:
    world.away = {"topic"}
    world.queue.send([b"a"])
    world.consumer.step()
    world.queue.send([b"q"] * 150)
    for _ in range(30):
        world.consumer.step()
    assert world.consumer.breaker.is_open
    received = world.consumer.received
    world.away = set()
    world.run_s(45)
    assert world.consumer.holds == 0
    assert world.tried.count(b"a") > 1
    assert world.consumer.received == received


def test_a_reject_counts_once_however_often_the_quarantine_fails(world: World) -> None:
    world.away = {"quarantine"}
    world.queue.send([b"q"] * 50)
    world.run_s(300)
    assert world.consumer.holds >= 15
    assert not world.consumer.breaker.is_open
