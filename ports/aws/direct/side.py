"""One service over connections of our own, from any number of threads."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from ports.aws import sides
from ports.aws.direct import answers
from ports.aws.direct.credentials import Keys, NoKeys
from ports.aws.direct.lines import Answer, Lines
from ports.aws.direct.operations import OPERATIONS, Operation
from ports.aws.direct.roles import shared_credentials
from ports.aws.direct.signing import Signer
from ports.aws.faults import NEVER_TRIED, Failure
from ports.aws.sides import Request, Result, Side, gives_up
from ports.protocols import CountCall

_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException"})
_OUT_OF_TIME: Final = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"})
_SKEW_S: Final = 60

_log = logging.getLogger(__name__)


class _Known(NamedTuple):
    """An operation, with what signs it and its name for who counts."""

    operation: Operation
    signer: Signer
    api: str


class _Mended(NamedTuple):
    """Whether calls that were refused deserve another try: with other keys, or by another clock."""

    keys: bool
    clock: bool


class DirectSide:
    """One service. Each thread has connections of its own."""

    def __init__(
        self,
        service: str,
        region: str,
        url: str,
        *,
        in_flight: int,
        on_call: CountCall,
        rest: Callable[[], Side],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Take a service.

        Args:
            service: `sqs`, `sns` or `dynamodb`.
            region: Which one.
            url: Its endpoint.
            in_flight: How many calls each thread makes at a time.
            on_call: Told of every attempt.
            rest: Opens a side over boto3 for all calls that are made rarely.
            clock: Tells the time, in seconds since the epoch.
        """
        self.service, self.in_flight = service, in_flight
        self._url, self._on_call, self._clock, self._open_rest = url, on_call, clock, rest
        self._credentials = shared_credentials(region, on_call)
        self._offset_s = 0.0
        self._local = threading.local()
        self._known = {
            name: _Known(operation, Signer(url, service, region, operation.headers), f"{service}:{name}")
            for name, operation in OPERATIONS[service].items()
        }

    @cached_property
    def _rest(self) -> Side:
        return self._open_rest()

    def beside(self) -> "DirectSide":
        """Return this one: no thread waits for another's calls."""
        return self

    def attempt(self, operation: str, requests: Sequence[Request], *, patience_s: float) -> list[Result]:
        """Make each call once, or once more where the keys had expired or the clock was wrong; see `Side`."""
        known = self._known.get(operation)
        if known is None:
            return self._rest.attempt(operation, requests, patience_s=patience_s)
        try:
            keys = self._credentials.get()
            results, heads = self._attempt(known, requests, keys, patience_s)
            if heads and (again := self._again(results, heads, keys)):
                keys = self._credentials.get()
                repeated, _ = self._attempt(known, [requests[i] for i in again], keys, patience_s)
                for i, result in zip(again, repeated, strict=True):
                    results[i] = result
        except NoKeys as error:
            self._on_call(known.api, error.failure.fault.code)
            return [error.failure] * len(requests)
        return results

    def _attempt(
        self, known: _Known, requests: Sequence[Request], keys: Keys, patience_s: float
    ) -> tuple[list[Result], list[bytes]]:
        """Return the results, and the heads of refusals that another key or another clock may turn."""
        heads: list[bytes] = []
        parse, on_call, api = known.operation.parse, self._on_call, known.api

        def read(answer: Answer) -> tuple[Result, bool]:
            result = answers.read(answer, parse)
            if not isinstance(result, Failure):
                on_call(api, "ok")
                return result, False
            code = result.fault.code
            on_call(api, code)
            if code in _EXPIRED or code in _OUT_OF_TIME:
                heads.append(answer.head)
            return result, gives_up(result, answer.seconds, patience_s)

        results = self._lines().exchange(
            [known.operation.write(request) for request in requests],
            lambda body: known.signer.sign(body, keys, self._clock() + self._offset_s),
            read,
            at_most=self.in_flight,
            timeout_s=_timeout_s(known.api, requests),
        )
        return [NEVER_TRIED if result is None else result for result in results], heads

    def _again(self, results: Sequence[Result], heads: Sequence[bytes], keys: Keys) -> list[int]:
        """Return the places of the calls that were refused for what has been mended since."""
        codes = {result.fault.code for result in results if isinstance(result, Failure)}
        mended = _Mended(
            bool(codes & _EXPIRED) and self._credentials.refused(keys),
            bool(codes & _OUT_OF_TIME) and self._set_clock(heads),
        )
        turned = (_EXPIRED if mended.keys else frozenset()) | (_OUT_OF_TIME if mended.clock else frozenset())
        return [i for i, r in enumerate(results) if isinstance(r, Failure) and r.fault.code in turned]

    def _set_clock(self, heads: Sequence[bytes]) -> bool:
        """Go by the service's clock where it differs from the one that we have gone by."""
        server_s = answers.server_time_s(heads[-1])
        if server_s is None:
            return False
        offset_s = server_s - self._clock()
        if abs(offset_s - self._offset_s) < _SKEW_S:
            return False
        _log.warning("the clock of %s differs by %.0f s from ours; calls are signed by it", self.service, offset_s)
        self._offset_s = offset_s
        return True

    def _lines(self) -> Lines:
        lines: Lines | None = getattr(self._local, "lines", None)
        if lines is None:
            lines = self._local.lines = Lines(self._url)
        return lines


def _timeout_s(api: str, requests: Sequence[Request]) -> float:
    """Return how long a call may take: a receive waits by itself."""
    if api == "sqs:ReceiveMessage":
        return max(float(r.params["WaitTimeSeconds"]) for r in requests) + sides.RECEIVE_MARGIN_S
    return sides.READ_TIMEOUT_S
