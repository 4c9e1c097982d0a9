"""Malformed messages of every kind that we could think of, small ones by chance and large ones by design."""

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.helpers import bus_event, cloud_event, encoded, notification, plain_event

CANARY: Final = 471147114711
"""Stands in every value that may turn up in a fault by mistake; no position in a message is so large."""

SMALL_BYTES: Final = 64 * 1024
LARGE_BYTES: Final = 1024 * 1024
_VALID: Final = Path(__file__).parent / "events" / "valid"


class Body(NamedTuple):
    """A message, and what was done to it."""

    kind: str
    body: bytes


def mutants(count: int, seed: int) -> Iterator[Body]:
    """Yield so many messages of at most 64 KiB, each with one to three things done to it."""
    chance = random.Random(seed)  # noqa: S311  it must repeat itself
    for _ in range(count):
        content = copy.deepcopy(chance.choice(_contents()))
        kinds = chance.choices(tuple(_OF_CONTENT), k=chance.choice((0, 1, 1, 2, 2)))
        for kind in kinds:
            content = _OF_CONTENT[kind](content, chance)
        body = encoded(content)
        if not kinds or chance.random() < 0.2:
            kinds.append(chance.choice(tuple(_OF_BYTES)))
            body = _OF_BYTES[kinds[-1]](body, chance)
        yield Body(" ".join(kinds), body[:SMALL_BYTES])


@cache
def _contents() -> Sequence[Any]:
    """Return the valid examples, and every form and envelope of an event whose values are canaries."""
    private: dict[str, Any] = {"customer_id": f"c{CANARY}", "nickname": str(CANARY), "consent": {"email": True}}
    events = [cloud_event(f"e{CANARY}", **private), plain_event(f"e{CANARY}", highest_spend=CANARY, **private)]
    packed = [*events, cloud_event("b", level=9), plain_event("c")]
    wrapped = [form for event in (*events, packed) for form in (bus_event(event), notification(json.dumps(event)))]
    twice = [notification(json.dumps(bus_event(event))) for event in events]
    examples = [json.loads(file.read_bytes()) for file in sorted(_VALID.iterdir())]
    return [*examples, *events, packed, *wrapped, *twice]


def _anything(chance: random.Random) -> Any:  # noqa: ANN401  any JSON
    """Return a value that is most likely wrong, whatever it stands for."""
    return chance.choice(
        (
            None, True, False, 0, -1, 2, CANARY, -CANARY, CANARY + 0.5, 1e308, -0.0, 10**400, 10**4300 - 1, 2**63, "",
            str(CANARY), f"{CANARY}\x00", "\ud800", "\udfff" * 9, "\ufeff", "é" * 65, str(CANARY) * 60, "x" * 5000,
            [], {}, [CANARY], {"email": str(CANARY)}, [[[[str(CANARY)]]]], float("nan"), float("inf"), -float("inf"),
            "2026-01-15T10:00:00Z", "2026-02-30T10:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
        )
    )  # fmt: skip


def _part(content: Any, chance: random.Random) -> Any:  # noqa: ANN401  any JSON
    """Return an object or array of the content that is not empty, or None."""
    parts, found = [content], []
    for part in parts:
        if isinstance(part, dict | list) and part:
            found.append(part)
            parts += part.values() if isinstance(part, dict) else part
    return chance.choice(found) if found else None


def _retyped(content: Any, chance: random.Random) -> Any:  # noqa: ANN401  any JSON
    part = _part(content, chance)
    if part is not None:
        part[chance.choice(list(part) if isinstance(part, dict) else range(len(part)))] = _anything(chance)
    return content


def _removed(content: Any, chance: random.Random) -> Any:  # noqa: ANN401  any JSON
    part = _part(content, chance)
    if part is not None:
        del part[chance.choice(list(part) if isinstance(part, dict) else range(len(part)))]
    return content


