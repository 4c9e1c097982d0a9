"""A queue with leases in a SQLite file: visibility timeouts, receive counts, receipts and dead letters, as SQS has."""

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

from ports.embedded.dead_letters import DeadLetters
from ports.embedded.messages import ADD, QUEUE_FILE
from ports.embedded.sqlite import Database
from ports.protocols import Depth, Message, Unavailable
from ports.telling import Told

MAX_BODY_BYTES: Final = 1024 * 1024
POLL_INTERVAL_S: Final = 0.05
"""How often a waiting receive looks again. Looking takes no lock."""

_DUE: Final = "SELECT 1 FROM message WHERE visible_at <= ? LIMIT 1"
_RECEIVE: Final = """
    UPDATE message
    SET receive_count = receive_count + 1, visible_at = :visible_at, receipt = :token || '-' || sequence
    WHERE sequence IN (
        SELECT sequence FROM message WHERE visible_at <= :now ORDER BY visible_at, sequence LIMIT :limit)
    RETURNING sequence, id, receipt, body, receive_count"""
_DELETE: Final = "DELETE FROM message WHERE id = ? AND receipt = ?"
_HIDE: Final = "UPDATE message SET visible_at = ? WHERE id = ? AND receipt = ?"
_EXISTS: Final = "SELECT 1 FROM message WHERE id = ?"
_COUNT: Final = "SELECT count(*) FILTER (WHERE visible_at <= ?), count(*) FROM message"

_log = logging.getLogger(__name__)


class EmbeddedQueue:
    """A queue that lives in one file; any number of threads and processes may work on it."""

    def __init__(
        self,
        url: str,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Open a queue that exists.

        Raises:
            BadAddress: There is no such file, or it holds something else.
        """
        self._url, self._clock, self._sleep = url, clock, sleep
        self._told = Told()
        self._database = Database(path, QUEUE_FILE, create=False)
        self._dead_letters = DeadLetters(self._database, path.absolute().parent, clock)

    @classmethod
    def create(cls, url: str, path: Path, *, dead_letters: Path | None = None, max_receive_count: int = 20) -> Self:
        """
        Create a queue, or open the one that is there with the same policy.

        Raises:
            BadAddress: The folder does not exist, or the queue exists with another policy.
        """
        database = Database(path, QUEUE_FILE, create=True)
        DeadLetters.settle_policy(database, path.absolute(), dead_letters, max_receive_count)
        return cls(url, path)

    @property
    def url(self) -> str:
        """The address that the queue was opened by."""
        return self._url

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        """
        Return up to `limit` messages, those that have waited longest first; wait up to `wait_s` for the first.

        Raises:
            Unavailable: The file is locked for too long, gone, or the disk fails.
        """
        waited_s = 0.0
        while True:
            messages = self._take(limit, visibility_timeout_s)
            if messages or waited_s >= wait_s:
                return messages
            # Counted by the sleeps, so that a clock that is set back does not prolong the wait.
            pause_s = min(POLL_INTERVAL_S, wait_s - waited_s)
            self._sleep(pause_s)
            waited_s += pause_s

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete what is done. Return what was received again by somebody else, or all if the file fails."""
        try:
            with self._database.transaction() as connection:
                missed = [m for m in messages if connection.execute(_DELETE, (m.id, m.receipt)).rowcount == 0]
                return [m for m in missed if connection.execute(_EXISTS, (m.id,)).fetchone()]
        except sqlite3.OperationalError as error:
            level = self._told.level("delete", str(error))
            _log.log(level, "%d messages were not deleted from %s: %s", len(messages), self._url, error)
            return list(messages)

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        """Make each message visible after its seconds. Return those that are deleted or were received again."""
        now = self._clock()
        try:
            with self._database.transaction() as connection:
                return [
                    message
                    for message, timeout_s in timeouts_s
                    if connection.execute(_HIDE, (now + timeout_s, message.id, message.receipt)).rowcount == 0
                ]
        except sqlite3.OperationalError as error:
            level = self._told.level("set_visibility", str(error))
            _log.log(level, "the leases of %d messages of %s were not changed: %s", len(timeouts_s), self._url, error)
            return []

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        """Put messages on the queue. Return their ids, None where a body is empty or over 1 MiB, or the file fails."""
        now = self._clock()
        ids = [_new_id(now) if 0 < len(body) <= MAX_BODY_BYTES else None for body in bodies]
        try:
            with self._database.transaction() as connection:
                connection.executemany(ADD, [(i, body, now) for i, body in zip(ids, bodies, strict=True) if i])
        except sqlite3.OperationalError as error:
            level = self._told.level("send", str(error))
            _log.log(level, "%d messages were not taken by %s: %s", len(bodies), self._url, error)
            return [None] * len(bodies)
        return ids

    def depth(self) -> Depth:
        """
        Count the messages.

        Raises:
            Unavailable: The file is locked for too long, gone, or the disk fails.
        """
        try:
            [(visible, total)] = self._database.read(_COUNT, (self._clock(),))
        except sqlite3.OperationalError as error:
            raise self._unavailable(error) from error
        return Depth(visible, total - visible)

    def _take(self, limit: int, visibility_timeout_s: int) -> list[Message]:
        """Lease what is due, put the dead aside, and go on until something is alive or nothing is due."""
        try:
            while limit > 0 and self._database.read(_DUE, (self._clock(),)):
                if living := self._dead_letters.bury(self._lease(limit, visibility_timeout_s)):
                    return living
        except sqlite3.OperationalError as error:
            raise self._unavailable(error) from error
        return []

    def _lease(self, limit: int, visibility_timeout_s: int) -> list[Message]:
        now = self._clock()
        parameters = {"now": now, "visible_at": now + visibility_timeout_s, "token": uuid4().hex, "limit": limit}
        with self._database.transaction() as connection:
            rows = connection.execute(_RECEIVE, parameters).fetchall()
        return [Message(*row[1:]) for row in sorted(rows)]

    def _unavailable(self, error: sqlite3.OperationalError) -> Unavailable:
        return Unavailable(
            f"queue {self._url} cannot be used now ({error}); it is tried again, so mend the disk or path"
        )


def _new_id(now: float) -> str:
    """Return a random id that begins with the time, so that neighbours in the queue are neighbours in the index."""
    return f"{int(now * 1000):012x}{uuid4().hex[12:]}"
