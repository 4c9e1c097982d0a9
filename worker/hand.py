"""What could not be finished: kept in hand under its lease, and tried again, while a service is away."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from ports import Message
from worker.outcome import Outcome, Stage

log = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 30.0
_TRIES: Final = 3
_TELL_AFTER: Final = 2  # failures in a row
_TROUBLE_AFTER: Final = 5
_DOES_NOT: Final[Mapping[Stage, str]] = {
    "store": "the store takes nothing",
    "topic": "the topic takes nothing",
    "quarantine": "the quarantine takes nothing",
    "queue": "the queue deletes nothing",
}


class Kept(NamedTuple):
    """A message, which service did not take it, its tries since the fault may be its own, and which events are done."""

    message: Message
    stage: Stage
    tries: int = 0
    settled: frozenset[int] = frozenset()


class Hand:
    """
    Messages that a service did not take.

    Where a service takes none of several messages it is down: all are kept until it is back, without a count. Where it
    takes others, the fault may lie in the message: after three tries it must go back to the queue.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        chance: random.Random,
        may_tell: Callable[[Stage], bool] = lambda _: True,
        has_told: Callable[[Stage], bool] = lambda _: True,
    ) -> None:
        """
        Begin with nothing.

        Args:
            clock: Monotonic, in seconds.
            chance: Of the pauses.
            may_tell: Asked before it is said that a service is down, since other hands may say so too.
            has_told: Asked before it is said that a service works again.
        """
        self._clock, self._chance = clock, chance
        self._may_tell, self._has_told = may_tell, has_told
        self._kept: dict[str, Kept] = {}
        self._taken: dict[str, Kept] = {}
        self._down: Stage | None = None
        self._told: Stage | None = None
        self._setbacks = 0
        self._try_at = 0.0

    def __len__(self) -> int:
        return len(self._kept) + len(self._taken)

    @property
    def bytes(self) -> int:
        """How large the messages are together."""
        return sum(len(kept.message.body) for kept in (*self._kept.values(), *self._taken.values()))

    @property
    def is_blocked(self) -> bool:
        """Whether a service is down."""
        return self._down is not None

    @property
    def trouble(self) -> str | None:
        """What has been down for more than a few seconds, or None."""
        return _DOES_NOT[self._down] if self._down is not None and self._setbacks >= _TROUBLE_AFTER else None

    def wait_s(self) -> float:
        """Return how long to wait before the next try."""
        return max(0.0, self._try_at - self._clock()) if self._kept else 0.0

    def take(self, is_held: Callable[[Message], bool]) -> list[Kept]:
        """Return what is to be tried now. A message whose lease is lost is forgotten: somebody else will have it."""
        self._kept = {receipt: kept for receipt, kept in self._kept.items() if is_held(kept.message)}
        if self.wait_s() == 0:
            self._taken, self._kept = self._kept, {}
        return list(self._taken.values())

    def keep(
        self, failed: Mapping[Message, Stage], outcomes: Iterable[Outcome], working: AbstractSet[Stage]
    ) -> list[Message]:
        """
        Put down what has failed in this try, until the next.

        Args:
            failed: The messages, and which service did not take them.
            outcomes: What their events have come to in this try.
            working: The services that took something in this try.

        Returns:
            The messages that were tried often enough.
        """
        settled = _settled_by(outcomes) if failed else {}
        before, self._taken = self._taken, {}
        self._suspect(working)
        given_up: list[Message] = []
        for message, stage in failed.items():
            old = before.get(message.receipt, Kept(message, stage))
            tries = old.tries + (stage in working or old.tries > 0)
            done = old.settled | settled.get(message.receipt, frozenset())
            if tries >= _TRIES:
                given_up.append(message)
            else:
                self._kept[message.receipt] = Kept(message, stage, tries, done)
        if before or failed or self._down is not None:
            self._look_back(working, tried_before=bool(before))
        return given_up

    def empty(self) -> list[Message]:
        """Return all that is in hand, and keep nothing."""
        messages = [kept.message for kept in (*self._kept.values(), *self._taken.values())]
        self._kept, self._taken, self._down = {}, {}, None
        return messages

    def _suspect(self, working: AbstractSet[Stage]) -> None:
        """What waits while its service takes others may be at fault itself."""
        for receipt, kept in self._kept.items():
            if kept.stage in working:
                self._kept[receipt] = kept._replace(tries=max(kept.tries, 1))

    def _look_back(self, working: AbstractSet[Stage], *, tried_before: bool) -> None:
        """Say once that a service is down, and once that it is back; wait longer from try to try."""
        before, self._down = self._down, self._service_down(working)
        was_told = before is not None and self._setbacks >= _TELL_AFTER
        if not self._kept:
            self._setbacks = 0
        elif tried_before or not self._setbacks:
            self._setbacks += 1
            ceiling = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self._setbacks - 1, 30))
            self._try_at = self._clock() + self._chance.uniform(0.5, 1) * ceiling
        if self._down is not None and self._setbacks >= _TELL_AFTER and not was_told:
            if self._may_tell(self._down):
                self._told = self._down
                log.error("%s: %d messages are kept and tried again", _DOES_NOT[self._down], len(self._kept))
        elif self._told is not None and self._down is None:
            if self._has_told(self._told):
                log.info("the %s works again", self._told)
            self._told = None

    def _service_down(self, working: AbstractSet[Stage]) -> Stage | None:
        """Name a service that has taken none of several messages. One alone may be at fault itself."""
        failed = {(k.stage, k.message.id) for k in self._kept.values() if k.tries == 0 and k.stage not in working}
        messages = Counter(stage for stage, _ in failed)
        return min((stage for stage, count in messages.items() if count > 1), default=None)


def _settled_by(outcomes: Iterable[Outcome]) -> dict[str, frozenset[int]]:
    positions: dict[str, set[int]] = {}
    for outcome in outcomes:
        if outcome.kind != "retried":
            positions.setdefault(outcome.message.receipt, set()).add(outcome.position)
    return {receipt: frozenset(done) for receipt, done in positions.items()}
