"""
The trust boundary: bytes from the queue become events, or a `Reject` that says what is wrong and how to mend it.

A message holds one event or an array of events, as CloudEvents 1.0 or in the plain form, by itself or inside an SNS or
EventBridge envelope. Each event stands for itself: a bad one among a thousand is rejected alone.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from pydantic import BaseModel, ValidationError

from propensity.decision import Case
from propensity.features import missing_feature
from schemas.event import (
    MAX_EVENT_ID_BYTES,
    MAX_EVENTS_PER_MESSAGE,
    MAX_MESSAGE_BYTES,
    CustomerUpdated,
    PlainCustomerUpdated,
    utc_text,
)
from worker.errors import Fault, Reject
from worker.faults import faults_of

MAX_DEPTH: Final = 64
MAX_NESTED: Final = 200_000
"""Arrays in a message; an object counts twice. A thousand events have some six thousand; many more take too long."""

MAX_AHEAD: Final = timedelta(minutes=5)
PLAIN_SOURCE: Final = "plain"
"""The source of an event in the plain form, which names none."""

_ENVELOPES: Final = 2  # EventBridge inside SNS is the deepest that AWS itself makes


class _Marker:
    """Stands in the parsed JSON where a rule of ours is broken, so that only that event is rejected."""

    def __init__(self, reason: str, repair: str) -> None:
        self.reason = reason
        self.repair = repair


def decode(body: bytes, needed: Sequence[str], now: datetime) -> list[Case | Reject]:
    """
    Read the events of one message.

    Args:
        body: The message as it came.
        needed: The fields that the model uses: an event that lacks one is rejected.
        now: The present, in UTC: no event may lie more than five minutes ahead.

    Returns:
        For each event, in order, what there is to decide on, or why it cannot be.

    Raises:
        Reject: The message as a whole cannot be read.
    """
    latest = utc_text(now + MAX_AHEAD)
    elements = _elements(body)
    cases = [_case_or_reject(element, needed, latest) for element in elements]
    if len(elements) > 1:
        for element, case in zip(elements, cases, strict=True):
            if isinstance(case, Reject):
                case.body = _alone(element)
    return cases


def _elements(body: bytes) -> list[Any]:
    """Parse the message, take it out of its envelopes, and return its events as parsed JSON."""
    content = _parse(body)
    for _ in range(_ENVELOPES):
        content = _unwrapped(content)
    if not isinstance(content, list):
        return [content]
    if not content:
        _reject("empty", "", "send at least one event")
    if len(content) > MAX_EVENTS_PER_MESSAGE:
        _reject("too_many_events", "", f"pack at most {MAX_EVENTS_PER_MESSAGE} events into a message")
    return content


def _parse(body: bytes) -> Any:  # noqa: ANN401  JSON can be anything
    if len(body) > MAX_MESSAGE_BYTES:
        _reject("too_large", "", f"send at most {MAX_MESSAGE_BYTES} bytes a message")
    if 2 * len(body) > MAX_NESTED and body.count(b"[") + 2 * body.count(b"{") > MAX_NESTED:
        _reject("too_large", "", f"send at most {MAX_NESTED} arrays, or half as many objects, in one message")
    try:
        return _json(body.decode())
    except RecursionError:
        _reject("too_deep", "", _SHALLOWER)
    except UnicodeDecodeError as error:
        _reject("not_json", "", f"byte {error.start} is not UTF-8; encode the message as UTF-8")
    except json.JSONDecodeError as error:
        _reject("not_json", "", f"line {error.lineno}, column {error.colno}: {error.msg}")


def _json(text: str) -> Any:  # noqa: ANN401  JSON can be anything
    try:
        return _JSON.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python converts: 4,300, unless it is told otherwise
        return _JSON_WITH_LONG_NUMBERS.decode(text)


def _unwrapped(content: Any) -> Any:  # noqa: ANN401  JSON can be anything
    """Take the content out of one SNS notification or EventBridge event, if it is in one."""
    if not isinstance(content, dict):
        return content
    if content.get("Type") == "Notification" and isinstance(content.get("Message"), str):
        return _parse(content["Message"].encode("utf-8", "surrogatepass"))
    if "detail-type" in content and "detail" in content:
        return content["detail"]
    return content


def _case_or_reject(element: Any, needed: Sequence[str], latest: str) -> Case | Reject:  # noqa: ANN401  parsed JSON
    try:
        return _case(element, needed, latest)
    except Reject as reject:
        return reject.with_traceback(None)  # which holds the event, and may be one of a thousand


def _case(element: Any, needed: Sequence[str], latest: str) -> Case:  # noqa: ANN401  parsed JSON
    _reject_broken_rules(element)
    if not isinstance(element, dict):
        _reject("not_an_event", "", "send a JSON object: a CloudEvent, or the plain form")
    event = _validated(element)
    if isinstance(event, CustomerUpdated):
        event_id, event_time, source, customer, prefix = event.id, event.time, event.source, event.data, "/data"
    else:
        event_id, event_time, source, customer, prefix = event.event_id, event.event_time, PLAIN_SOURCE, event, ""
    if event_time > latest:
        where = "/time" if prefix else "/event_time"
        raise Reject(
            Fault("future_event", where, "set the producer's clock; at most 5 minutes ahead"), event_id=event_id
        )
    missing = missing_feature(customer, needed)
    if missing is not None:
        fault = Fault("missing_field", f"{prefix}/{missing}", "add the field; the model that is served uses it")
        raise Reject(fault, event_id=event_id)
    return Case(event_id, event_time, source, _content_sha256(customer), customer)


def _validated(element: dict[str, Any]) -> CustomerUpdated | PlainCustomerUpdated:
    kind: type[CustomerUpdated | PlainCustomerUpdated] = PlainCustomerUpdated
    if "specversion" in element or "data" in element:
        kind = CustomerUpdated
    try:
        return kind.model_validate(element)
    except ValidationError as error:
        faults = faults_of(error)
    name = element.get("id" if kind is CustomerUpdated else "event_id")
    readable = isinstance(name, str) and len(name) <= MAX_EVENT_ID_BYTES
    raise Reject(*faults, event_id=name if readable else None)  # out here it does not keep the error, and so the values


def _content_sha256(customer: BaseModel) -> str:
    """Digest the customer's known fields, the same for both forms of an event and for 49 and 49.0."""
    data = customer.model_dump_json(exclude_none=True, exclude={"event_id", "event_time"})
    return hashlib.sha256(data.encode()).hexdigest()


