"""Virtual time, and an embedded queue that lives in it."""

from pathlib import Path

from ports.embedded.queue import EmbeddedQueue


class Clock:
    """A clock that stands still until time is made to pass."""

    def __init__(self) -> None:
        self._now = 1_768_478_400.25

    def __call__(self) -> float:
        return self._now

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds


def queue_at(folder: Path, clock: Clock) -> EmbeddedQueue:
    """Make a queue whose time is that of the clock."""
    EmbeddedQueue.create(f"sqlite:///{folder}/queue.db", folder / "queue.db")
    return EmbeddedQueue(f"sqlite:///{folder}/queue.db", folder / "queue.db", clock=clock, sleep=clock.pass_s)
