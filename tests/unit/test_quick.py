"""The quick way into events gives what the careful way gives, or stands back."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import BaseModel, Field, field_validator

from propensity.decision import Case
from schemas.customer import Customer
from schemas.event import MAX_MESSAGE_BYTES, canonical_time, utc_text
from tests.fuzz import NEEDED
from tests.helpers import NOW, bus_event, cloud_event, encoded, notification, plain_event
from tests.malformed import mutants
from worker.decode import MAX_AHEAD, decode
from worker.errors import Reject
from worker.forms import form_of
from worker.parse import MAX_NESTED
from worker.quick import Reader

PLAIN = encoded(plain_event())
QUICK = Reader(NEEDED)
LATEST = utc_text(NOW + MAX_AHEAD)
GOOD = (
    plain_event(),
    cloud_event(),
    plain_event(consent={"email": True}),
    cloud_event(consent={}),
    [plain_event(), plain_event(customer_id="2")],
    [cloud_event(), cloud_event(customer_id="2")],
    cloud_event() | {"datacontenttype": "application/json", "dataschema": "urn:bank:schema", "subject": "a:1"},
    plain_event(event_id="urn:bank:event:7", customer_id="a:b"),
    cloud_event(consent={"phone": True}) | {"source": "https://core.bank.example:8443/customers"},
    plain_event(highest_spend=49.0, mortgage=1e3),
    plain_event(loan_on_card=None, consent=None),
    [cloud_event(loan_on_card=None, consent={"sms": False}), cloud_event(loan_on_card=0)],
)


def both_ways(body: bytes) -> tuple[list[Case | Reject], list[Case | Reject]]:
    """Decode a message as it is, and without the quick way."""

    def decoded() -> list[Case | Reject]:
        try:
            return decode(body, NEEDED, NOW)
        except Reject as reject:
            return [reject]

    with pytest.MonkeyPatch.context() as patch:
        as_it_is = decoded()
        patch.setattr(Reader, "read", lambda *_: None)
        return as_it_is, decoded()


def told(cases: list[Case | Reject]) -> list[Any]:
    """Return what can be seen of each: types of numbers and digests too."""
    return [
        (c.faults, c.event_id, c.body)
        if isinstance(c, Reject)
        else (*c[:3], c.content_sha256, repr([getattr(c.customer, name) for name in Customer.model_fields]))
        for c in cases
    ]


def hazards() -> Iterator[bytes]:
    """Yield messages in which a careless reader would see a good event."""
    text = PLAIN.decode()
    for extra in (
        '"age": 25', '"x": 1', '"x": NaN', '"x": Infinity', '"x": [[[[]]]]', '"x": "\\u003a"',
        '"x": "a:b"', '"a\\u0067e": 25',
        '"x": {"y": 1, "y": 2}', '"consent": {"email": true, "email": false}', '"consent": {"email": true, "x": 1}',
        '"loan_on_card": null', '"loan_on_card": null, "loan_on_card": null', '"loan_on_card": null, "loan_on_card": 0',
        '"age": null', '"consent": null, "loan_on_card": null, "consent": null',
        '"consent": {"email": "yes"}', '"consent": null', '"age" :25', '"age": 25.0', '"age": 2.5e1', '"age": true',
        '"age": -0', '"mortgage": -0', '"mortgage": -0.0', '"mortgage": 1E5', '"mortgage": 1e6',
        '"mortgage": 1000000.0000001',
        '"age": 130', '"age": 131', '"age": 1e2', '"age": 99999999999999999999', '"security": 2', '"security": -1',
        f'"x": {"9" * 5000}', f'"x": {"9" * 400}', '"x": 1e400',
        f'"x": {"[" * 63}{"]" * 63}', f'"x": {"[" * 64}{"]" * 64}',
        '"x": "\\"\\\\:\\u003A"', '"x": "\\ud800"', '"x": "\\u0000"', '"x\\u003a": 1, "x:": 2', '"\\u0078": 1, "x": 2',
        '"customer_id": "\\u0032"', '"x": "\\\\u003a", "x": 1', '"x": "\\x"', '"consent": {"em\\u0061il": true}',
        '"x": {"a:b": [{"c": 1, "c": 2}]}', '"x": [{"y": "z:z"}]', '"a:b": ":"', '"": ""',
        '"é": "ü:"', '"Type": "Notification"',
        f'"x": {"[" * 5000}{"]" * 5000}', f'"x": {"[" * 5000}',
        '"mortgage": 1e400',
        '"mortgage": NaN', '"mortgage": 9007199254740993', '"mortgage": 0.1e-400', '"mortgage": 01',
        '"mortgage": "1"', '"mortgage": 123456.78901234567', '"customer_id": "2"', '"customer_id": "b:c"', '"age": 25,',
    ):  # fmt: skip
        yield f"{text[:-1]}, {extra}}}".encode()
        yield f"{{{extra}, {text[1:]}".encode()
        yield f"[{text}, {text[:-1]}, {extra}}}]".encode()
    yield from (
        b"\xef\xbb\xbf" + PLAIN,
        b" " + PLAIN,
        PLAIN + b" \n",
        PLAIN + b"x",
        b"[]",
        b"[" + PLAIN,
        b"[" + PLAIN + b"]",
    )
    yield from (encoded([[plain_event()]]), encoded([plain_event()] * 1001), encoded([plain_event(), cloud_event()]))
    yield from (encoded(notification(text)), encoded(bus_event(plain_event())), encoded(bus_event(cloud_event())))
    for time in ("2026-01-15T11:00:00+01:00", "2026-01-15t10:00:00z", "2026-02-30T10:00:00Z", "2026-01-15T10:00:60Z",
                 "2026-01-15T10:00:00.5Z", "2026-01-15T10:00:00.1234567Z", "20260115T100000.123Z",
                 "2026-W03-4T10:00:00Z",
                 "2026-01-15 10:00:00Z", "2026-01-15T10:00:00,5Z", "2026-01-15T24:00:00Z", "2026-01-15T10:00:00.Z",
                 "2026-01-15T10:00Z",
                 "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):  # fmt: skip
        yield encoded(plain_event(event_time=time))
    for name in ("\x7f", "a\u00a0b", "a\u0085b", "é", "x" * 128, "x" * 129, "é" * 128, "é" * 129, "", " ", "a\u2028b"):
        for field in ("customer_id", "event_id"):
            yield json.dumps(plain_event(**{field: name}), ensure_ascii=False).encode()
        yield json.dumps(cloud_event(source=name * 8), ensure_ascii=False).encode()
    yield encoded(cloud_event() | {"subject": None, "datacontenttype": 1})
    yield encoded(cloud_event() | {"subject": "[" * (MAX_NESTED + 1)})
    yield encoded(cloud_event(time="2026-01-15T10:00:00.25Z") | {"source": "urn:bank:core", "subject": "a:b"})
    yield encoded([plain_event(), plain_event(event_time="9999-12-31T23:59:59Z"), plain_event(level=None)])


@pytest.mark.parametrize("content", GOOD)
def test_a_good_message_is_read_the_quick_way(content: Any) -> None:  # noqa: ANN401  any JSON
    assert QUICK.read(encoded(content), LATEST) is not None
    as_it_is, carefully = both_ways(encoded(content))
    assert told(as_it_is) == told(carefully)
    assert all(isinstance(case, Case) for case in as_it_is)


@pytest.mark.parametrize("body", list(hazards()))
def test_what_hides_a_fault_comes_out_as_the_careful_way_says(body: bytes) -> None:
    as_it_is, carefully = both_ways(body)
    assert told(as_it_is) == told(carefully)


def test_of_thousands_of_altered_messages_each_comes_out_as_the_careful_way_says() -> None:
    """Also where one byte of a good message is another: each place, by each of the bytes that mean something."""
    one_byte = (
        PLAIN[:i] + bytes([byte]) + PLAIN[i + 1 :] for i in range(len(PLAIN)) for byte in b'":,{}[\\ 0e-\x00\xff'
    )
    bodies = [*(mutant.body for mutant in mutants(3000, seed=11)), *one_byte]
    differing = [body for body in bodies if (ways := both_ways(body)) and told(ways[0]) != told(ways[1])]
    assert differing == []
    assert 0 < sum(QUICK.read(body, LATEST) is not None for body in bodies) < len(bodies)


def test_messages_are_read_together_as_each_by_itself_or_not_at_all() -> None:
    """Of groups in which one message may be anything, at any place: what one has too much, none makes up for."""
    others = [*hazards(), *(mutant.body for mutant in mutants(1000, seed=7)), *map(encoded, GOOD)]
    taken = 0
    for number, other in enumerate(others):
        usual = [encoded(plain_event(f"evt-{n}", consent={"email": True})) for n in range(3)]
        bodies = [*usual[: number % 4], other, *usual[number % 4 :]]
        together = QUICK.read_all(bodies, LATEST)
        if together is not None:
            taken += 1
            assert told([*together]) == [one for body in bodies for one in told(both_ways(body)[1])]
    assert 0 < taken < len(others)


def test_messages_of_one_form_without_anything_unusual_are_read_together() -> None:
    for event in (plain_event, cloud_event):
        assert len(QUICK.read_all([encoded(event(f"evt-{n}")) for n in range(9)], LATEST) or ()) == 9
    assert QUICK.read_all([encoded(plain_event()), encoded(cloud_event())], LATEST) is None
    assert QUICK.read_all([encoded(plain_event()), encoded([plain_event()])], LATEST) is None


@given(some.datetimes(timezones=some.just(UTC)), some.integers(0, 6), some.sampled_from("Zz"))
def test_a_time_in_utc_is_written_as_reckoning_would_write_it(moment: datetime, digits: int, zone: str) -> None:
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    fraction = text[20 : 20 + digits]
    written = text[:19] + (f".{fraction}" if fraction else "") + zone
    assert canonical_time(written) == utc_text(datetime.fromisoformat(written.upper()))


def test_a_message_that_is_too_large_is_not_read() -> None:
    room = b" " * MAX_MESSAGE_BYTES
    assert QUICK.read(PLAIN + room, LATEST) is None
    assert QUICK.read(b"[" + PLAIN + room + b"]", LATEST) is None
    assert QUICK.read_all([PLAIN, PLAIN + room], LATEST) is None


def test_what_nobody_knows_is_looked_at_in_one_message_at_a_time() -> None:
    """However much of it there is, it takes no more memory than one message of the largest size does."""
    large = f'{PLAIN.decode()[:-1]}, "x": [{"[]," * (MAX_NESTED - 10)}[]]}}'.encode()
    bodies = [large] * 8
    tracemalloc.start()
    try:
        assert QUICK.read_all(bodies, LATEST) is None
        assert tracemalloc.get_traced_memory()[1] < 2 * sum(map(len, bodies))
    finally:
        tracemalloc.stop()
    assert len(QUICK.read(large, LATEST) or ()) == 1


class Even(BaseModel):
    number: int = Field(multiple_of=2)


class Odd(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def must_be_odd(cls, number: int) -> int:
        assert number % 2
        return number


@pytest.mark.parametrize("model", [Even, Odd])
def test_a_rule_that_the_quick_way_does_not_know_is_an_error_and_not_passed_over(model: type[BaseModel]) -> None:
    with pytest.raises(TypeError, match="the quick way knows no"):
        form_of(model, ())


@pytest.mark.parametrize(
    "unknown",
    [1, -0.5, "x", "a:b", None, True, [], {}, {"y": [1, "c:d", {"z:z": None}]}, [[[["e"]]]], 10**30, "Zürich"],
)
def test_a_field_that_is_not_known_is_passed_over_the_quick_way_and_seen_where_it_comes_twice(unknown: object) -> None:
    for event in ({**plain_event(), "x": unknown}, cloud_event(x=unknown), cloud_event() | {"x": unknown}):
        good = json.dumps(event, ensure_ascii=False)
        assert QUICK.read(good.encode(), LATEST) is not None
        assert QUICK.read_all([good.encode(), encoded(event)], LATEST) is not None
        twice = f'{good[:-1]}, "x": 1, "x": 1}}'.encode()
        assert QUICK.read(twice, LATEST) is None
        assert QUICK.read_all([good.encode(), twice, good.encode()], LATEST) is None
        assert told(both_ways(good.encode())[0]) == told(both_ways(good.encode())[1])


@pytest.mark.parametrize(
    "strange",
    [
        {"Type": "Notification", "Message": json.dumps(cloud_event())},
        {"detail-type": "x", "detail": cloud_event("evt-2")},
        {"data": 1},
        {"specversion": "1.0"},
        {"x": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]},
    ],
)
def test_an_event_that_may_be_an_envelope_or_of_another_form_is_for_the_careful_way(strange: dict[str, Any]) -> None:
    for body in (encoded({**plain_event(), **strange}), encoded([{**plain_event(), **strange}])):
        assert QUICK.read(body, LATEST) is None
        as_it_is, carefully = both_ways(body)
        assert told(as_it_is) == told(carefully)
