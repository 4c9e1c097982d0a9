"""Several lanes side by side: while one receives, another computes, and others wait for store, topic and queue."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

from ports import Unavailable
from worker.consumer import Consumer
from worker.outcome import Outcome

LOOK_EVERY_S: Final = 0.05
_WAITS: Final = 0.75  # of a core
_FULL: Final = 0.95

Tell = Callable[[Consumer, list[Outcome] | None], object]
"""Told of every step of a lane, and what has come of it."""


class Gate:
    """Says how many lanes work: one more while this process waits, one less while they wait for each other."""

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        """
        Begin with one lane.

        Args:
            most: How many there are.
            clock: Monotonic, in seconds.
            cpu_clock: CPU seconds of this process.
        """
        self._most, self._clock, self._cpu_clock = most, clock, cpu_clock
        self._since = (clock(), cpu_clock())
        self._guard = threading.Lock()
        self._open_for = 1

    def is_open_for(self, lane: int) -> bool:
        """Tell whether a lane may work, the first one being 0."""
        with self._guard:
            now, used = self._clock(), self._cpu_clock()
            if now - self._since[0] >= LOOK_EVERY_S:
                share = (used - self._since[1]) / (now - self._since[0])
                change = int(share < _WAITS) - int(share > _FULL)
                self._open_for = min(self._most, max(1, self._open_for + change))
                self._since = (now, used)
            return lane < self._open_for


class Lanes:
    """Runs the lanes of one worker, each in a thread."""

    def __init__(self, lanes: Sequence[Consumer], stopping: threading.Event) -> None:
        """
        Take the lanes.

        Args:
            lanes: At least one; all share one `Shared`.
            stopping: Ends them when it is set; set by them when one cannot go on.
        """
        self._lanes, self._stopping = tuple(lanes), stopping
        self._gate = Gate(len(self._lanes))

    @property
    def trouble(self) -> str | None:
        """Which service has been away for a while, or None."""
        return next((lane.trouble for lane in self._lanes if lane.trouble), None)

    @property
    def is_breaker_open(self) -> bool:
        """Whether nearly all of the last events were rejected."""
        return self._lanes[0].breaker.is_open

    def run(self, tell: Tell, *, once: bool = False, max_messages: int | None = None) -> None:
        """
        Work until a stop. What is in hand then is given back.

        Args:
            tell: Called after every step, from the lane's own thread.
            once: Return when the queue gives nothing more, or nearly all of it is rejected.
            max_messages: Return after so many messages; one lane counts them.

        Raises:
            Unavailable: With `once`: a service is away.
        """
        if max_messages is not None or len(self._lanes) == 1:
            self._run_one(0, tell, once=once, most=max_messages)
            return
        with ThreadPoolExecutor(len(self._lanes), thread_name_prefix="lane") as threads:
            running = [threads.submit(self._run_one, n, tell, once=once, most=None) for n in range(len(self._lanes))]
            try:
                for lane in as_completed(running):
                    lane.result()
            except Unavailable:
                raise  # the other lanes come to the same end
            except BaseException:
                self._stopping.set()  # where one lane cannot go on, none does
                raise

    def _run_one(self, number: int, tell: Tell, *, once: bool, most: int | None) -> None:
        lane = self._lanes[number]
        try:
            while not self._stopping.is_set() and (_left(lane, most) != 0 or lane.holds):
                if not (lane.holds or self._gate.is_open_for(number)):
                    self._stopping.wait(LOOK_EVERY_S)
                    continue
                outcomes = lane.step(_left(lane, most))
                tell(lane, outcomes)
                if once and lane.trouble:
                    raise Unavailable(f"{lane.trouble}; the log says why. Try again later")
                if once and (outcomes is None or lane.breaker.is_open):
                    return
                del outcomes  # a batch weighs megabytes, and the next one comes
        finally:
            lane.give_back()


def _left(lane: Consumer, most: int | None) -> int | None:
    return None if most is None else most - lane.received
