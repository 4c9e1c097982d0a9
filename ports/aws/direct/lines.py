"""Many HTTP exchanges in flight from one thread, over connections that stay open."""

import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from ports.aws.direct.connecting import NotConnected, Way
from ports.aws.direct.http import NotHttp, Whole, whole_reply
from ports.aws.faults import BAD_REPLY

_AT_ONCE: Final = 64 * 1024
_HAS_EPOLL: Final = hasattr(select, "epoll")
"""With it waiting takes no longer for many connections than for few; where there is none, `poll` does the same."""
_LATER: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Read = TypeVar("Read")


class Answer(NamedTuple):
    """What came of one exchange: a reply, or a fault by the name that boto3 gives to the same."""

    fault: str | None
    seconds: float
    status: int = 0
    head: bytes = b""
    body: bytes = b""


_Answered = tuple[int, Answer]
"""Which one of the calls, and what came of it."""


class _Line:
    """One connection, and the exchange that is under way on it."""

    __slots__ = ("begun_at", "came", "is_used", "number", "place", "request", "socket", "unsent")

    def __init__(self, connected: socket.socket) -> None:
        self.socket, self.number, self.is_used = connected, connected.fileno(), False
        self.place, self.begun_at = 0, 0.0
        self.request = self.unsent = b""
        self.came: bytes | bytearray = b""


