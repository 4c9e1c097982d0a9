"""HTTP/1.1 as far as calls to AWS need it (RFC 9112): what has come on a connection, taken for a reply to a POST."""

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult

PORTS: Final = {"http": 80, "https": 443}
MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
"""Ten messages of 1 MiB, each character escaped, fit."""
MAX_HEAD_BYTES: Final = 64 * 1024
END_OF_HEAD: Final = b"\r\n\r\n"
_LINE_END: Final = b"\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])[ \r]")
_LONGEST_STATUS: Final = len(b"HTTP/1.1 200 ")
_NEVER_WITH_BODY: Final = (b"204", b"304")
_FIELD: Final = re.compile(rb"\n(content-length|transfer-encoding|connection):([^\n]*)", re.IGNORECASE)
_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?")

_OTHERS: Final = (
    rb"(?:(?:[^ct\r\n]|c(?!on(?:tent-length|nection):)|t(?!ransfer-encoding:))[^\r\n]*\r\n"
    rb"|connection: keep-alive\r\n)*+"
)
"""Any fields of a head but those that have to do with where the reply ends."""
_USUAL: Final = re.compile(
    rb"(?-i:HTTP)/1\.1 ([2-5][0-9]{2}) [^\r\n]*\r\n"
    + _OTHERS
    + rb"content-length: ([0-9]{1,8})\r\n"
    + _OTHERS
    + rb"\r\n",
    re.IGNORECASE,
)
"""The whole head of nearly every reply; what it does not match is looked at piece by piece, with the same result."""


class NotHttp(Exception):
    """What came is no reply."""


class Whole(NamedTuple):
    """A reply that has come to its end."""

    status: int
    head: bytes
    body: bytes
    stays: bool
    """Whether the connection may carry another call."""


def whole_reply(came: bytes | bytearray, *, ended: bool) -> Whole | None:
    """
    Return the reply that has come, or None if more is to come.

    Args:
        came: All that has come since the request.
        ended: Whether the connection is closed.

    Raises:
        NotHttp: It is none, ends too soon, or is too large.
    """
    usual = _USUAL.match(came)
    if usual is not None and not ended and usual.end() + int(usual[2]) == len(came):
        begin = usual.end()
        return Whole(int(usual[1]), bytes(came[: begin - len(END_OF_HEAD)]), bytes(came[begin:]), stays=True)
    begin, end, status = 0, came.find(END_OF_HEAD), _STATUS.match(came)
    while end >= 0 and status is not None and status[2][:1] == b"1":  # says only that a reply is to come
        begin = end + len(END_OF_HEAD)
        end, status = came.find(END_OF_HEAD, begin), _STATUS.match(came, begin)
    if status is None:
        if len(came) - begin >= _LONGEST_STATUS:
            raise NotHttp
    elif end >= 0:
        minor, code = status.groups()
        framing = _framing(came, begin, end)
        if (found := _body(came, end + len(END_OF_HEAD), code, framing, ended=ended)) is not None:
            body, end_of_all = found
            stays = not ended and minor == b"1" and len(came) == end_of_all
            stays = stays and b"close" not in framing.get(b"connection", b"").lower()
            return Whole(int(code), bytes(came[begin:end]), body, stays)
    if ended or len(came) > (MAX_REPLY_BYTES if end >= 0 else MAX_HEAD_BYTES):
        raise NotHttp
    return None


def host_of(url: SplitResult) -> str:
    """Return the field Host of a URL: without a port that goes without saying."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else (url.hostname or "")
    return host if url.port in (None, PORTS[url.scheme]) else f"{host}:{url.port}"


def _framing(came: bytes | bytearray, begin: int, end: int) -> dict[bytes, bytes]:
    """Return the fields of a head that say where the reply ends; what comes twice, with a comma between."""
    fields: dict[bytes, bytes] = {}
    for name, rest in _FIELD.findall(came, begin, end):
        lower, value = name.lower(), rest.strip(b" \t\r")
        fields[lower] = fields[lower] + b"," + value if lower in fields else value
    return fields


def _body(
    came: bytes | bytearray, start: int, status: bytes, framing: dict[bytes, bytes], *, ended: bool
) -> tuple[bytes, int] | None:
    """Return the body and where it ends, or None where it has not ended yet."""
    length = framing.get(b"content-length")
    if b"transfer-encoding" in framing:
        if framing[b"transfer-encoding"].lower() != b"chunked" or length is not None:
            raise NotHttp  # with a length as well, somebody on the way may see the end elsewhere
        return _chunks(came, start, ended=ended)
    if length is None:
        if status in _NEVER_WITH_BODY:
            return b"", start
        return (bytes(came[start:]), len(came)) if ended else None
    if not length.isdigit() or len(length) > len(str(MAX_REPLY_BYTES)):
        raise NotHttp
    end = start + int(length)
    return (bytes(came[start:end]), end) if end <= len(came) else None


def _chunks(came: bytes | bytearray, start: int, *, ended: bool) -> tuple[bytes, int] | None:
    if not (ended or came.endswith(END_OF_HEAD)):  # as all that comes in chunks does
        return None
    parts: list[bytes] = []
    while (end_of_size := came.find(_LINE_END, start)) >= 0:
        size = _SIZE.fullmatch(came, start, end_of_size)
        if size is None:
            raise NotHttp
        length = int(size[1], 16)
        if not length:
            end = came.find(END_OF_HEAD, end_of_size)
            return (b"".join(parts), end + len(END_OF_HEAD)) if end >= 0 else None
        begin = end_of_size + len(_LINE_END)
        start = begin + length + len(_LINE_END)
        if start > len(came):
            return None
        if came[start - len(_LINE_END) : start] != _LINE_END:
            raise NotHttp
        parts.append(bytes(came[begin : begin + length]))
    return None
