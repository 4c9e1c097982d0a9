"""Several lanes side by side: while one receives, another computes, and others wait for store, topic and queue."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from ports import Unavailable
from worker.consumer import Consumer
from worker.outcome import Outcome

Tell = Callable[[Consumer, list[Outcome] | None], object]
"""Told of every step of a lane, and what has come of it."""


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
            self._run_one(self._lanes[0], tell, once=once, most=max_messages)
            return
        with ThreadPoolExecutor(len(self._lanes), thread_name_prefix="lane") as threads:
            running = [threads.submit(self._run_one, lane, tell, once=once, most=None) for lane in self._lanes]
            try:
                for lane in as_completed(running):
                    lane.result()
            except Unavailable:
                raise  # the other lanes come to the same end
            except BaseException:
                self._stopping.set()  # where one lane cannot go on, none does
                raise

    def _run_one(self, lane: Consumer, tell: Tell, *, once: bool, most: int | None) -> None:
        try:
            while not self._stopping.is_set() and (_left(lane, most) != 0 or lane.holds):
                outcomes = lane.step(_left(lane, most))
                tell(lane, outcomes)
                if once and lane.trouble:
                    raise Unavailable(f"{lane.trouble}; the log says why. Try again later")
                if once and (outcomes is None or lane.breaker.is_open):
                    return
        finally:
            lane.give_back()


def _left(lane: Consumer, most: int | None) -> int | None:
    return None if most is None else most - lane.received
