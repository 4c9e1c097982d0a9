"""Where messages go that were received too often: another queue's file."""

import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from ports.embedded.messages import ADD, QUEUE_FILE
from ports.embedded.sqlite import Database
from ports.protocols import BadAddress, Message
from ports.telling import Told

_log = logging.getLogger(__name__)


class DeadLetters:
    """
    Moves a queue's dead letters, by the policy that stands in the queue's own file.

    The path of the other file is kept relative to the queue's folder, so that the two can be moved together.
    """

    def __init__(self, database: Database, folder: Path, clock: Callable[[], float]) -> None:
        self._database, self._folder, self._clock = database, folder, clock
        [(self._max_receive_count, self._path)] = database.read("SELECT max_receive_count, dead_letters FROM policy")
        self._grave: Database | None = None
        self._told = Told()

    @staticmethod
    def settle_policy(database: Database, queue: Path, dead_letters: Path | None, max_receive_count: int) -> None:
        """
        Write the policy of a new queue, or compare it with that of an old one.

        Raises:
            BadAddress: The queue exists with another policy.
        """
        path = None if dead_letters is None else os.path.relpath(dead_letters.absolute(), queue.parent)
        wanted = (max_receive_count, path)
        with database.transaction() as connection:
            standing = connection.execute("SELECT max_receive_count, dead_letters FROM policy").fetchone()
            if standing is None:
                connection.execute("INSERT INTO policy VALUES (?, ?)", wanted)
        if standing not in (None, wanted):
            raise BadAddress(
                f"queue {queue} exists with the policy {standing}, not {wanted}; give that one or a new file"
            )

    def bury(self, messages: Sequence[Message]) -> list[Message]:
        """
        Move those that are received once too often, and return the others.

        Inserted there before it is deleted here: who is killed between leaves two copies with one id, and the next
        to receive it finishes the move.

        Raises:
            sqlite3.OperationalError: They cannot be moved now, and there are no others.
        """
        living = [m for m in messages if self._path is None or m.receive_count <= self._max_receive_count]
        if len(living) == len(messages):
            return living
        dead = [m for m in messages if m.receive_count > self._max_receive_count]
        try:
            self._move(dead)
        except (sqlite3.OperationalError, BadAddress) as error:
            level = self._told.level(str(error))
            _log.log(level, "%d dead letters stay where they are, under their lease: %s", len(dead), error)
            if not living:
                raise sqlite3.OperationalError(f"dead letters cannot be moved: {error}") from error
        return living

    def _move(self, dead: Sequence[Message]) -> None:
        if self._grave is None:
            self._grave = Database(self._folder / str(self._path), QUEUE_FILE, create=False)
        now = self._clock()
        with self._grave.transaction() as connection:
            connection.executemany(ADD, [(m.id, m.body, now) for m in dead])
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM message WHERE id = ? AND receipt = ?", [(m.id, m.receipt) for m in dead]
            )
