"""A stop for bad releases: where nearly every event is rejected, the fault is more likely ours than the producers'."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from worker.outcome import Outcome

WINDOW: Final = 200
FEWEST: Final = 100
SHARE: Final = 0.9
HALF_OPEN_EVERY_S: Final = 60.0


class RejectBreaker:
    """
    Opens when 90 % of the last 200 events (never fewer than 100) were rejected; then tries one message a minute.

    Safe to use from several threads.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._rejected: deque[bool] = deque(maxlen=WINDOW)
        self._try_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether no more than one message a minute may be received."""
        return self._try_at is not None

    @property
    def is_unsure(self) -> bool:
        """Whether too few events were good as yet to take many at a time: a bad release must not reject thousands."""
        return len(self._rejected) < FEWEST or 2 * sum(self._rejected) > len(self._rejected)

    def wait_s(self) -> float:
        """Return how long to wait before anything may be received."""
        return 0.0 if self._try_at is None else max(0.0, self._try_at - self._clock())

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Count a batch; while open, one event that is not rejected closes it, and the count begins anew."""
        rejected = [outcome.reason is not None for outcome in outcomes if outcome.kind != "retried" or outcome.reason]
        if not rejected:
            return
        with self._guard:
            if self.is_open and not all(rejected):
                self._rejected.clear()
                self._try_at = None
            self._rejected.extend(rejected)
            if len(self._rejected) >= FEWEST and sum(self._rejected) >= SHARE * len(self._rejected):
                self._try_at = self._clock() + HALF_OPEN_EVERY_S
