"""
Bytes from the queue become the JSON of events, out of their envelopes; or a `Reject` where that cannot be.

JSON as RFC 8259 has it, and stricter: no key twice in an object, no NaN, no deep nesting. Where such a rule is broken a
marker stands in what was parsed, so that of a thousand events in one message only the bad one is rejected.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from schemas.event import MAX_EVENTS_PER_MESSAGE, MAX_MESSAGE_BYTES
from worker.errors import Fault, Reject

MAX_DEPTH: Final = 64
MAX_NESTED: Final = 200_000
"""Arrays in a message; an object counts twice. A thousand events have some six thousand; many more take too long."""

_ENVELOPES: Final = 2  # EventBridge inside SNS is the deepest that AWS itself makes

Json: TypeAlias = Any
"""What `json` makes of a text, with markers in it."""


class Pack(NamedTuple):
    """The events of one message; and, where they are several of one array, each as it came."""

    elements: list[Json]
    texts: Sequence[str] = ()


class _Marker:
    """Stands in the parsed JSON where a rule of ours is broken."""

    def __init__(self, reason: str, repair: str) -> None:
        self.reason = reason
        self.repair = repair


def parse(body: bytes) -> Pack:
    """
    Parse a message and take it out of its envelopes.

    Raises:
        Reject: It is not JSON, too large, too deep, or no message of at least one and at most a thousand events.
    """
    content = _parsed(body)
    for _ in range(_ENVELOPES):
        content = _unwrapped(content)
    pack = content if isinstance(content, Pack) else Pack(content if isinstance(content, list) else [content])
    if not pack.elements:
        _reject("empty", "", "send at least one event")
    if len(pack.elements) > MAX_EVENTS_PER_MESSAGE:
        _reject("too_many_events", "", f"pack at most {MAX_EVENTS_PER_MESSAGE} events into a message")
    return pack


def check_rules(element: Json) -> None:
    """
    Look through an element, level by level.

    Raises:
        Reject: It has a marker anywhere inside, or more levels than there may be.
    """
    levels: list[list[Json]] = []
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


def _parsed(body: bytes) -> Json:
    """Return what the body holds: a `Pack` for an array."""
    if len(body) > MAX_MESSAGE_BYTES:
        _reject("too_large", "", f"send at most {MAX_MESSAGE_BYTES} bytes a message")
    if has_too_many_nested(body):
        _reject("too_large", "", f"send at most {MAX_NESTED} arrays, or half as many objects, in one message")
    decoder = _decoder(body)
    try:
        text = body.decode()
        begin = _after_space(text, 0)
        return _pack(decoder, text, begin + 1) if text.startswith("[", begin) else decoder.decode(text)
    except RecursionError:
        _reject("too_deep", "", _SHALLOWER)
    except UnicodeDecodeError as error:
        _reject("not_json", "", f"byte {error.start} is not UTF-8; encode the message as UTF-8")
    except json.JSONDecodeError as error:
        _reject("not_json", "", f"line {error.lineno}, column {error.colno}: {error.msg}")


def has_too_many_nested(body: bytes) -> bool:
    """Tell whether a message may have too many arrays and objects, brackets in its texts counted as well."""
    return 2 * len(body) > MAX_NESTED and body.count(b"[") + 2 * body.count(b"{") > MAX_NESTED


def _decoder(body: bytes) -> json.JSONDecoder:
    """Choose a decoder that reads the body's integers: Python converts none of too many digits, and asking costs."""
    has_long = len(body) >= len(_LONG_NUMBER) and _LONG_NUMBER in body.translate(_TO_NOUGHTS)
    return _JSON_WITH_LONG_NUMBERS if has_long else _JSON


def _pack(decoder: json.JSONDecoder, text: str, position: int) -> Pack:
    """Parse an array that begins before the position, element by element, but no more than one too many."""
    pack = Pack([], texts := [])
    position = _after_space(text, position)
    more = not text.startswith("]", position)
    while more:
        element, end = decoder.raw_decode(text, position)
        pack.elements.append(element)
        texts.append(text[position:end])
        if len(texts) > MAX_EVENTS_PER_MESSAGE:
            return pack
        position = _after_space(text, end)
        if more := text.startswith(",", position):
            position = _after_space(text, position + 1)
    if not text.startswith("]", position):
        raise json.JSONDecodeError("Expecting ',' delimiter", text, position)
    if (position := _after_space(text, position + 1)) != len(text):
        raise json.JSONDecodeError("Extra data", text, position)
    return pack if len(texts) > 1 else Pack(pack.elements)


def _after_space(text: str, position: int) -> int:
    """Return where the white space ends that may begin at the position."""
    return next(_SPACE.finditer(text, position)).end()


def _unwrapped(content: Json) -> Json:
    """Take the content out of one SNS notification or EventBridge event, if it is in one."""
    if not isinstance(content, dict):
        return content
    if content.get("Type") == "Notification" and isinstance(content.get("Message"), str):
        return _parsed(content["Message"].encode("utf-8", "surrogatepass"))
    if "detail-type" in content and "detail" in content:
        return content["detail"]
    return content


def _object(pairs: list[tuple[str, Json]]) -> Json:
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
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_LONG_NUMBER: Final = b"0" * 640  # the lowest limit of digits that Python can be given
_TO_NOUGHTS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_JSON: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_JSON_WITH_LONG_NUMBERS: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer
)


def _pointer(marker: _Marker, levels: list[list[Json]]) -> str:
    """Return where in an element a marker is, by the way up through the levels above it."""
    sought: Json = marker
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
