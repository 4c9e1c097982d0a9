"""Receiving: a batch is gathered across several receives, and a queue that does not answer is never asked in a spin."""

import logging
import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ports import Message, Queue, Unavailable
from worker.lease import Leases
from worker.settings import Settings
from worker.shared import Shared

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S: Final = 30.0
_CUT_OFF_AFTER: Final = 3  # failed receives
_MOST_AT_ONCE: Final = 500
_BATCH_BYTES: Final = 2 * 2**20
"""A batch of large messages is full before it has as many as allowed: its events take ten times as much memory."""
_LARGE_BYTES: Final = 64 * 2**10
"""What the first messages are taken to have."""


class Surroundings(NamedTuple):
    """What the loop needs of the world: time, chance, and a pause that a stop ends."""

    clock: Callable[[], float]
    pause: Callable[[float], object]
    chance: random.Random
    stopping: Callable[[], bool]


class Intake:
    """Receives messages and puts them under their lease."""

    def __init__(
        self, queue: Queue, leases: Leases, settings: Settings, surroundings: Surroundings, shared: Shared
    ) -> None:
        self._queue, self._leases, self._settings, self._world = queue, leases, settings, surroundings
        self._shared = shared
        self._usual_bytes = _LARGE_BYTES
        self.received = 0
        """How many messages were received in all."""

    @property
    def is_failing(self) -> bool:
        """Whether the last receive failed."""
        return self._shared.failures > 0

    @property
    def trouble(self) -> str | None:
        """Say so when the last receives failed, one after the other."""
        return f"queue {self._queue.url} cannot be reached" if self._shared.failures >= _CUT_OFF_AFTER else None

    def gather(self, most: int, wait_s: float, in_hand: int, bytes_in_hand: int) -> list[Message]:
        """
        Receive until the batch is full, the queue gives no more, or the time is over.

        Args:
            most: How many messages at most.
            wait_s: How long to wait for the first.
            in_hand: How many messages the lane has in hand already.
            bytes_in_hand: How many bytes these are.
        """
        messages: list[Message] = []
        size = 0
        give_up_at = 0.0
        while wanted := self._wanted(most - len(messages), size):
            room = self._shared.in_flight.ask(self, in_hand + len(messages), bytes_in_hand + size, wanted)
            if not room:
                break
            received = self._receive(room, wait_s)
            messages += received
            size += self._weighed(received)
            now = self._world.clock()
            give_up_at = give_up_at or now + self._settings.batch_max_wait_ms / 1000
            if not received or now >= give_up_at or self._world.stopping():
                break
            wait_s = 0.0
        self._shared.in_flight.note(self, in_hand + len(messages), bytes_in_hand + size)
        return messages

    def note(self, in_hand: int, bytes_in_hand: int) -> None:
        """Note what the lane has in hand, after its batch is done."""
        self._shared.in_flight.note(self, in_hand, bytes_in_hand)

    def _wanted(self, most: int, size: int) -> int:
        """Say how many messages make the batch full, if they are as large as the last ones."""
        return min(most, _MOST_AT_ONCE, max(0, -(-(_BATCH_BYTES - size) // self._usual_bytes)))

    def _weighed(self, received: Sequence[Message]) -> int:
        size = sum(len(message.body) for message in received)
        if received:
            self._usual_bytes = max(1, size // len(received))
        return size

    def _receive(self, most: int, wait_s: float) -> list[Message]:
        asked_at = self._world.clock()
        try:
            received = self._queue.receive(most, wait_s, self._settings.visibility_timeout_s)
        except Unavailable as error:
            self._shared.failures += 1
            self._tell_and_pause(error)
            return []
        if self._shared.failures:
            log.info("queue %s answers again", self._queue.url)
        self._shared.failures = 0
        self.received += len(received)
        self._leases.hold(received, asked_at)
        return received

    def _tell_and_pause(self, error: Unavailable) -> None:
        """Say once what is wrong; ask ever more rarely."""
        pause_s = self._world.chance.uniform(0.5, 1) * min(_LONGEST_PAUSE_S, 2.0 ** min(self._shared.failures, 9))
        level = logging.WARNING if self._shared.failures == 1 else logging.DEBUG
        log.log(level, "nothing received: %s; tried again until it answers, now in %.1f s", error, pause_s)
        self._world.pause(pause_s)
