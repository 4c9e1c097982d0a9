"""A durable SQLite file that threads and processes may share, and that survives a kill at any line."""

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ports.protocols import BadAddress

BUSY_TIMEOUT_S: Final = 10.0
"""How long a call waits for its turn while another process writes."""


class Kind(NamedTuple):
    """What a file is for: its name in messages, the mark in its header, and its tables."""

    name: str
    application_id: int
    schema: Sequence[str]


class Database:
    """One file under write-ahead logging; what was committed is on the disk (synchronous=FULL)."""

    def __init__(self, path: Path, kind: Kind, *, create: bool) -> None:
        self._path = path.absolute()
        self._lock = threading.Lock()
        if not create and not self._path.is_file():
            raise BadAddress(f"{kind.name} {path} does not exist; check the path, or create it first")
        try:
            self._connection = _connect(self._path, kind, create=create)
        except (sqlite3.DatabaseError, OSError) as error:
            raise BadAddress(
                f"{kind.name} {path} cannot be opened ({error}); give a file in a folder to write in"
            ) from error
        self._inode = self._path.stat().st_ino
        weakref.finalize(self, self._connection.close)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """
        Hold the only right to write; commit at the end, or nothing at all if anything is raised.

        Raises:
            sqlite3.OperationalError: Locked for too long, the disk is full, or the file is gone or spoilt.
        """
        with self._lock, _spoilt_is_operational():
            self._check_that_it_is_there()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    def read(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        """
        Return all rows of a query, without waiting for writers.

        Raises:
            sqlite3.OperationalError: The disk failed, or the file is gone or spoilt.
        """
        with self._lock, _spoilt_is_operational():
            self._check_that_it_is_there()
            return self._connection.execute(statement, parameters).fetchall()

    def _check_that_it_is_there(self) -> None:
        """Writing to a file that was removed succeeds, and helps nobody."""
        try:
            same = self._path.stat().st_ino == self._inode
        except OSError:
            same = False
        if not same:
            raise sqlite3.OperationalError(f"{self._path} was removed or replaced while it was open")


@contextmanager
def _spoilt_is_operational() -> Iterator[None]:
    """A file that somebody has written other things into is no fault of the program: it may be mended meanwhile."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if type(error) is sqlite3.DatabaseError:  # what sqlite3 says of such a file, and of nothing else
            raise sqlite3.OperationalError(str(error)) from error
        raise


def _connect(path: Path, kind: Kind, *, create: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={'rwc' if create else 'rw'}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,  # the lock lets one thread at a time in
    )
    try:
        if create:
            _create(connection, path, kind)
        _check_kind(connection, path, kind)
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection, path: Path, kind: Kind) -> None:
    """Make the tables of an empty file. One process at a time, since two cannot switch to the log at once."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in (*kind.schema, f"PRAGMA application_id = {kind.application_id}"):
                connection.execute(statement)
            connection.commit()
            os.fsync(folder)
    finally:
        os.close(folder)


def _check_kind(connection: sqlite3.Connection, path: Path, kind: Kind) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != kind.application_id:
        raise BadAddress(f"{path} is a file, but no {kind.name}; give each queue and each store a file of its own")
