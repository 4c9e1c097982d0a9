"""Virtual time, and threads that take turns in it: one runs at a time, so that one seed gives one order of things."""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence


class Abandoned(BaseException):
    """The run is over, since something in it failed: nobody may catch this and go on."""


class Schedule:
    """
    A clock that moves only when somebody spends time, and whoever's time comes first goes on.

    Which thread runs is settled by virtual time alone, never by the operating system.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, threading.Lock]] = []
        self._failure: BaseException | None = None

    def run(self, actors: Sequence[Callable[[], None]]) -> None:
        """
        Run the actors side by side until all of them have returned. A single one needs no thread.

        Raises:
            BaseException: Whatever the first of them raised; the others are stopped.
        """
        first, *others = actors
        threads = []
        for actor in others:
            turn = self._wait_from(self.now)
            threads.append(threading.Thread(target=self._act, args=(actor, turn), daemon=True))
            threads[-1].start()
        self._act(first, None)
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def spend(self, seconds: float) -> None:
        """Let time pass for the caller. Those whose time comes before go first."""
        wake_at = self.now + seconds
        if not self._waiting or wake_at < self._waiting[0][0]:
            self.now = wake_at
            return
        turn = self._wait_from(wake_at)
        self._pass_on()
        turn.acquire()  # released by whoever passes the turn on
        if self._failure is not None:
            raise Abandoned

    def _act(self, actor: Callable[[], None], turn: "threading.Lock | None") -> None:
        try:
            if turn is not None:
                turn.acquire()
            if self._failure is None:
                actor()
        except BaseException as error:  # noqa: BLE001  raised again by `run`, in the thread that asked
            self._failure = self._failure or error
        if self._failure is None:
            self._pass_on()
        else:
            while self._waiting:
                self._pass_on()

    def _wait_from(self, wake_at: float) -> threading.Lock:
        turn = threading.Lock()
        turn.acquire()
        heapq.heappush(self._waiting, (wake_at, next(self._order), turn))
        return turn

    def _pass_on(self) -> None:
        if self._waiting:
            self.now, _, turn = heapq.heappop(self._waiting)
            turn.release()
