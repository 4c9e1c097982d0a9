"""The way to AWS over boto3: a client of one service, with several threads, and no retries of its own."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from botocore import __version__ as botocore_version
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ports.aws import client, sides
from ports.aws.client import Calls
from ports.aws.faults import NEVER_TRIED, Failure, Fault
from ports.aws.sides import Reply, Request, Result, gives_up
from ports.protocols import Unavailable

Returned = TypeVar("Returned")

AwsError: Final = (ClientError, BotoCoreError)
"""All that a call raises on purpose."""
NO_ANSWER: Final = (NoConnection, HTTPClientError)
"""AWS was not reached, or did not answer in time."""


class BadReply(BotoCoreError):
    """Something has answered, but not AWS: a proxy, another server, or half a reply."""

    fmt = "the answer is no reply of AWS"


def config(in_flight: int, read_timeout_s: float | None = None) -> Config:
    """
    Return the settings of a client: timeouts, and no retries, since `Calls` makes them.

    The name that it goes by is fixed, since botocore would put it together for each call, and parameters are not
    validated against the service's model, since nobody but us fills them in: both cost a tenth of a call's CPU.
    """
    return Config(
        connect_timeout=sides.CONNECT_TIMEOUT_S,
        read_timeout=sides.READ_TIMEOUT_S if read_timeout_s is None else read_timeout_s,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=max(2 * in_flight, 1),  # leases are extended beside all other calls
        user_agent=f"leadline botocore/{botocore_version}",
        parameter_validation=False,
        request_checksum_calculation="when_required",
    )


def fault_of(error: BaseException) -> Fault:
    """Read the error of a call."""
    if isinstance(error, ClientError):
        about = error.response.get("ResponseMetadata", {})
        code = error.response.get("Error", {}).get("Code", "Unknown")
        return Fault.of_answer(code, about.get("RequestId", "unknown"), about.get("HTTPStatusCode", 0))
    return Fault(type(error).__name__, "none", isinstance(error, (*NO_ANSWER, BadReply)))


class SdkSide:
    """One service over boto3."""

    def __init__(self, client: Any, *, in_flight: int, patient: Mapping[str, Any] | None = None) -> None:  # noqa: ANN401
        """
        Take a service.

        Args:
            client: A client of boto3.
            in_flight: How many calls to make at a time, for all threads together.
            patient: Clients with other timeouts, by the operation that they are for.
        """
        self.service: str = client.meta.service_model.service_name
        self.in_flight = in_flight
        self._client, self._patient = client, patient or {}
        self._pool = ThreadPoolExecutor(in_flight, thread_name_prefix="aws")

    def beside(self) -> "SdkSide":
        """Return another side of the same, with threads of its own."""
        return SdkSide(self._client, in_flight=self.in_flight, patient=self._patient)

    def attempt(self, operation: str, requests: Sequence[Request], *, patience_s: float) -> list[Result]:
        """Make each call once; see `Side`."""
        method = getattr(self._patient.get(operation, self._client), xform_name(operation))
        if len(requests) == 1:
            return [_attempt(method, requests[0])]
        silence = threading.Event()

        def one(request: Request) -> Result:
            if silence.is_set():
                return NEVER_TRIED
            begun = time.monotonic()
            result = _attempt(method, request)
            if isinstance(result, Failure) and gives_up(result, time.monotonic() - begun, patience_s):
                silence.set()
            return result

        return list(self._pool.map(one, requests))


class SdkCalls(Calls):
    """The same retries for calls that only boto3 makes."""

    def retried(self, call: Callable[[], Returned]) -> Returned:
        """
        Make a call up to three times: again if AWS is overloaded or out of reach, never if it refuses.

        Raises:
            ClientError: AWS refused, or still cannot.
            BotoCoreError: AWS was not reached.
        """
        attempts = Retrying(
            stop=stop_after_attempt(client.ATTEMPTS),
            wait=wait_exponential_jitter(
                multiplier=client.FIRST_PAUSE_S, max=client.LONGEST_PAUSE_S, jitter=client.FIRST_PAUSE_S
            ),
            retry=retry_if_exception(lambda error: isinstance(error, AwsError) and fault_of(error).transient),
            sleep=self._sleep,
            reraise=True,
        )
        return attempts(call)

    def unavailable_by(self, api: str, error: Exception) -> Unavailable:
        """Return what a port raises when a call leaves it nothing to return."""
        return self.unavailable(api, fault_of(error))


def _attempt(method: Callable[..., Mapping[str, Any]], request: Request) -> Result:
    try:
        body = method(**request.common.params, **request.params)
    except AwsError as error:
        return _failure(error)
    return Reply(body, lambda: str(body.get("ResponseMetadata", {}).get("RequestId", "unknown")))


def _failure(error: BaseException) -> Failure:
    body = error.response if isinstance(error, ClientError) else {}
    return Failure(fault_of(error), isinstance(error, NO_ANSWER), body)