def _nested(content: Any, chance: random.Random) -> Any:  # noqa: ANN401  any JSON
    part, inner = _part(content, chance), _anything(chance)
    for _ in range(chance.choice((1, 3, 60, 61, 62, 63, 64, 65, 200))):
        inner = [inner] if chance.random() < 0.5 else {"x": inner}
    if isinstance(part, dict):
        part[chance.choice([*part, "another"])] = inner
    return content


def _everywhere(content: Any, names: Sequence[str], value: Any) -> Any:  # noqa: ANN401  any JSON
    """Put the value in place of every field of these names."""
    if isinstance(content, list):
        return [_everywhere(part, names, value) for part in content]
    if not isinstance(content, dict):
        return content
    return {name: value if name in names else _everywhere(part, names, value) for name, part in content.items()}


_IDS: Final = ("", " ", "x" * 128, "x" * 129, "é" * 65, f"{CANARY}\n", "a\x7f", 7, None, ["a"])
_TIMES: Final = (
    "2027-01-15T10:00:00Z", "2026-01-15T12:04:59Z", "2026-01-15T12:05:01Z", "2026-01-15T10:00:00", "2026-01-15",
    "2026-01-15T10:00:00.1234567Z", "2026-02-30T10:00:00Z", "", 1768471200, None,
)  # fmt: skip
_OF_CONTENT: Final[dict[str, Callable[[Any, random.Random], Any]]] = {
    "retyped": _retyped,
    "removed": _removed,
    "nested": _nested,
    "replaced": lambda _, chance: _anything(chance),
    "packed": lambda content, chance: [_anything(chance), content, content][: chance.randint(0, 3)],
    "mixed": lambda content, chance: [content, *(_anything(chance) for _ in range(chance.choice((1, 9))))],
    "crowded": lambda content, chance: [content, *[0] * chance.choice((998, 999, 1000, 1001))],
    "other id": lambda content, chance: _everywhere(content, ("id", "event_id", "customer_id"), chance.choice(_IDS)),
    "other time": lambda content, chance: _everywhere(content, ("time", "event_time"), chance.choice(_TIMES)),
    "in sns": lambda content, _: notification(json.dumps(content)),
    "in eventbridge": lambda content, _: bus_event(content),
    "in sns, cut": lambda content, chance: notification(json.dumps(content)[: chance.randint(0, 300)]),
}


def _put(body: bytes, chance: random.Random, what: bytes, *, over: int = 0) -> bytes:
    at = chance.randint(0, len(body))
    return body[:at] + what + body[at + over :]


def _key_twice(body: bytes, chance: random.Random) -> bytes:
    return body.replace(b"{", b'{"age": 1, "age": %d, ' % CANARY, chance.randint(1, 3))


def _a_number(body: bytes, chance: random.Random) -> bytes:
    """Put what Python or a lax reader may take for a number, or choke on, in place of one."""
    strange = (
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-",
        b"01",
        b"0x10",
        b"1.",
        b"+1",
        b"1e",
        b"9" * 5000,
        b"0." + b"1" * 5000,
    )
    return body.replace(chance.choice((b": 1", b": 0", b": 4")), b": " + chance.choice(strange), chance.randint(1, 3))


_NOT_UTF8: Final = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5")
_OF_BYTES: Final[dict[str, Callable[[bytes, random.Random], bytes]]] = {
    "cut off": lambda body, chance: body[: chance.randint(0, len(body))],
    "beginning lost": lambda body, chance: body[chance.randint(0, len(body)) :],
    "byte flipped": lambda body, chance: _put(body, chance, bytes([chance.randrange(256)]), over=1),
    "bytes put in": lambda body, chance: _put(body, chance, chance.randbytes(chance.randint(1, 4))),
    "not utf-8": lambda body, chance: _put(body, chance, chance.choice(_NOT_UTF8)),
    "mark put in": lambda body, chance: _put(body, chance, bytes([chance.choice(b'{}[]",:\\\x00\n')])),
    "bom": lambda body, _: b"\xef\xbb\xbf" + body,
    "utf-16": lambda body, _: body.decode().encode("utf-16"),
    "surrogate": lambda body, chance: _put(body, chance, b"\\ud800"),
    "key twice": _key_twice,
    "number": _a_number,
    "said twice": lambda body, _: body + b"\n" + body,
    "noise": lambda _, chance: chance.randbytes(chance.randint(0, 300)),
}  # fmt: skip


