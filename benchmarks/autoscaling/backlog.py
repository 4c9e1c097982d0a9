"""The queue: how many events of which age wait, first in, first out."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from autoscaling.load import Counts


@dataclass
class Backlog:
    """Events by the second of their arrival; `ages` counts what was processed by its age in seconds."""

    seconds: int
    arrived: int = 0
    processed: int = 0
    _waiting: deque[list[int]] = field(default_factory=deque)
    _credit: float = 0.0
    ages: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.ages = np.zeros(self.seconds + 1, dtype=np.int64)

    @property
    def queued(self) -> int:
        """What has arrived and is not processed."""
        return self.arrived - self.processed

    def add(self, now: int, count: int) -> None:
        """Put events on the queue."""
        if count:
            self._waiting.append([now, count])
            self.arrived += count

    def work(self, now: int, capacity: float) -> None:
        """Process what one second allows; a fraction of an event is kept for the next second, idle time is not."""
        self._credit += capacity
        while self._waiting and self._credit >= 1:
            moment = self._waiting[0]
            done = min(moment[1], int(self._credit))
            moment[1] -= done
            self._credit -= done
            self.processed += done
            self.ages[now - moment[0]] += done
            if not moment[1]:
                self._waiting.popleft()
        if not self._waiting:
            self._credit = 0.0

    def oldest_s(self, now: int) -> int:
        """Return the age of the oldest event on the queue; 0 where there is none."""
        return now - self._waiting[0][0] if self._waiting else 0
