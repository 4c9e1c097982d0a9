"""Reading leads from the store, within a bound: a store that hangs takes no thread of the server with it."""

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, Literal

from ports import Store, Unavailable
from schemas.decision import Decision, StoredDecision

Order = Literal["newest", "best"]

PATIENCE_S: Final = 2.0
"""How long a request waits for the store; less than a probe waits for its answer."""

_CALLS: Final = 4  # at a time; what hangs is waited for by itself
_ASKED_AGAIN_AFTER_S: Final = 2.0

log = logging.getLogger(__name__)


class LeadReader:
    """The leads of one store."""

    def __init__(self, store: Store, clock: Callable[[], float], patience_s: float = PATIENCE_S) -> None:
        """
        Take a store.

        Args:
            store: What is read.
            clock: Seconds, never set back.
            patience_s: How long to wait for an answer.
        """
        self._store, self._clock, self._patience_s = store, clock, patience_s
        self._calls = threading.BoundedSemaphore(_CALLS)
        self._asking = threading.Lock()
        self._asked_at: float | None = None
        self._trouble: str | None = None

    def read(self, order: Order, limit: int) -> list[Decision]:
        """
        Return the newest leads, or those with the highest scores.

        Raises:
            Unavailable: The store did not answer in time, or refused.
        """
        call = self._store.newest if order == "newest" else self._store.best
        return [stored.decision for stored in self._within(lambda: call(limit))]

    @property
    def trouble(self) -> str | None:
        """Why no leads can be read, or None. The store is asked every two seconds at most, whoever asks for it."""
        with self._asking:
            now = self._clock()
            if self._asked_at is None or now - self._asked_at >= _ASKED_AGAIN_AFTER_S:
                self._trouble = self._asked()
                self._asked_at = self._clock()
            return self._trouble

    def _asked(self) -> str | None:
        try:
            self.read("newest", 1)
        except Unavailable as error:
            if self._trouble is None:
                log.warning("not ready: %s", error)
            return "the store does not answer"
        return None

    def _within(self, call: Callable[[], list[StoredDecision]]) -> list[StoredDecision]:
        """Make a call in a thread of its own, and wait for it only so long."""
        began_at = self._clock()
        if not self._calls.acquire(timeout=self._patience_s):
            raise Unavailable(f"the store has answered none of {_CALLS} calls for {self._patience_s:g} s; try later")
        answer: SimpleQueue[list[StoredDecision] | Unavailable] = SimpleQueue()
        threading.Thread(target=self._call, args=(call, answer), name="store", daemon=True).start()
        try:
            found = answer.get(timeout=max(0.0, self._patience_s - (self._clock() - began_at)))
        except Empty:
            raise Unavailable(f"the store has not answered within {self._patience_s:g} s; try again later") from None
        if isinstance(found, Unavailable):
            raise found
        return found

    def _call(
        self, call: Callable[[], list[StoredDecision]], answer: SimpleQueue[list[StoredDecision] | Unavailable]
    ) -> None:
        try:
            answer.put(call())
        except Unavailable as error:
            answer.put(error)
        except Exception:
            log.exception("the store failed unforeseen")
            answer.put(Unavailable("the store failed unforeseen; the log says how"))
        finally:
            self._calls.release()
