"""A bad release, or a bad producer, must not empty the queue into the quarantine."""

import logging
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from ports import Message
from tests.clock import Clock, queue_at
from worker.breaker import RejectBreaker
from worker.consumer import Consumer
from worker.intake import Surroundings
from worker.lease import Leases
from worker.outcome import Outcome, Settled
from worker.settings import Settings

MESSAGE = Message("m", "r", b"", 1)
GOOD = Outcome(MESSAGE, 0, "applied")
BAD = Outcome(MESSAGE, 0, "quarantined", reason="not_json")
NOT_SET_ASIDE = Outcome(MESSAGE, 0, "retried", reason="not_json")
AWAY = Outcome(MESSAGE, 0, "retried")


def test_it_opens_at_nine_tenths_of_the_last_two_hundred_and_not_before() -> None:
    breaker = RejectBreaker(Clock())
    breaker.count([GOOD] * 21 + [BAD] * 179)
    assert not breaker.is_open
    breaker.count([BAD])
    assert breaker.is_open


def test_fewer_than_a_hundred_never_open_it() -> None:
    breaker = RejectBreaker(Clock())
    breaker.count([BAD] * 99)
    assert not breaker.is_open
    breaker.count([BAD])
    assert breaker.is_open


def test_a_sink_that_is_away_is_no_rejection_and_a_full_quarantine_is() -> None:
    breaker = RejectBreaker(Clock())
    breaker.count([AWAY] * 500)
    assert not breaker.is_open
    breaker.count([NOT_SET_ASIDE] * 100)
    assert breaker.is_open


def test_a_queue_of_bad_events_is_left_alone_but_for_one_message_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of 1,000 bad messages 200 are taken at once and ten in the next ten minutes; one good one, and all go on."""
    caplog.set_level(logging.INFO)
    clock = Clock()
    queue = queue_at(tmp_path, clock)
    settings = Settings(wait_time_s=0)
    rejects = True

    def process(messages: Sequence[Message], _: Settled) -> list[Outcome]:
        kind, reason = ("quarantined", "not_json") if rejects else ("applied", None)
        return [Outcome(message, 0, kind, reason=reason) for message in messages]  # type: ignore[arg-type]  one of the two kinds

    def pause(seconds: float) -> None:
        clock.pass_s(seconds)

    leases = Leases(queue, settings.visibility_timeout_s, clock)
    surroundings = Surroundings(clock, pause, random.Random(0), lambda: False)  # noqa: S311  jitter
    consumer = Consumer(queue, process, leases, settings, surroundings)
    queue.send([b"bad"] * 1000)

    consumer.step()
    assert 800 == sum(queue.depth())
    end = clock() + 601
    while clock() < end:
        consumer.step()
    assert 790 == sum(queue.depth())
    assert consumer.breaker.is_open

    rejects = False
    while sum(queue.depth()):
        consumer.step()
    assert not consumer.breaker.is_open
    assert clock() < end + 120
    assert [record.message for record in caplog.records] == [
        "nearly all of the last events were rejected: receiving one message a minute until one is good",
        "an event was good again: receiving as usual",
    ]
