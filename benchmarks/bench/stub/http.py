"""HTTP/1.1 on asyncio's transports: requests of one length each, answered in order."""

import asyncio
import re
from collections.abc import Callable
from typing import Final

Reply = bytes | None
Answer = Callable[["Connection", bytes, bytes], Reply]
"""Head and body of a request to its whole reply; None: it is sent later, with `Connection.send`."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EXPECTS: Final = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)
_END: Final = b"\r\n\r\n"


def reply(body: bytes, kind: str = "application/x-amz-json-1.0", status: str = "200 OK") -> bytes:
    """Return a whole reply, with the headers that AWS sends."""
    return (
        f"HTTP/1.1 {status}\r\nx-amzn-RequestId: 5e2bb7d1-0e1c-5c7d-8f3a-2f5c1a0e7b11\r\n"
        f"Date: Thu, 15 Jan 2026 10:00:00 GMT\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, answer: Answer, latency_s: float) -> None:
        """
        Serve a connection.

        Args:
            answer: Answers a request.
            latency_s: The pause before each reply.
        """
        self._answer, self._latency_s, self._held = answer, latency_s, b""
        self._transport: asyncio.Transport | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if isinstance(transport, asyncio.Transport):
            self._transport, self.is_open = transport, True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio calls it so
        """Note that nobody hears what is sent from now on."""
        self.is_open = False

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived whole."""
        self._held = self._held + data if self._held else data
        while (end := self._held.find(_END)) >= 0:
            head, start = self._held[:end], end + len(_END)
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            if len(self._held) < start + length:
                if len(self._held) == start and _EXPECTS.search(head):
                    self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body, self._held = self._held[start : start + length], self._held[start + length :]
            if (whole := self._answer(self, head, body)) is not None:
                self.send(whole)

    def send(self, whole: bytes) -> None:
        """Send a reply after the latency."""
        if self._latency_s:
            asyncio.get_running_loop().call_later(self._latency_s, self._write, whole)
        else:
            self._write(whole)

    def _write(self, whole: bytes) -> None:
        if self._transport is not None and self.is_open:
            self._transport.write(whole)
