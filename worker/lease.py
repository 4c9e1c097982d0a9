"""The leases of the messages in hand: extended at half their time, until each message is let go."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from ports import Message, Queue

log = logging.getLogger(__name__)

MAX_LEASE_S: Final = 12 * 3600
"""SQS holds no message longer than this, counted from its receive."""


class Leases:
    """Keeps what is in hand invisible to others, and knows what was lost. Safe to use from several threads."""

    def __init__(
        self,
        queue: Queue,
        visibility_timeout_s: int,
        clock: Callable[[], float],
        count_lost: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._queue = queue
        self._timeout_s = visibility_timeout_s
        self._clock = clock
        self._count_lost = count_lost
        self._guard = threading.Lock()
        self._extending = threading.Lock()  # what is let go is not extended a moment later
        self._ending: set[str] = set()
        self._held: dict[str, tuple[Message, float, float]] = {}  # receipt: message, received at, extend at

    def hold(self, messages: Iterable[Message], received_at: float) -> None:
        """Begin to keep the leases of messages whose receive was asked for at `received_at`."""
        extend_at = received_at + self._timeout_s / 2
        with self._guard:
            self._held.update({message.receipt: (message, received_at, extend_at) for message in messages})

    @contextmanager
    def ending(self, messages: Iterable[Message]) -> Iterator[None]:
        """Meanwhile these are deleted: leases are kept as before, but one that is refused is not counted as lost."""
        receipts = {message.receipt for message in messages}
        with self._guard:
            self._ending |= receipts
        yield
        with self._extending, self._guard:
            self._ending -= receipts

    def let_go(self, messages: Iterable[Message]) -> None:
        """Stop keeping the leases of messages that are done or given back."""
        with self._extending:
            self._forget(messages)

    def is_held(self, message: Message) -> bool:
        """Tell whether the message is still ours, as far as is known."""
        return message.receipt in self._held  # one look-up, which no other thread can come between

    def extend_due(self) -> None:
        """Extend the leases that have reached half their time. One that is refused is lost; others are kept."""
        with self._extending:
            now = self._clock()
            if due := self._due(now):
                refused = self._extend(due, now)
                self._forget(refused)
                if lost := sum(message.receipt not in self._ending for message in refused):
                    log.warning("the lease of %d messages is lost: somebody else may have them", lost)
                    self._count_lost(lost)

    def keep(self, stopped: threading.Event) -> None:
        """Extend leases until `stopped` is set: the body of the lease thread."""
        while not stopped.wait(min(1.0, self._timeout_s / 10)):
            try:
                self.extend_due()
            except Exception:
                log.exception("leases could not be extended; tried again in a moment")

    def _extend(self, due: list[tuple[Message, float, float]], now: float) -> list[Message]:
        """Ask for the usual time again, but not past the longest lease. Return those that are lost."""
        wanted = [(held[0], min(self._timeout_s, int(held[1] + MAX_LEASE_S - now))) for held in due]
        lost = self._queue.set_visibility([(message, timeout_s) for message, timeout_s in wanted if timeout_s > 0])
        # Sooner than at half time: a call that failed for now has a second chance before the lease ends.
        soon = now + self._timeout_s / 4
        with self._guard:
            self._held.update({m.receipt: (m, at, min(soon, at + MAX_LEASE_S)) for m, at, _ in due})
        return [*lost, *(message for message, timeout_s in wanted if timeout_s <= 0)]

    def _due(self, now: float) -> list[tuple[Message, float, float]]:
        with self._guard:
            return [held for held in self._held.values() if held[2] <= now]

    def _forget(self, messages: Iterable[Message]) -> None:
        with self._guard:
            for message in messages:
                self._held.pop(message.receipt, None)