class Lines:
    """The connections of one thread to one URL."""

    def __init__(self, url: str) -> None:
        self._lines: dict[int, _Line] = {}
        self._idle: list[_Line] = []
        self._poll: Any = None  # epoll needs a descriptor, and so waits for the first connection
        self._way = Way(url)
        self._timeout_s = 0.0

    def __del__(self) -> None:
        """Close the connections with the thread that they belong to."""
        for line in self._lines.values():
            line.socket.close()

    def exchange(
        self,
        bodies: Sequence[bytes],
        headers: Callable[[bytes], bytes],
        read: Callable[[Answer], tuple[Read, bool]],
        *,
        at_most: int,
        timeout_s: float,
    ) -> list[Read | None]:
        """
        Post each body, and return what was read of each answer, in order; None for what was not begun.

        A call on a connection that has been used before is sent once more where that one is closed without a byte of a
        reply: the other side had hung up while nothing was under way.

        Args:
            bodies: What to post.
            headers: Makes the lines of the header, just before a body is sent.
            read: Reads an answer, and tells whether no more are to be begun.
            at_most: How many are in flight at a time.
            timeout_s: How long one may take, once there is a connection.
        """
        results: list[Read | None] = [None] * len(bodies)
        flying: dict[int, _Line] = {}
        begun, stopped, self._timeout_s = 0, False, timeout_s
        self._drop_closed()
        try:
            while True:
                answered: list[_Answered] = []
                while begun < len(bodies) and len(flying) < at_most and not (stopped or answered):
                    answered += self._begin(begun, self._way.request(headers(bodies[begun]), bodies[begun]), flying)
                    begun += 1
                if not (answered or flying):
                    return results
                for place, answer in answered or self._wait(flying):
                    results[place], stops = read(answer)
                    stopped = stopped or stops
        finally:
            for line in flying.values():  # only where something was raised
                self._drop(line)

    def _begin(self, place: int, request: bytes, flying: dict[int, _Line], *, anew: bool = False) -> list[_Answered]:
        """Send a request, if need be over a new connection; or return its answer, where there is no connection."""
        begun_at = time.monotonic()
        try:
            line = self._idle.pop() if self._idle and not anew else self._connected()
        except NotConnected as error:
            return [(place, Answer(str(error), time.monotonic() - begun_at))]
        line.place, line.begun_at = place, time.monotonic()
        line.request = line.unsent = request
        flying[line.number] = line
        self._send(line)
        return []

    def _wait(self, flying: dict[int, _Line]) -> list[_Answered]:
        """Wait until something has come, or the first call that was begun is out of time. Return what is answered."""
        first = next(iter(flying.values()))
        left_s = first.begun_at + self._timeout_s - time.monotonic()
        answered: list[_Answered] = []
        for number, _ in self._ready(max(0.0, left_s)):
            if number in flying:
                answered += self._advance(flying[number], flying)
            else:
                self._drop(self._lines[number])  # an idle one, which the other side has closed
        return answered + self._late(flying) if left_s <= 0 else answered

    def _late(self, flying: dict[int, _Line]) -> list[_Answered]:
        """End the calls that are out of time."""
        now = time.monotonic()
        late = [line for line in flying.values() if now - line.begun_at >= self._timeout_s]
        for line in late:
            self._end(line, flying)
        return [(line.place, Answer("ReadTimeoutError", now - line.begun_at)) for line in late]

    def _advance(self, line: _Line, flying: dict[int, _Line]) -> list[_Answered]:
        """Read what has come. Return the answer when it is whole, or will never be."""
        try:
            whole = self._read(line)
        except NotHttp:
            self._end(line, flying)
            if not line.came and line.is_used:
                return self._begin(line.place, line.request, flying, anew=True)
            fault = BAD_REPLY if line.came else "ConnectionClosedError"
            return [(line.place, Answer(fault, time.monotonic() - line.begun_at))]
        if whole is None:
            return []
        self._end(line, flying, stays=whole.stays and not line.unsent)
        seconds = time.monotonic() - line.begun_at
        return [(line.place, Answer(None, seconds, whole.status, whole.head, whole.body))]

    def _read(self, line: _Line) -> Whole | None:
        """
        Return the reply, or None where more is to come.

        Raises:
            NotHttp: It is none, or the connection has ended before it.
        """
        if line.unsent:
            self._send(line)
            if not line.unsent:
                self._poll.modify(line.number, select.POLLIN)
        while True:
            try:
                data = line.socket.recv(_AT_ONCE)
            except _LATER:
                return None
            except OSError:  # no reply ends with that
                raise NotHttp from None
            if not line.came:
                line.came = data
            elif isinstance(line.came, bytearray):
                line.came += data
            else:
                line.came = bytearray(line.came + data)
            whole = whole_reply(line.came, ended=not data)
            if whole is not None or time.monotonic() - line.begun_at > self._timeout_s:
                return whole

    def _send(self, line: _Line) -> None:
        """Send as much as goes; the rest when there is room."""
        try:
            while line.unsent:
                line.unsent = line.unsent[line.socket.send(line.unsent) :]
        except _LATER:
            self._poll.modify(line.number, select.POLLIN | select.POLLOUT)
        except OSError:
            pass  # what is wrong shows when the reply is read

    def _end(self, line: _Line, flying: dict[int, _Line], *, stays: bool = False) -> None:
        """End an exchange, and, but for one that stays, the connection."""
        del flying[line.number]
        if stays:
            line.is_used = True
            line.request = line.came = b""  # of hundreds of idle lines they would be megabytes
            self._idle.append(line)
        else:
            self._drop(line)

    def _connected(self) -> _Line:
        line = _Line(self._way.connect())
        try:
            self._poll = self._poll or (select.epoll() if _HAS_EPOLL else select.poll())
            self._poll.register(line.number, select.POLLIN)  # by the same number as epoll's
        except OSError as error:
            line.socket.close()
            raise NotConnected("EndpointConnectionError") from error  # as where there is no descriptor for a socket
        self._lines[line.number] = line
        return line

    def _ready(self, wait_s: float) -> list[tuple[int, int]]:
        """Return the connections, by their numbers, on which something has come, or that may send again."""
        ready: list[tuple[int, int]] = self._poll.poll(wait_s if _HAS_EPOLL else wait_s * 1000) if self._poll else []
        return ready

    def _drop_closed(self) -> None:
        """Part with connections that the other side has closed while nothing was under way."""
        for number, _ in self._ready(0):
            self._drop(self._lines[number])

    def _drop(self, line: _Line) -> None:
        self._poll.unregister(line.number)
        del self._lines[line.number]
        self._idle = [other for other in self._idle if other is not line]
        line.socket.close()
