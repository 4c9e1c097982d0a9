"""What the lanes of one worker share: the turn to receive, the limits on what is in hand, and what is wrong."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from schemas.event import MAX_MESSAGE_BYTES
from worker.breaker import RejectBreaker
from worker.settings import Settings


class Shared:
    """One for all lanes of a worker. Safe to use from several threads."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        waits: Callable[[object], object] = lambda _lane: None,
        moves: Callable[[object], object] = lambda _lane: None,
    ) -> None:
        """
        Begin with nothing in hand.

        Args:
            settings: With the limits.
            clock: Monotonic, in seconds.
            waits: Told of a lane that waits for its turn.
            moves: Told of a lane whose turn has come.
        """
        self._line = threading.Lock()
        self._waits, self._moves = waits, moves
        self.breaker = RejectBreaker(clock)
        self.in_flight = InFlight(settings.max_in_flight, settings.max_in_flight_bytes)
        self.failures = 0
        """How many receives have failed one after the other, whichever lane had its turn."""
        self._blocked: set[object] = set()
        self._speakers: dict[str, object] = {}
        self._guard = threading.Lock()

    @contextmanager
    def turn(self, lane: object) -> Iterator[None]:
        """Be the one lane that receives: an empty queue sees one long poll, and the other lanes wait in line."""
        self._waits(lane)
        with self._line:
            self._moves(lane)
            yield

    def note_blocked(self, lane: object, *, is_blocked: bool) -> None:
        """Note whether a lane has something in hand that a service which is down did not take."""
        if is_blocked:
            self._blocked.add(lane)
        else:
            self._blocked.discard(lane)

    def may_tell(self, lane: object, what: str) -> bool:
        """Tell whether a lane is the one that says what is wrong; the first that asks is."""
        with self._guard:
            return self._speakers.setdefault(what, lane) is lane

    def has_told(self, lane: object, what: str) -> bool:
        """Tell whether a lane was the one that said so. From now on another may."""
        with self._guard:
            return self._speakers.get(what) is lane and self._speakers.pop(what) is lane

    def is_blocked_beside(self, lane: object) -> bool:
        """Tell whether a service is down for another lane: then this one takes nothing new either."""
        return bool(self._blocked - {lane})


class InFlight:
    """How many messages, and bytes of them, all lanes have in hand or have asked for."""

    def __init__(self, most_messages: int, most_bytes: int) -> None:
        self._most_messages, self._most_bytes = most_messages, most_bytes
        self._held: dict[object, tuple[int, int]] = {}
        self._guard = threading.Lock()

    def ask(self, lane: object, messages: int, size: int, more: int) -> int:
        """
        Note what a lane has in hand, and let it receive more.

        Args:
            lane: Which lane.
            messages: How many it has in hand.
            size: How many bytes these are.
            more: How many messages it would receive.

        Returns:
            How many it may receive, even if each is as large as can be; so much is kept for it until it tells again.
        """
        with self._guard:
            self._held[lane] = (messages, size)
            all_messages = sum(held_messages for held_messages, _ in self._held.values())
            all_bytes = sum(held_bytes for _, held_bytes in self._held.values())
            room = min(more, self._most_messages - all_messages, (self._most_bytes - all_bytes) // MAX_MESSAGE_BYTES)
            granted = max(0, room)
            self._held[lane] = (messages + granted, size + granted * MAX_MESSAGE_BYTES)
            return granted

    def note(self, lane: object, messages: int, size: int) -> None:
        """Note what a lane has in hand."""
        with self._guard:
            self._held[lane] = (messages, size)
