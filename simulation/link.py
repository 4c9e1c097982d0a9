"""How one process reaches its services: each call takes time, may meet a fault, and may be the process's last."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from simulation.faults import Api, Fault, Kind
from simulation.world import World

_T = TypeVar("_T")
_R = TypeVar("_R")

_JUMPS_S: Final = (-3600.0, -400.0, -31.0, 31.0, 3600.0, 13 * 3600.0)


class Killed(BaseException):
    """The process is dead, as after kill -9: no code of the worker may catch this."""


class Link:
    """One process's side of every call: its clock, its death, its SIGTERM, and the thread that extends its leases."""

    def __init__(self, world: World, name: str, longest_lease_s: float) -> None:
        self.world, self.name = world, name
        self.stopping = False
        self.last_fault: Kind | None = None
        self.extend_leases: Callable[[], None] = lambda: None
        self._lease_s = longest_lease_s
        self._tick_s = longest_lease_s / 10
        self._clock_off_s = 0.0
        self._dead = False
        self._extending = False

    def clock(self) -> float:
        """Return what this process takes for the time; once the world is healed, it is right."""
        return self.world.now if self.world.healed else self.world.now + self._clock_off_s

    def utc(self) -> datetime:
        """Return the same as a moment."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def wait(self, seconds: float) -> None:
        """Let time pass, while the thread beside this one extends the leases that are due."""
        while not self._dead:
            part = min(seconds, self._tick_s)
            self.world.schedule.spend(part)
            self._extend()
            seconds -= part
            if seconds <= 0:
                return
        raise Killed

    def begin(self, api: Api, entries: int) -> Fault | None:
        """
        Begin a call: let it take its time, and say what goes wrong.

        Raises:
            Killed: The process is dead already.
        """
        if self._dead:
            raise Killed
        world = self.world
        if not world.healed and world.now >= world.heals_at:
            world.healed = True
        fault = None if world.healed else world.faults.draw(api, entries, world.now)
        if fault is not None:
            world.injected[fault.kind] += 1
            self._suffer(fault)
        self.wait(world.chance.random() * 0.02)
        return fault

    def each(self, api: Api, items: Sequence[_T], act: Callable[[_T], _R | None]) -> list[_R | None]:
        """
        Make a call for several items, and let it take effect as far as it does.

        Returns:
            For each item what `act` returned, or None where that is not known to the caller.
        """
        fault = self.begin(api, len(items))
        kind = None if fault is None else fault.kind
        chance = self.world.chance
        results: list[_R | None] = []
        for done, item in enumerate(items):
            if fault is not None and kind == "killed" and fault.cut == done:
                break
            if kind == "dribbled":
                self.wait(chance.random() * 0.05)
            effective = kind != "refused" and not (kind == "half_failed" and chance.random() < 0.4)
            result = act(item) if effective else None
            known = kind != "reply_lost" and not (kind == "half_failed" and chance.random() < 0.2)
            results.append(result if known else None)
        self.world.note(self.name, api, kind or "", items)
        if kind == "killed":
            self.die()
        self.last_fault = kind
        return results

    def die(self) -> None:
        """
        End the process here.

        Raises:
            Killed: Always.
        """
        self._dead = True
        raise Killed

    def _suffer(self, fault: Fault) -> None:
        """Do what the fault does to the process rather than to the call."""
        chance = self.world.chance
        if fault.kind == "terminated":
            self.stopping = True
        elif fault.kind == "clock_jumped":
            self._clock_off_s += chance.choice(_JUMPS_S)
        elif fault.kind == "hung":
            self.wait(chance.random() * 2 * self._lease_s)
        elif fault.kind == "frozen":
            self.world.schedule.spend(chance.random() * 2 * self._lease_s)

    def _extend(self) -> None:
        """Do what the lease thread does. Its own calls take time too, in which it does not begin anew."""
        if not self._extending:
            self._extending = True
            try:
                self.extend_leases()
            finally:
                self._extending = False