def giants(size: int) -> Iterator[Body]:
    """Yield messages of at most so many bytes, each the worst of its kind for whoever reads it."""
    for unit in _UNITS:
        for kind, head, tail in _AROUND:
            count = max(1, (size - len(head) - len(tail) + 1) // (len(unit) + 1))
            yield Body(f"{kind} {_brief(unit)}", head + b",".join([unit] * count) + tail)
    for unit in _EVENTS:
        count = min(1000, (size - 1) // (len(unit) + 1))
        yield Body(f"events {_brief(unit)}", b"[" + b",".join([unit] * count) + b"]")
        padded = unit[:-1] + b',"pad":"' + b"x" * max(0, size // 1000 - len(unit) - 12) + b'"}'
        yield Body(f"padded events {_brief(unit)}", (b"[" + b",".join([padded] * min(count, 1000)) + b"]")[:size])
    for unit in (b"x", b"\\u0041", b"\\ud800", b"\\ud83d\\ude00", b"\\n", b"\xc3\xa9", b"{", b"["):
        text = b'"' + unit * ((size - 400) // len(unit)) + b'"'
        yield Body(f"text of {_brief(unit)}", encoded(plain_event())[:-1] + b',"x":' + text + b"}")
        yield Body(f"key of {_brief(unit)}", b"{" + text + b":NaN}")
    keys = b",".join(b'"%06x":1' % number for number in range((size - 400) // 11))
    yield Body("keys", b"{" + keys + b"}")
    yield Body("keys, the last one twice", b"{" + keys + b',"000000":1}')
    yield from (
        Body(f"only {_brief(mark)}", mark * (size // len(mark))) for mark in (b"[", b'{"":', b" ", b"\\", b'"', b"\xff")
    )
    yield Body("line breaks", b"\n" * (size - 1) + b"x")
    yield Body("in sns", encoded(notification("[0," * (size // 4)))[:size])


def _brief(text: bytes) -> str:
    return text[:16].decode(errors="replace") + ("..." if len(text) > 16 else "")


_UNITS: Final = (
    b"0", b"-1", b"null", b"NaN", b"[]", b"{}", b"[0]", b'{"":0}', b'{"":0,"":0}', b'""', b'"\\n"', b"1e9", b"0.1",
    b"5e-324", b"1.7976931348623157e308", b"9" * 18, b"9" * 640, b"9" * 4000, b"9" * 4300, b"9" * 4301,
    b"0." + b"9" * 800, b"1" * 3000 + b"e-3000", b"[" * 61 + b"]" * 61, b"[" * 63 + b"]" * 63, b"[" * 900 + b"]" * 900,
    b'{"":' * 61 + b"0" + b"}" * 61,
)  # fmt: skip
_AROUND: Final = (
    ("array of", b"[", b"]"),
    ("field of", encoded(plain_event())[:-1] + b',"x":[', b"]}"),
    ("beside a bad event:", b'[0,{"x":[', b"]}]"),
    ("before a NaN:", b'{"x":[', b",NaN]}"),
    ("before many digits:", b'[0,{"x":[', b"," + b"9" * 5000 + b"]}]"),
    ("without an end:", b'{"x":[', b""),
)
_EVENTS: Final = (
    b"{}",
    encoded(plain_event()),
    encoded(cloud_event(consent={"email": True})),
    encoded(plain_event(level=9)),
    encoded(dict.fromkeys(plain_event(), "")),
    encoded({"data": dict.fromkeys(plain_event(), "") | {"consent": dict.fromkeys(("email", "sms", "phone"), 0)}}),
    b'{"data":{"consent":{"sms":0,"email":0,"phone":0},"age":""}}',
    b'{"age":"","level":"","mortgage":"","security":"","a":1}',
)
