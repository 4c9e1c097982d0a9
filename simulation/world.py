"""What all processes of one simulation share: time, chance, faults, and the trace of what happened."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, NoReturn

from simulation.faults import Faults
from simulation.schedule import Schedule

START: Final = 1_768_478_400.0
"""2026-01-15T12:00:00Z: when every simulation begins."""

_MOST_CALLS_AN_EVENT: Final = 2000
_TAIL: Final = 40
"""How many of the last steps a violation shows."""


class Step(NamedTuple):
    """One call of one process, what went wrong with it, and what it was about: ids, or what has one."""

    at: float
    who: str
    what: str
    fault: str
    items: tuple[object, ...]

    def __str__(self) -> str:
        return (
            f"{self.at - START:10.3f} {self.who:5} {self.what:14} {self.fault:15} {' '.join(map(_named, self.items))}"
        )


class Violation(BaseException):
    """A promise is broken: which one, under which seed, and the trace. No `Exception`: a worker catches those."""

    def __init__(self, seed: int, broken: str, trace: Sequence[Step] = ()) -> None:
        super().__init__("\n".join([f"seed {seed}: {broken}", *map(str, trace[-_TAIL:])]))
        self.seed, self.broken, self.trace = seed, broken, trace


class World:
    """Time, chance, faults and trace of one seed."""

    def __init__(
        self, seed: int, chance: random.Random, faults: Faults, events: int, *, remembers: bool = True
    ) -> None:
        self.seed, self.chance, self.faults = seed, chance, faults
        self.schedule = Schedule(START)
        self.healed = False
        self.heals_at = float("inf")
        self.injected: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.trace: list[Step] = []
        self._remembers = remembers
        self._calls_left = _MOST_CALLS_AN_EVENT * (events + 10)

    @property
    def now(self) -> float:
        """Virtual time, in seconds since 1970."""
        return self.schedule.now

    def note(self, who: str, what: str, fault: str, items: Sequence[object]) -> None:
        """Write a step into the trace, if there is one; a run that never ends is a broken promise too."""
        if not self._remembers:
            return
        self.trace.append(Step(self.schedule.now, who, what, fault, tuple(items)))
        self._calls_left -= 1
        if self._calls_left < 0:
            self.fail("the workers do not come to rest")

    def fail(self, broken: str) -> NoReturn:
        """
        Say that a promise is broken.

        Raises:
            Violation: Always.
        """
        raise Violation(self.seed, broken, self.trace)


def _named(item: object) -> str:
    if isinstance(item, tuple) and not hasattr(item, "_fields"):
        return ":".join(map(_named, item))
    for name in ("event_id", "id"):
        if hasattr(item, name):
            return str(getattr(item, name))
    return f"({len(item)} bytes)" if isinstance(item, bytes) else str(item)
