"""Files of customer events: one message a line, or one JSON document."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from leadline.output import Failed
from schemas.event import MAX_EVENTS_PER_MESSAGE, MAX_MESSAGE_BYTES


def read_messages(file: Path) -> Iterator[tuple[int, bytes]]:
    """
    Read a file of messages (`-` is standard input).

    Returns:
        Line numbers, from 1, and messages as they stand. A file that is one JSON document over several lines is one
        message on line 1.

    Raises:
        Failed: The file cannot be read, or holds nothing.
    """
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}; give a file of customer events") from error
    lines = [(number, line) for number, line in enumerate(data.splitlines(), start=1) if line.strip()]
    if not lines:
        raise Failed(f"{file} is empty; give one customer event a line")
    yield from [(1, data)] if len(lines) > 1 and _is_one_document(data) else lines


def pack(bodies: Iterable[bytes], size: int) -> Iterator[bytes]:
    """
    Join single events into messages of up to `size` events, within the limit of a message's bytes.

    Raises:
        Failed: A message is a pack already.
    """
    pending: list[bytes] = []
    used = 2
    for body in bodies:
        if size > 1 and body.startswith(b"["):
            raise Failed("the file holds packed messages already; send it without --pack")
        if pending and (len(pending) == min(size, MAX_EVENTS_PER_MESSAGE) or used + len(body) + 1 > MAX_MESSAGE_BYTES):
            yield _packed(pending, size)
            pending, used = [], 2
        pending.append(body)
        used += len(body) + 1
    if pending:
        yield _packed(pending, size)


def _packed(bodies: list[bytes], size: int) -> bytes:
    return bodies[0] if size == 1 else b"[" + b",".join(bodies) + b"]"


def _is_one_document(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
