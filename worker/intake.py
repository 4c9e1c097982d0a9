"""Receiving: a batch is gathered across several receives, and a queue that does not answer is never asked in a spin."""

import logging
import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ports import Message, Queue, Unavailable
from schemas.event import MAX_MESSAGE_BYTES
from worker.lease import Leases
from worker.settings import Settings

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S: Final = 30.0
_CUT_OFF_AFTER: Final = 3  # failed receives


class Surroundings(NamedTuple):
    """What the loop needs of the world: time, chance, and a pause that a stop ends."""

    clock: Callable[[], float]
    pause: Callable[[float], object]
    chance: random.Random
    stopping: Callable[[], bool]


class Intake:
    """Receives messages and puts them under their lease."""

    def __init__(self, queue: Queue, leases: Leases, settings: Settings, surroundings: Surroundings) -> None:
        self._queue, self._leases, self._settings, self._world = queue, leases, settings, surroundings
        self._failures = 0
        self.received = 0
        """How many messages were received in all."""

    @property
    def is_failing(self) -> bool:
        """Whether the last receive failed."""
        return self._failures > 0

    @property
    def trouble(self) -> str | None:
        """Say so when the last receives failed, one after the other."""
        return f"queue {self._queue.url} cannot be reached" if self._failures >= _CUT_OFF_AFTER else None

    def gather(self, most: int, wait_s: float, bytes_in_hand: int) -> list[Message]:
        """
        Receive until the batch is full, the queue gives no more, or the time is over.

        Args:
            most: How many messages at most.
            wait_s: How long to wait for the first.
            bytes_in_hand: How much of the allowed bytes is taken already.
        """
        messages: list[Message] = []
        give_up_at = 0.0
        while room := self._room(messages, most, bytes_in_hand):
            received = self._receive(room, wait_s)
            messages += received
            now = self._world.clock()
            give_up_at = give_up_at or now + self._settings.batch_max_wait_ms / 1000
            if not received or now >= give_up_at or self._world.stopping():
                break
            wait_s = 0.0
        return messages

    def _receive(self, most: int, wait_s: float) -> list[Message]:
        asked_at = self._world.clock()
        try:
            received = self._queue.receive(most, wait_s, self._settings.visibility_timeout_s)
        except Unavailable as error:
            self._failures += 1
            self._tell_and_pause(error)
            return []
        if self._failures:
            log.info("queue %s answers again", self._queue.url)
        self._failures = 0
        self.received += len(received)
        self._leases.hold(received, asked_at)
        return received

    def _tell_and_pause(self, error: Unavailable) -> None:
        """Say once what is wrong; ask ever more rarely."""
        pause_s = self._world.chance.uniform(0.5, 1) * min(_LONGEST_PAUSE_S, 2.0 ** min(self._failures, 9))
        level = logging.WARNING if self._failures == 1 else logging.DEBUG
        log.log(level, "nothing received: %s; tried again until it answers, now in %.1f s", error, pause_s)
        self._world.pause(pause_s)

    def _room(self, messages: Sequence[Message], most: int, bytes_in_hand: int) -> int:
        """Say how many more messages may be received, even if each is as large as can be."""
        room = self._settings.max_in_flight_bytes - bytes_in_hand - sum(len(message.body) for message in messages)
        return min(most - len(messages), max(0, room // MAX_MESSAGE_BYTES))
