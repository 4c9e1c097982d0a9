"""A fault that stays is told once, not at every try."""

import logging
import time
from collections.abc import Callable, Hashable
from typing import Final

TELL_AGAIN_AFTER_S: Final = 600.0


class Told:
    """Remembers which faults were logged as a warning, and when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at: dict[Hashable, float] = {}

    def level(self, *kind: Hashable) -> int:
        """Return the level for a fault: of each kind one in ten minutes is a warning, others are for who debugs."""
        now = self._clock()
        if kind in self._told_at and now < self._told_at[kind] + TELL_AGAIN_AFTER_S:
            return logging.DEBUG
        self._told_at[kind] = now
        return logging.WARNING
