"""How calls to AWS are made: one level of retries, several calls in flight, each kind of fault told once."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import boto3
from botocore.config import Config
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_when_event_set, wait_exponential_jitter

from ports.aws.faults import NO_ANSWER, AwsError, Fault, NotTried
from ports.protocols import BadAddress, Unavailable
from ports.telling import Told

CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 10
ATTEMPTS: Final = 3
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0

Item = TypeVar("Item")
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


def region_of(named: str | None) -> str:
    """
    Return the region that the address names (calls to another one cannot succeed), else that of the environment.

    Raises:
        BadAddress: Nobody names a region.
    """
    region = named or os.environ.get("AWS_REGION") or boto3.session.Session().region_name
    if not region:
        raise BadAddress("AWS_REGION is not set, and the address names no region; set AWS_REGION, such as eu-west-1")
    return region


def endpoint_of(service: str, derived: str | None) -> str | None:
    """Return the endpoint that an address leads to, unless AWS_ENDPOINT_URL[_SERVICE] says it, which the SDK reads."""
    said = os.environ.get(f"AWS_ENDPOINT_URL_{service}") or os.environ.get("AWS_ENDPOINT_URL")
    return None if said else derived


def config(in_flight: int, read_timeout_s: float = READ_TIMEOUT_S) -> Config:
    """Return the settings of a client: timeouts, and no retries, since `Calls` makes them."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        max_pool_connections=max(2 * in_flight, 1),  # leases are extended beside all other calls
        user_agent_extra="leadline",
    )


class Calls:
    """Makes the calls of one port."""

    def __init__(
        self,
        address: str,
        *,
        in_flight: int,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Make a caller.

        Args:
            address: What the port was opened by, for the log.
            in_flight: How many calls `each` makes at a time.
            sleep: Waits between two attempts, in seconds.
            clock: Tells how long a call has taken, and when a fault was logged, in seconds.
        """
        self.in_flight = in_flight
        self._address, self._sleep, self._clock = address, sleep, clock
        self._pool = ThreadPoolExecutor(in_flight, thread_name_prefix="aws")
        self._round = threading.local()  # what the calls of one `each` share
        self._told = Told(clock)

    def beside(self) -> "Calls":
        """Return another caller for the same port, whose calls wait for none of this one's."""
        return Calls(self._address, in_flight=self.in_flight, sleep=self._sleep, clock=self._clock)

    def retried(self, call: Callable[[], Result]) -> Result:
        """
        Make a call up to three times: again if AWS is overloaded or out of reach, never if it refuses.

        Raises:
            ClientError: AWS refused, or still cannot.
            BotoCoreError: AWS was not reached.
        """
        silence: threading.Event = getattr(self._round, "silence", threading.Event())
        if silence.is_set():
            raise NotTried
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS) | stop_when_event_set(silence),
            wait=wait_exponential_jitter(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S, jitter=FIRST_PAUSE_S),
            retry=retry_if_exception(lambda error: isinstance(error, AwsError) and Fault.of(error).transient),
            sleep=self._sleep,
            reraise=True,
        )
        started = self._clock()
        try:
            return attempts(call)
        except AwsError as error:
            if isinstance(error, NO_ANSWER) or self._clock() - started > READ_TIMEOUT_S:
                silence.set()
            raise

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """
        Call a function on each item, several at a time. Return the results in order.

        Once a call of `retried` has got no answer, or was refused only after a long time, those that are left raise
        `NotTried` at once: with a service that hangs, hundreds of items take as long as one.
        """
        batch = list(items)
        if len(batch) <= 1:
            return [function(item) for item in batch]
        silence = threading.Event()

        def in_round(item: Item) -> Result:
            self._round.silence = silence
            return function(item)

        return list(self._pool.map(in_round, batch))

    def unavailable(self, api: str, error: Exception) -> Unavailable:
        """Return what a port raises when a call leaves it nothing to return."""
        fault = Fault.of(error)
        return Unavailable(
            f"{api} failed on {self._address}: {fault.code} (request {fault.request_id}); {fault.way_out}"
        )

    def tell(self, api: str, fault: Fault) -> None:
        """Log a fault: of its kind one in ten minutes as a warning with the way out, others for whoever debugs."""
        level = logging.DEBUG if fault.code == NotTried.__name__ else self._told.level(api, fault.code)
        _log.log(
            level,
            "%s failed on %s: %s (request %s); %s",
            api,
            self._address,
            fault.code,
            fault.request_id,
            fault.way_out,
        )
