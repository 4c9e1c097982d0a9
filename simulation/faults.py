"""What can go wrong with a call to a service, and who decides that it does."""

import random
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, get_args

Api = Literal["receive", "delete", "set_visibility", "send", "put", "settle", "publish"]
Kind = Literal[
    "killed",
    "terminated",
    "refused",
    "reply_lost",
    "half_failed",
    "dribbled",
    "hung",
    "frozen",
    "clock_jumped",
    "delivered_twice",
    "reordered",
    "came_back",
]

EXPLAINED: Final[Mapping[Kind, str]] = {
    "killed": "the process dies: before the call, inside its batch, or after it took effect",
    "terminated": "SIGTERM during the call",
    "refused": "throttled or not there, for one call or for minutes: no effect, and the caller is told so",
    "reply_lost": "the call took effect, and the caller sees a failure",
    "half_failed": "some entries fail, some take effect and are reported as failed",
    "dribbled": "time passes between the entries of a batch, and others get between them",
    "hung": "the call takes up to two leases, which are extended meanwhile",
    "frozen": "the whole process stands still for up to two leases, which end",
    "clock_jumped": "the clock of the process jumps, by seconds or hours, back or forth",
    "delivered_twice": "a message is handed out and stays visible to others",
    "reordered": "messages are handed out in another order, and not all of them",
    "came_back": "a deleted message comes again, as SQS's can",
}

APIS: Final[tuple[Api, ...]] = get_args(Api)

_ANYWHERE: Final[tuple[Kind, ...]] = ("killed", "killed", "terminated", "refused", "reply_lost", "hung", "frozen")
_BATCH: Final[tuple[Kind, ...]] = (*_ANYWHERE, "half_failed", "half_failed")
_KINDS: Final[Mapping[Api, tuple[Kind, ...]]] = {
    "receive": (*_ANYWHERE, "clock_jumped", "delivered_twice", "delivered_twice", "reordered", "reordered"),
    "delete": (*_BATCH, "came_back", "came_back"),
    "set_visibility": _BATCH,
    "send": _BATCH,
    "put": (*_BATCH, "dribbled", "dribbled", "dribbled"),
    "settle": (*_BATCH, "dribbled"),
    "publish": (*_BATCH, "dribbled"),
}


class Fault(NamedTuple):
    """What goes wrong with one call. One that is `killed` does so once `cut` entries have taken effect."""

    kind: Kind
    cut: int = 0


class Outage(NamedTuple):
    """A time, in seconds since 1970, in which a service refuses every call of one API."""

    api: Api
    since: float
    until: float

    def hits(self, api: Api, now: float) -> bool:
        """Tell whether a call falls into it."""
        return api == self.api and self.since <= now < self.until


class Faults(Protocol):
    """Decides what goes wrong."""

    def draw(self, api: Api, entries: int, now: float) -> Fault | None:
        """Say what goes wrong with the next call, which has so many entries and begins now."""


class RandomFaults:
    """A share of the calls goes wrong, and now and then a service is not there for minutes."""

    def __init__(self, chance: random.Random, rate: float, outages: Sequence[Outage] = ()) -> None:
        self._chance, self._rate, self._outages = chance, rate, outages

    def draw(self, api: Api, entries: int, now: float) -> Fault | None:
        """Draw once for a call that goes right: most do."""
        if any(outage.hits(api, now) for outage in self._outages):
            return Fault("refused")
        if self._chance.random() >= self._rate:
            return None
        kind = self._chance.choice(_KINDS[api])
        return Fault(kind, self._chance.randint(0, entries) if kind == "killed" else 0)


class CrashesAt:
    """The process dies at the given calls, counted from 0 over all processes, each after so many entries."""

    def __init__(self, cuts: Mapping[int, int]) -> None:
        self._cuts = cuts
        self.calls: list[int] = []

    def draw(self, api: Api, entries: int, now: float) -> Fault | None:  # noqa: ARG002  as the protocol has it
        """Note how many entries the call has, and say whether it is a deadly one."""
        self.calls.append(1 if api == "receive" else entries)
        cut = self._cuts.get(len(self.calls) - 1)
        return None if cut is None else Fault("killed", min(cut, entries))