def _alone(element: Any) -> bytes | None:  # noqa: ANN401  parsed JSON
    """Return one event of a pack as JSON, or None where it cannot be written again as it came."""
    try:
        return _AS_IT_CAME.encode(element).encode()
    except (TypeError, ValueError, RecursionError):  # a marker, a lone surrogate, a number beyond the floats, depth
        return None


def _object(pairs: list[tuple[str, Any]]) -> Any:  # noqa: ANN401  a dict, or a marker in its place
    content = dict(pairs)
    return content if len(content) == len(pairs) else _TWICE


def _constant(_name: str) -> _Marker:
    return _NOT_FINITE


def _integer(digits: str) -> int | _Marker:
    try:
        return int(digits)
    except ValueError:
        return _TOO_LONG


_SHALLOWER: Final = f"nest at most {MAX_DEPTH} levels"
_TWICE: Final = _Marker("duplicate_key", "name each key once")
_NOT_FINITE: Final = _Marker("not_finite", "send a finite number, or leave the field out")
_TOO_LONG: Final = _Marker("out_of_bounds", "a number has thousands of digits; send one within its bounds")
_NESTED: Final = frozenset({dict, list, _Marker})
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_JSON: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_JSON_WITH_LONG_NUMBERS: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer
)
_AS_IT_CAME: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def _reject_broken_rules(element: Any) -> None:  # noqa: ANN401  JSON can be anything
    """Reject an element that has a marker anywhere inside, or more levels than there may be: level by level."""
    levels: list[list[Any]] = []
    level = [element] if type(element) in _NESTED else []
    while level:
        for content in level:
            if type(content) is _Marker:
                _reject(content.reason, _pointer(content, levels), content.repair)
        if len(levels) == MAX_DEPTH:
            _reject("too_deep", "", _SHALLOWER)
        levels.append(level)
        # In one expression, since a message of a mebibyte may have a million values.
        level = [
            value
            for content in level
            for value in (content.values() if type(content) is dict else content)
            if type(value) in _NESTED
        ]


def _pointer(marker: _Marker, levels: list[list[Any]]) -> str:
    """Return where in an element a marker is, by the way up through the levels above it."""
    sought: Any = marker
    pointer = ""
    for level in reversed(levels):
        sought, key = next(
            (content, key)
            for content in level
            for key, value in (content.items() if type(content) is dict else enumerate(content))
            if value is sought
        )
        pointer = f"/{_shown(str(key))}{pointer}"
    return pointer


def _shown(key: str) -> str:
    """Return a key of a pointer; one that is no plain name could be anything, and stays with the event."""
    return key if _NAME.fullmatch(key) else "?"


def _reject(reason: str, pointer: str, repair: str) -> NoReturn:
    raise Reject(Fault(reason, pointer, repair))
