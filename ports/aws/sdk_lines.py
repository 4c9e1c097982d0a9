"""What urllib3's connections do for each call of a client, done with less work; what goes over the line is the same."""

import http.client
import re
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from types import FunctionType
from typing import Any, BinaryIO, Final

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection
from botocore.httpsession import URLLib3Session

_MAX_LINE_BYTES: Final = 65536
_MAX_LINES: Final = 100
_ENDS: Final = (b"\r\n", b"\n", b"")
_NAME: Final = re.compile(r"[A-Za-z0-9-]+")


def quicken(session: URLLib3Session) -> None:
    """
    Let a session's connections, other than those through a proxy, be found and used with less work.

    The pool of connections to a URL is looked up once, not at each call: clients here are never closed.
    """
    manager = getattr(session, "_manager", None)  # a private name: where it is gone, all is done as ever
    if manager is None:
        return
    look_up = manager.connection_from_url

    @lru_cache(maxsize=8)
    def connection_from_url(url: str) -> Any:  # noqa: ANN401  a pool of urllib3
        pool = look_up(url)
        pool.ConnectionCls = _QUICK.get(pool.ConnectionCls, pool.ConnectionCls)
        return pool

    manager.connection_from_url = connection_from_url


def parse_headers(lines: BinaryIO, **options: Any) -> http.client.HTTPMessage:  # noqa: ANN401
    """
    Read headers as `http.client` does, which has them parsed as those of an e-mail.

    What is not plain (a line that continues another, or is none, or one too many) is left to it.

    Raises:
        HTTPException: There are too many, or one is too long.
    """
    if options:  # a Python of tomorrow
        usual: http.client.HTTPMessage = http.client.parse_headers(lines, **options)
        return usual
    read = _lines(lines)
    message = http.client.HTTPMessage()
    for line in read[:-1]:
        name, _, rest = line.decode("latin-1").partition(":")
        value = rest.lstrip(" \t").rstrip("\r\n")
        if not _NAME.fullmatch(name) or not rest or "\r" in value:
            break
        message.set_raw(name, value)
    else:
        if read[-1] in _ENDS and len(read) <= _MAX_LINES:
            return message
    return http.client.parse_headers(BytesIO(b"".join(read)))


def _lines(lines: BinaryIO) -> list[bytes]:
    """Return the lines up to the empty one, or up to one that breaks a limit of `http.client`."""
    read = [lines.readline(_MAX_LINE_BYTES + 1)]
    while read[-1] not in _ENDS and len(read[-1]) <= _MAX_LINE_BYTES and len(read) <= _MAX_LINES:
        read.append(lines.readline(_MAX_LINE_BYTES + 1))
    return read


class _Response(http.client.HTTPResponse):
    """A response whose headers are read by `parse_headers`, and all else as ever."""

    # The very code of `begin`, among names of which one is another. Should it not ask for that name, nothing changes.
    _usual = http.client.HTTPResponse.begin
    begin = FunctionType(
        _usual.__code__,
        {**vars(http.client), "parse_headers": parse_headers},
        _usual.__name__,
        _usual.__defaults__,
        _usual.__closure__,
    )


class _Quick:
    """A connection that sends head and body in one piece, and looks at each header once."""

    response_class = _Response
    _body: bytes | None = None

    def request(
        self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None, **options: object
    ) -> None:
        """Send a request; a body in bytes goes with its head."""
        self._body = body if isinstance(body, bytes) and not options.get("chunked") else None
        if self._body is not None:
            body = None
            headers = {"Content-Length": str(len(self._body)), **(headers or {})}
        super().request(method, url, body, headers, **options)  # type: ignore[misc]

    def endheaders(self, message_body: Any = None, **options: Any) -> None:  # noqa: ANN401  as in http.client
        """Send what there is."""
        body, self._body = self._body, None
        super().endheaders(body if message_body is None else message_body, **options)  # type: ignore[misc]

    def putheader(self, header: str, *values: str) -> None:
        """Add a header; urllib3 would first look whether it is meant to be left out."""
        http.client.HTTPConnection.putheader(self, header, *values)  # type: ignore[arg-type]


_QUICK: Final[Mapping[type, type]] = {
    usual: type(usual.__name__, (_Quick, usual), {}) for usual in (AWSHTTPConnection, AWSHTTPSConnection)
}
