"""Leads as JSON lines: appended to a file, or written to stdout."""

import fcntl
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ports.protocols import BadAddress
from ports.telling import Told
from schemas.lead import Lead

_LOOK_BACK_BYTES: Final = 64 * 1024

_log = logging.getLogger(__name__)


class FileTopic:
    """A file of JSON lines, a lead on each. Only whole lines stand in it, whoever is killed while writing."""

    def __init__(self, path: Path) -> None:
        """
        Open the file, made if its folder exists, and cut off a line that somebody left half-written.

        Raises:
            BadAddress: The file cannot be made or written to.
        """
        self._path, self._told = path.absolute(), Told()
        try:
            with self._locked():
                _sync_folder(self._path.parent)
        except OSError as error:
            raise BadAddress(f"topic {path} cannot be opened ({error}); give a file in a folder to write in") from error

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        """Append a line for each lead and bring it to the disk. Return all of them if that fails."""
        lines = b"".join(lead.model_dump_json().encode() + b"\n" for lead in leads)
        try:
            with self._locked() as (file, end):
                _append(file, end, lines)
        except OSError as error:
            _log.log(
                self._told.level(str(error)), "%d leads were not published to %s: %s", len(leads), self._path, error
            )
            return list(leads)
        return []

    @contextmanager
    def _locked(self) -> Iterator[tuple[int, int]]:
        """Hold the only right to write; give the open file and where its last whole line ends."""
        # Opened for each call, so that the file may be moved away at any time, as log rotation does.
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file, _cut_half_line(file)
        finally:
            os.close(file)


class StdoutTopic:
    """The same lines on stdout."""

    def __init__(self) -> None:
        self._told = Told()

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        """Print a line for each lead. Return all of them if nobody reads any more."""
        try:
            sys.stdout.write("".join(lead.model_dump_json() + "\n" for lead in leads))
            sys.stdout.flush()
        except OSError as error:
            _log.log(self._told.level(str(error)), "%d leads were not written to stdout: %s", len(leads), error)
            return list(leads)
        return []


def _append(file: int, end: int, lines: bytes) -> None:
    """Write all of the lines, or leave the file as long as it was."""
    try:
        _write(file, lines)
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, end)
        raise


def _write(file: int, lines: bytes) -> None:
    if os.write(file, lines) < len(lines):
        raise OSError("the disk took only a part of the lines")
    os.fsync(file)


def _cut_half_line(file: int) -> int:
    """Cut off what stands behind the last line break. Return the length of what is left, in bytes."""
    size = os.fstat(file).st_size
    end = size
    while end > 0:
        start = max(0, end - _LOOK_BACK_BYTES)
        block = os.pread(file, end - start, start)
        if (newline := block.rfind(b"\n")) >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        _log.warning("a half-written line of %d bytes was cut off a topic's file", size - end)
        os.ftruncate(file, end)
    return end


def _sync_folder(folder: Path) -> None:
    """Bring the name of a new file to the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
