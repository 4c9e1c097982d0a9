"""Hold messages of a queue under their lease, to read them or to move them, and give back what was not taken away."""

import logging
import time
from collections.abc import Callable, Generator, Sequence
from typing import Final

from ports import Message, Queue
from worker.lease import Leases

MAX_HELD: Final = 100_000
"""SQS lets no more than 120,000 messages of a queue be in hand, those of others included."""

LEASE_S: Final = 120
_AT_ONCE: Final = 100
_WAIT_S: Final = 1.0  # a short poll of SQS asks some of its servers only; an embedded queue gives all that it has
_LOOK_S: Final = 5.0  # looking at a hundred thousand leases takes a moment
_FEW: Final = 10
_TRICKLE: Final = 5

log = logging.getLogger(__name__)


class Holding:
    """
    Messages of one queue in hand, kept under their lease; their bodies are not.

    What is held is not received again by anybody, so that a queue can be gone through once. A message whose lease was
    lost all the same is known by its id.
    """

    def __init__(self, queue: Queue, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue, self._clock = queue, clock
        self._leases = Leases(queue, LEASE_S, clock)
        self._wait_s = 0.0 if queue.url.startswith("sqlite:") else _WAIT_S
        self._held: dict[str, Message] = {}  # by message id, with the newest receipt
        self._seen: set[str] = set()
        self._waiting_at_first: int | None = None
        self._trickled = 0
        self._looked_at = clock()

    @property
    def is_full(self) -> bool:
        """Whether so many messages are held that the queue may give no more."""
        return len(self._held) >= MAX_HELD

    def receive(self, limit: int) -> list[Message]:
        """
        Return up to `limit` messages that were not seen before; none, where the queue has no such message to give.

        What waited at first is all received; of what comes in meanwhile, a trickle is not waited for. It would never
        end while somebody goes on to set events aside, which is just when one looks.

        Raises:
            Unavailable: The queue did not answer, or refused.
        """
        if self._waiting_at_first is None:
            self._waiting_at_first = self._queue.depth().visible
        if self._trickled == _TRICKLE:
            return []
        for _ in range(2 + len(self._held) // limit):  # all that is held may have lost its lease, and come again
            received = self._receive(limit)
            fresh = [message for message in received if message.id not in self._seen]
            self._seen.update(message.id for message in fresh)
            if fresh or not received:
                break
        is_few = len(fresh) < _FEW and len(self._seen) >= self._waiting_at_first
        self._trickled = self._trickled + 1 if is_few else 0
        return fresh

    def keep(self) -> None:
        """Extend the leases that have reached half their time: to be called every few seconds, or more often."""
        if self._clock() - self._looked_at >= _LOOK_S:
            self._leases.extend_due()
            self._looked_at = self._clock()

    def delete(self, ids: Sequence[str]) -> list[str]:
        """Delete messages that are done. Return the ids of those that are not known to be deleted: still held."""
        messages = [self._held[message_id] for message_id in ids if message_id in self._held]
        undeleted = {message.id for message in self._queue.delete(messages)} if messages else set()
        gone = [message for message in messages if message.id not in undeleted]
        self._leases.let_go(gone)
        for message in gone:
            del self._held[message.id]
        return [message.id for message in messages if message.id in undeleted]

    def give_back(self) -> None:
        """Make all that is still held visible at once."""
        held = [message for message in self._held.values() if self._leases.is_held(message)]
        self._leases.let_go(held)
        self._held = {}
        if held:
            self._queue.set_visibility([(message, 0) for message in held])

    def _receive(self, limit: int) -> list[Message]:
        asked_at = self._clock()
        received = self._queue.receive(min(limit, MAX_HELD - len(self._held)), self._wait_s, LEASE_S)
        received = list({message.id: message for message in received}.values())
        bare = [message._replace(body=b"") for message in received]
        self._leases.let_go([self._held[message.id] for message in bare if message.id in self._held])
        self._leases.hold(bare, asked_at)
        self._held.update({message.id: message for message in bare})
        return received


def browse(queue: Queue) -> Generator[Message]:
    """
    Go through the messages of a queue that nobody else holds, each once; all are given back at the end.

    Raises:
        Unavailable: The queue did not answer, or refused.
    """
    holding = Holding(queue)
    try:
        while received := [] if holding.is_full else holding.receive(_AT_ONCE):
            for message in received:
                yield message
                holding.keep()
        if holding.is_full:
            log.warning("stopped at %d messages of %s: a queue gives no more at a time", MAX_HELD, queue.url)
    finally:
        holding.give_back()
