"""From what came over the line to a reply, or to what went wrong; by the names that boto3 gives to the same."""

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from ports.aws.direct.lines import Answer
from ports.aws.faults import BAD_REPLY, Failure, Fault
from ports.aws.sides import Reply, Result, not_a_reply, read_json

Parse = Callable[[bytes], Mapping[str, Any]]
"""Reads the body of a reply; raises ValueError where it is none."""

_IDS: Final = (b"x-amzn-requestid", b"x-amz-request-id")
_XML_CODE: Final = re.compile(rb"<Code>\s*([\w.]+)\s*</Code>")
_XML_ID: Final = re.compile(rb"<RequestId>\s*([\w-]+)\s*</RequestId>", re.IGNORECASE)


def read(answer: Answer, parse: Parse) -> Result:
    """Read an answer."""
    if answer.fault:
        return _no_answer(answer.fault)
    if answer.status != 200:
        return _refused(answer)
    try:
        body = parse(answer.body)
    except ValueError:
        return not_a_reply(request_id(answer))
    head = answer.head
    return Reply(body, lambda: _header(head, *_IDS) or "unknown")


def json_parser(**forms: type) -> Parse:
    """
    Return what reads a JSON reply: an object with nothing in it, or with something that belongs there.

    Args:
        **forms: What belongs there, and whether it is a list or an object.
    """

    def parse(body: bytes) -> Mapping[str, Any]:
        read: Mapping[str, Any] = read_json(body)
        if not isinstance(read, dict):
            raise ValueError("no object")  # noqa: TRY004  one kind of error for the caller
        known = False
        for name, form in forms.items():
            if (value := read.get(name)) is not None:
                known = True
                if not isinstance(value, form):
                    raise ValueError(f"{name} is no {form.__name__}")
        if not known and any(value is not None for value in read.values()):
            raise ValueError("nothing that belongs there")
        return read

    return parse


def request_id(answer: Answer) -> str:
    """Return AWS's name for the request."""
    found = _XML_ID.search(answer.body)
    return _header(answer.head, *_IDS) or (found[1].decode() if found else "unknown")


def server_time_s(head: bytes) -> float | None:
    """Return what the service's clock said, in seconds since the epoch."""
    try:
        return parsedate_to_datetime(_header(head, b"date")).timestamp()
    except ValueError:
        return None


def _no_answer(code: str) -> Failure:
    return not_a_reply() if code == BAD_REPLY else Failure(Fault(code, "none", transient=True), silent=True)


def _refused(answer: Answer) -> Failure:
    """Read an error: one that bears no code of AWS is of somebody else."""
    head = answer.head
    try:
        body = read_json(answer.body)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    code = _code(head, body, answer.body)
    if answer.status < 300 or not code:
        return not_a_reply(request_id(answer))
    return Failure(Fault.of_answer(code, request_id(answer), answer.status), body=body)


def _code(head: bytes, body: Mapping[str, Any], raw: bytes) -> str:
    if by_query := _header(head, b"x-amzn-query-error"):
        return by_query.partition(";")[0]
    named = _header(head, b"x-amzn-errortype") or body.get("__type")
    if isinstance(named, str) and named:
        return named.rpartition("#")[2].partition(":")[0]
    found = None if body else _XML_CODE.search(raw)
    return found[1].decode() if found else ""


def _header(head: bytes, *names: bytes) -> str:
    """Return the value of a header in the last of the heads that have come, or nothing."""
    for line in reversed(head.splitlines()):
        name, colon, value = line.partition(b":")
        if not colon and line.startswith(b"HTTP/"):
            break
        if colon and name.strip().lower() in names:
            return value.strip().decode("latin-1")
    return ""
