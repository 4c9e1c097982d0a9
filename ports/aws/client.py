"""How calls to AWS are made, whichever way: one level of retries, each kind of fault told once."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from ports.aws import sides
from ports.aws.faults import NOT_TRIED, Failure, Fault
from ports.aws.sides import Request, Result, Side
from ports.protocols import Unavailable
from ports.telling import Told

ATTEMPTS: Final = 3
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0

_log = logging.getLogger(__name__)


class Calls:
    """Makes the calls of one port."""

    def __init__(
        self,
        address: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Make a caller.

        Args:
            address: What the port was opened by, for the log.
            sleep: Waits between two attempts, in seconds.
            clock: Tells when a fault was logged, in seconds.
        """
        self._address, self._sleep = address, sleep
        self._told = Told(clock)

    def call(self, side: Side, operation: str, request: Request) -> Result:
        """Make one call; see `call_all`."""
        return self.call_all(side, operation, [request])[0]

    def call_all(self, side: Side, operation: str, requests: Sequence[Request]) -> list[Result]:
        """
        Make calls, up to three times each: again if AWS is overloaded or out of reach, never if it refuses.

        While a service hangs, no more calls are begun than are in flight at a time, so that hundreds take as long as
        one: what was not begun comes back as `NotTried`.
        """
        patience_s = sides.READ_TIMEOUT_S / ATTEMPTS
        return self.attempts(lambda some: side.attempt(operation, some, patience_s=patience_s), requests)

    def attempts(
        self, attempt: Callable[[Sequence[Request]], list[Result]], requests: Sequence[Request]
    ) -> list[Result]:
        """Call `attempt` on all requests, then up to twice on those whose failure may pass, after a growing pause."""
        results = attempt(requests)
        for number in range(1, ATTEMPTS):
            again = [i for i, r in enumerate(results) if isinstance(r, Failure) and r.fault.transient]
            if not again:
                break
            again.sort(key=lambda i: _code(results[i]) == NOT_TRIED)  # first those that show whether it answers again
            self._sleep(pause_s(number))
            for i, result in zip(again, attempt([requests[i] for i in again]), strict=True):
                if _code(result) != NOT_TRIED:
                    results[i] = result
        return results

    def unavailable(self, api: str, fault: Fault) -> Unavailable:
        """Return what a port raises when a call leaves it nothing to return."""
        return Unavailable(
            f"{api} failed on {self._address}: {fault.code} (request {fault.request_id}); {fault.way_out}"
        )

    def tell(self, api: str, fault: Fault) -> None:
        """Log a fault: of its kind one in ten minutes as a warning with the way out, others for whoever debugs."""
        level = logging.DEBUG if fault.code == NOT_TRIED else self._told.level(api, fault.code)
        _log.log(
            level,
            "%s failed on %s: %s (request %s); %s",
            api,
            self._address,
            fault.code,
            fault.request_id,
            fault.way_out,
        )


def pause_s(number: int) -> float:
    """Return the pause after so many attempts: it doubles, and no two callers come back at the same moment."""
    jitter = random.uniform(0, FIRST_PAUSE_S)  # noqa: S311  nothing secret
    return min(FIRST_PAUSE_S * 2.0 ** (number - 1) + jitter, LONGEST_PAUSE_S)


def _code(result: Result) -> str:
    return result.fault.code if isinstance(result, Failure) else ""
