"""Many HTTP exchanges in flight from one thread, by libcurl, over connections that stay open."""

import os
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import pycurl

from ports.aws import sides

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
"""Ten messages of 1 MiB, each character escaped, fit."""
_WAKE_S: Final = 1.0
_NAP_S: Final = 0.001
"""Without sockets, as while a name is looked up, libcurl does not wait at all."""
_CERTIFICATES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

Read = TypeVar("Read")


class Answer(NamedTuple):
    """What came of one exchange: a status and the reply, or libcurl's error. Head and body are only lent."""

    error: int
    status: int
    head: bytearray
    body: bytearray
    seconds: float
    was_connected: bool


class _Handle(NamedTuple):
    curl: Any
    head: bytearray
    body: bytearray


class Lines:
    """The connections of one thread to one URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._multi = pycurl.CurlMulti()
        self._idle: list[_Handle] = []
        self._authority = certificates()

    def exchange(
        self,
        bodies: Sequence[bytes],
        headers: Callable[[bytes], list[str]],
        read: Callable[[Answer], tuple[Read, bool]],
        *,
        at_most: int,
        timeout_s: float,
    ) -> list[Read | None]:
        """
        Post each body, and return what was read of each answer, in order; None for what was not begun.

        Args:
            bodies: What to post.
            headers: Makes the lines of the header, just before a body is sent.
            read: Reads an answer, and tells whether no more are to be begun.
            at_most: How many are in flight at a time.
            timeout_s: How long one may take, with connecting.
        """
        results: list[Read | None] = [None] * len(bodies)
        flying: dict[Any, tuple[int, _Handle]] = {}
        begun, stopped = 0, False
        timeout_ms = int(timeout_s * 1000)
        try:
            while True:
                while not stopped and begun < len(bodies) and len(flying) < at_most:
                    handle = self._begin(bodies[begun], headers(bodies[begun]), timeout_ms)
                    flying[handle.curl] = begun, handle
                    begun += 1
                if not flying:
                    return results
                for curl, error in self._wait():
                    place, handle = flying.pop(curl)
                    self._multi.remove_handle(curl)
                    results[place], stops = read(_answer(handle, error))
                    stopped = stopped or stops
                    self._idle.append(handle)
        finally:
            for _, handle in flying.values():  # only where something was raised
                self._multi.remove_handle(handle.curl)

    def _begin(self, body: bytes, headers: list[str], timeout_ms: int) -> _Handle:
        handle = self._idle.pop() if self._idle else self._new()
        curl = handle.curl
        handle.head.clear()
        handle.body.clear()
        curl.setopt(pycurl.HTTPHEADER, headers)
        curl.setopt(pycurl.POSTFIELDS, body)
        curl.setopt(pycurl.TIMEOUT_MS, timeout_ms)
        self._multi.add_handle(curl)
        return handle

    def _wait(self) -> list[tuple[Any, int]]:
        """Work until something has ended. Return what has, with libcurl's errors."""
        while True:
            self._multi.perform()
            left, good, bad = self._multi.info_read()
            ended = [(curl, 0) for curl in good] + [(curl, error) for curl, error, _ in bad]
            while left:
                left, good, bad = self._multi.info_read()
                ended += [(curl, 0) for curl in good] + [(curl, error) for curl, error, _ in bad]
            if ended:
                return ended
            self._sleep()

    def _sleep(self) -> None:
        """Wait until a socket is ready, or libcurl has something else to do."""
        due_ms = self._multi.timeout()
        if due_ms == 0:
            return
        try:
            ready = self._multi.select(min(due_ms / 1000, _WAKE_S) if due_ms > 0 else _WAKE_S)
        except pycurl.error:  # a signal has come
            ready = 0
        if ready <= 0:
            time.sleep(_NAP_S)

    def _new(self) -> _Handle:
        handle = _Handle(pycurl.Curl(), bytearray(), bytearray())
        curl = handle.curl
        for option, value in {
            pycurl.URL: self._url,
            pycurl.POST: 1,
            pycurl.NOSIGNAL: 1,
            pycurl.TCP_NODELAY: 1,
            pycurl.TCP_KEEPALIVE: 1,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.SSL_VERIFYPEER: 1,
            pycurl.SSL_VERIFYHOST: 2,
            pycurl.CONNECTTIMEOUT_MS: int(sides.CONNECT_TIMEOUT_S * 1000),
            pycurl.MAXFILESIZE: MAX_REPLY_BYTES,
            pycurl.PATH_AS_IS: 1,
            pycurl.USERAGENT: "leadline",
            pycurl.HEADERFUNCTION: handle.head.extend,
            pycurl.WRITEFUNCTION: handle.body.extend,
        }.items():
            curl.setopt(option, value)
        if self._authority:
            curl.setopt(pycurl.CAINFO, self._authority)
        return handle


def certificates() -> str | None:
    """Return the file of those who vouch for certificates, as boto3 is told, else the system's, else libcurl's own."""
    told = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    return told or next((path for path in (*_CERTIFICATES, _of_botocore()) if path and Path(path).is_file()), None)


def _of_botocore() -> str | None:
    """Find the file that botocore brings along, without loading it."""
    spec = find_spec("botocore")
    return None if spec is None or spec.origin is None else str(Path(spec.origin).with_name("cacert.pem"))


def _answer(handle: _Handle, error: int) -> Answer:
    curl = handle.curl
    status = 0 if error else curl.getinfo(pycurl.RESPONSE_CODE)
    was_connected = not error or curl.getinfo(pycurl.PRETRANSFER_TIME) > 0
    return Answer(error, status, handle.head, handle.body, curl.getinfo(pycurl.TOTAL_TIME), was_connected)
