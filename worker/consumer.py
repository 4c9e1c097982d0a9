"""The loop: receive, hand over, acknowledge. One `step` is one batch, so that a test can walk through it."""

import logging
import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ports import Message, Queue, Unavailable
from schemas.event import MAX_MESSAGE_BYTES
from worker.breaker import RejectBreaker
from worker.lease import Leases
from worker.pipeline import Outcome, done_messages
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


class Consumer:
    """Takes messages from the queue, has them processed, and deletes exactly those that are done."""

    def __init__(
        self,
        queue: Queue,
        process: Callable[[Sequence[Message]], list[Outcome]],
        leases: Leases,
        settings: Settings,
        surroundings: Surroundings,
    ) -> None:
        self._queue = queue
        self._process = process
        self._leases = leases
        self._settings = settings
        self._world = surroundings
        self._failed_receives = 0
        self.breaker = RejectBreaker(surroundings.clock)

    @property
    def is_cut_off(self) -> bool:
        """Whether the last receives failed, one after the other."""
        return self._failed_receives >= _CUT_OFF_AFTER

    def step(self, most: int | None = None) -> list[Outcome] | None:
        """
        Receive one batch, process it, acknowledge what is done, and give the rest back.

        Args:
            most: Take no more messages than this.

        Returns:
            The outcome of every event; None where the queue said that there was nothing to receive.
        """
        if (wait_s := self.breaker.wait_s()) > 0:
            self._world.pause(min(wait_s, 1.0))
            return []
        messages = self._receive(min(most or self._settings.batch_max_size, self._batch_size()))
        if not messages:
            return [] if self._failed_receives else None
        if self._world.stopping():
            self._release([(message, 0) for message in messages])
            return []
        outcomes = self._process(messages)
        self._count_rejects(outcomes)
        done, left = done_messages(messages, outcomes)
        self._delete(done)
        self._release([(message, self._back_off_s(message)) for message in left])
        return outcomes

    def _batch_size(self) -> int:
        return 1 if self.breaker.is_open else self._settings.batch_max_size

    def _count_rejects(self, outcomes: list[Outcome]) -> None:
        was_open = self.breaker.is_open
        self.breaker.count(outcomes)
        if self.breaker.is_open and not was_open:
            log.error("nearly all of the last events were rejected: receiving one message a minute until one is good")
        elif was_open and not self.breaker.is_open:
            log.info("an event was good again: receiving as usual")

    def _receive(self, most: int) -> list[Message]:
        """Gather a batch across receives: until it is full, the queue gives no more, or the time is over."""
        messages: list[Message] = []
        wait_s, give_up_at = float(self._settings.wait_time_s), 0.0
        while room := self._room(messages, most):
            received = self._receive_once(room, wait_s)
            messages += received
            now = self._world.clock()
            give_up_at = give_up_at or now + self._settings.batch_max_wait_ms / 1000
            if not received or now >= give_up_at or self._world.stopping():
                break
            wait_s = 0.0
        return messages

    def _receive_once(self, most: int, wait_s: float) -> list[Message]:
        asked_at = self._world.clock()
        try:
            received = self._queue.receive(most, wait_s, self._settings.visibility_timeout_s)
        except Unavailable as error:
            self._failed_receives += 1
            pause_s = self._world.chance.uniform(0.5, 1) * min(_LONGEST_PAUSE_S, 2.0 ** min(self._failed_receives, 9))
            log.warning("nothing received: %s; trying again in %.1f s", error, pause_s)
            self._world.pause(pause_s)
            return []
        self._failed_receives = 0
        self._leases.hold(received, asked_at)
        return received

    def _room(self, messages: Sequence[Message], most: int) -> int:
        """Say how many more messages may be received, even if each is as large as can be."""
        room = self._settings.max_in_flight_bytes - sum(len(message.body) for message in messages)
        return min(most - len(messages), max(0, room // MAX_MESSAGE_BYTES))

    def _delete(self, messages: list[Message]) -> None:
        """Delete what is done. What cannot be deleted comes again, is found in the store, and is deleted then."""
        left = self._queue.delete(messages) if messages else []
        if left:
            log.warning("%d messages that are done could not be deleted; they will come again", len(left))
        self._leases.let_go(messages)

    def _release(self, timeouts_s: list[tuple[Message, int]]) -> None:
        """Give messages back to the queue, each visible after its seconds."""
        held = [(message, timeout) for message, timeout in timeouts_s if self._leases.is_held(message)]
        self._leases.let_go([message for message, _ in held])
        if held:
            self._queue.set_visibility(held)

    def _back_off_s(self, message: Message) -> int:
        """Full jitter: up to `min(cap, base * 2^(n-1))` seconds after the n-th receive."""
        doublings = min(message.receive_count - 1, 30)
        ceiling = min(self._settings.retry_cap_s, self._settings.retry_base_s * 2**doublings)
        return round(self._world.chance.uniform(0, ceiling))
