"""CPU seconds, time and memory of another process, taken at the moment at which a share of the work is done."""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

WARM_UP: Final = 0.1
"""The first tenth is not counted."""

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


class Mark(NamedTuple):
    """One reading: the clock; CPU seconds of the process, of its children that have ended, of the stand-in; work."""

    at_s: float
    cpu_s: float
    children_cpu_s: float
    stub_cpu_s: float
    done: float


class Meter:
    """
    Reads the process that it watches when the first share of the work is done, and when all of it is.

    A message that was received is half done, and one that was deleted is done: so a consumer that has many in hand
    gets neither more nor less than its due.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._pid: int | None = None
        self._at = {"first": total * WARM_UP, "last": float(total)}
        self._received = self._deleted = 0
        self.marks: dict[str, Mark] = {}
        self.peak_rss_mb = 0.0

    def watch(self, pid: int) -> None:
        """Read this process from now on."""
        self._pid = pid

    def received(self, count: int) -> None:
        """Note how many messages have been received."""
        self._received = count
        self._look()

    def deleted(self, count: int) -> None:
        """Note how many messages are deleted."""
        self._deleted = count
        self._look()

    def _look(self) -> None:
        done = (self._received + self._deleted) / 2
        for name in [name for name, at in self._at.items() if done >= at]:
            del self._at[name]
            self.mark(name, done)

    def mark(self, name: str, done: float = 0) -> None:
        """Take one reading."""
        if self._pid is not None and name not in self.marks:
            self.marks[name] = Mark(
                time.monotonic(), cpu_s(self._pid), children_cpu_s(self._pid), time.process_time(), done
            )
            self.peak_rss_mb = peak_rss_mb(self._pid)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, also of those that have ended; Linux knows such a clock."""
    return time.clock_gettime((~pid << 3) | 2)


def children_cpu_s(pid: int) -> float:
    """Return the CPU seconds of the children that a process has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) * _TICK_S


def peak_rss_mb(pid: int) -> float:
    """Return the most memory that a process ever held."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
