"""Look into a queue from outside, while workers work on it: an embedded one's file, or moto's own messages."""

import sqlite3
import time
from typing import Any, Final, Self

from tests.functional.serial_moto import SerialMoto, messages_of

_LAST: Final = "SELECT coalesce(max(visible_at), 0) FROM message"
_COUNTS: Final = "SELECT coalesce(max(receive_count), 0), count(*) FROM message"
_ABANDONED: Final = "SELECT receipt FROM message WHERE visible_at <= ? AND receipt IS NOT NULL"
_INVISIBLE: Final = "SELECT count(*) FROM message WHERE visible_at > ?"
_UNTOUCHED: Final = "SELECT count(*) FROM message WHERE receive_count = 0"


class Watch:
    """Notes how long messages are invisible, how often they are received, and which ones a worker left behind."""

    def __init__(self, url: str) -> None:
        file = url.removeprefix("sqlite:///")
        self._connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        self.longest_invisible_s = 0.0
        """The furthest that any message's return has ever been ahead."""
        self.most_receives = 0
        self.left_behind: set[str] = set()
        """Receipts that were neither deleted, extended nor given back in time: their holder is dead."""

    def look(self) -> int:
        """Note what there is now. Return how many messages are on the queue, visible or not."""
        self.longest_invisible_s = max(self.longest_invisible_s, self.ahead_s())
        receives, waiting = self.counts()
        self.most_receives = max(self.most_receives, receives)
        return waiting

    def look_for_the_left_behind(self) -> None:
        """Note the receipts whose lease has run out."""
        self.left_behind |= self.abandoned()

    def counts(self) -> tuple[int, int]:
        """Return how often a message was received at most, and how many there are."""
        [(receives, waiting)] = self._connection.execute(_COUNTS).fetchall()
        return int(receives), int(waiting)

    def abandoned(self) -> set[str]:
        """Return the receipts whose lease has run out."""
        return {receipt for (receipt,) in self._connection.execute(_ABANDONED, (time.time(),))}

    def invisible(self, at: float | None = None) -> int:
        """Count what will be invisible at a moment, now by default."""
        return self._count(_INVISIBLE, (time.time() if at is None else at,))

    def ahead_s(self) -> float:
        """Return how far the last message's return is ahead, in seconds."""
        [(visible_at,)] = self._connection.execute(_LAST).fetchall()
        return float(visible_at - time.time())  # by now, so that no lease looks longer than it is

    def untouched(self) -> int:
        """Count what has never been received."""
        return self._count(_UNTOUCHED)

    def _count(self, query: str, parameters: tuple[float, ...] = ()) -> int:
        return int(self._connection.execute(query, parameters).fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class MotoWatch(Watch):
    """The same for a queue of moto in this process."""

    def __init__(self, moto: SerialMoto, url: str) -> None:
        super().__init__("sqlite:///:memory:")  # nothing is asked of it
        self._moto, self._url = moto, url

    def counts(self) -> tuple[int, int]:
        messages = self._messages()
        return max((message.approximate_receive_count for message in messages), default=0), len(messages)

    def abandoned(self) -> set[str]:
        now_ms = time.time() * 1000
        return {m.receipt_handle for m in self._messages() if m.visible_at <= now_ms and m.receipt_handle is not None}

    def invisible(self, at: float | None = None) -> int:
        at_ms = (time.time() if at is None else at) * 1000
        return sum(message.visible_at > at_ms for message in self._messages())

    def ahead_s(self) -> float:
        last_ms = max((float(message.visible_at) for message in self._messages()), default=0.0)
        return last_ms / 1000 - time.time()

    def untouched(self) -> int:
        return sum(message.approximate_receive_count == 0 for message in self._messages())

    def _messages(self) -> list[Any]:
        with self._moto.lock:
            return messages_of(self._url)
