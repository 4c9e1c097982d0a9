"""The trust boundary: every form and envelope of an event, and a reason for each one that is rejected."""

import json
from datetime import timedelta
from typing import Any, Final

import pytest

from propensity.decision import Case
from tests.helpers import (
    NOW,
    accepted,
    bus_event,
    cloud_event,
    customer,
    decoded,
    encoded,
    nested,
    notification,
    plain_event,
    reasons,
    rejected,
)
from worker.errors import REASONS, Reject


def test_both_forms_of_an_event_say_the_same() -> None:
    whole, plain = accepted(cloud_event("evt-7", customer_id="42")), accepted(plain_event("evt-7", customer_id="42"))
    assert whole.content_sha256 == plain.content_sha256
    assert (whole.event_id, whole.event_time) == (plain.event_id, plain.event_time)
    assert whole.customer.customer_id == plain.customer.customer_id == "42"
    assert (whole.source, plain.source) == ("/core-banking/customers", "plain")


def test_the_digest_is_that_of_the_content_however_it_is_written() -> None:
    usual = accepted(cloud_event(highest_spend=49, mortgage=0)).content_sha256
    same = [
        cloud_event(highest_spend=49.0, mortgage=0.0),
        encoded(cloud_event(highest_spend=49)).replace(b'"highest_spend": 49', b'"highest_spend": 4.9e1'),
        json.dumps(cloud_event(), indent=4, sort_keys=True).encode(),
        cloud_event(nickname="unknown fields do not count"),
        cloud_event("evt-2", "2026-01-15T11:00:00Z"),
        cloud_event(loan_on_card=None),
    ]
    assert {accepted(content).content_sha256 for content in same} == {usual}
    others = [cloud_event(highest_spend=50), cloud_event(age=26), cloud_event(consent={}), cloud_event(customer_id="2")]
    assert len({accepted(content).content_sha256 for content in others} - {usual}) == len(others)


def test_the_digest_of_a_content_is_the_one_that_stores_hold_from_before() -> None:
    """Another way to make it would turn every event that comes again after a new release into a conflict."""
    assert accepted(cloud_event()).content_sha256 == "1291f8ccb8d5aed2c4bc002b4204ae5d68afc71ec3d9662165498d8e56409c50"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda event: event,
        lambda event: [event],
        lambda event: notification(json.dumps(event)),
        lambda event: notification(json.dumps([event])),
        bus_event,
        lambda event: bus_event([event]),
        lambda event: notification(json.dumps(bus_event(event))),
    ],
)
@pytest.mark.parametrize("event", [cloud_event("evt-3"), plain_event("evt-3")], ids=["cloud event", "plain"])
def test_an_event_is_found_in_every_envelope(event: dict[str, Any], wrap: Any) -> None:  # noqa: ANN401  one of the above
    assert accepted(wrap(event)).event_id == "evt-3"


@pytest.mark.parametrize(
    "field",
    [{"Message": "{"}, {"Type": "Notification"}, {"Type": "Notification", "Message": 7}, {"detail": {}}],
    ids=str,
)
def test_an_event_with_a_field_that_an_envelope_has_too_is_an_event(field: dict[str, Any]) -> None:
    assert accepted({**plain_event("evt-3"), **field}).event_id == "evt-3"


def test_a_pack_is_read_in_order_and_may_mix_both_forms() -> None:
    found = decoded([cloud_event("a"), plain_event("b"), cloud_event("c", customer_id="2")])
    assert [case.event_id for case in found if isinstance(case, Case)] == ["a", "b", "c"]


BAD_ELEMENTS: Final = {
    "duplicate_key": b'{"event_id": "x", "event_id": "x"}',
    "not_finite": encoded(plain_event()).replace(b"1.6", b"NaN"),
    "wrong_type": encoded(plain_event(highest_spend="49")),
    "out_of_bounds": encoded(plain_event()).replace(b'"level": 1', b'"level": ' + b"1" * 5000),
    "too_deep": encoded({**plain_event(), "extra": nested(64)}),
    "not_an_event": b'"text"',
    "bad_time": encoded(plain_event(time="today")),
    "missing_field": b"{}",
}


@pytest.mark.parametrize("reason", BAD_ELEMENTS)
def test_a_bad_event_in_a_pack_is_rejected_alone(reason: str) -> None:
    bad = BAD_ELEMENTS[reason]
    pack = b"[" + b",".join([encoded(plain_event("a")), bad, encoded(cloud_event("c"))]) + b"]"
    assert reasons(pack) == ["", reason, ""]
    [_, alone, _] = decoded(pack)
    assert isinstance(alone, Reject)
    assert alone.body is None or reasons(alone.body) == [reason]


def test_a_bad_event_of_a_pack_is_handed_on_without_its_neighbours() -> None:
    [_, reject] = decoded([plain_event("a"), plain_event("b", level=9, nickname="ünïcode")])
    assert isinstance(reject, Reject)
    assert reject.event_id == "b"
    assert reject.body is not None
    assert json.loads(reject.body) == plain_event("b", level=9, nickname="ünïcode")


def test_every_fault_of_an_event_is_told_with_its_pointer_and_a_repair() -> None:
    faults = rejected(cloud_event(level=4, highest_spend="49", security=...)).faults
    assert {(fault.pointer, fault.reason) for fault in faults} == {
        ("/data/level", "out_of_bounds"),
        ("/data/highest_spend", "wrong_type"),
    }
    assert all(fault.repair for fault in faults)
    for event, pointer in ((plain_event(security=...), "/security"), (cloud_event(security=...), "/data/security")):
        [missing] = rejected(event).faults
        assert (missing.pointer, missing.reason) == (pointer, "missing_field")


BAD_MESSAGES: Final = {
    "not_json": b"",
    "empty": b"[]",
    "too_many_events": encoded([0] * 1001),
    "too_large": b" " * (1024 * 1024 + 1),
    "too_deep": b"[" * 5000,
}


@pytest.mark.parametrize(
    "body",
    [*BAD_MESSAGES.values(), b"\xff", b"[" * 200_001, BAD_ELEMENTS["too_deep"], b"7"],
    ids=[*BAD_MESSAGES, "no UTF-8", "arrays", "levels", "number"],
)
def test_what_is_wrong_as_a_whole_is_told_without_a_pointer_and_with_a_repair(body: bytes) -> None:
    [fault] = rejected(body).faults
    assert fault.pointer == ""
    assert fault.repair


@pytest.mark.parametrize(
    "event",
    [*BAD_ELEMENTS.values(), plain_event(security=...), plain_event(time="2999-01-01T00:00:00Z")],
    ids=[*BAD_ELEMENTS, "missing", "future"],
)
def test_every_rejected_event_is_told_what_would_mend_it(event: object) -> None:
    assert all(fault.repair for fault in rejected(event).faults)


@pytest.mark.parametrize("attribute", ["specversion", "data"])
def test_a_cloud_event_that_lacks_an_attribute_is_not_taken_for_the_plain_form(attribute: str) -> None:
    event = {name: value for name, value in cloud_event().items() if name != attribute}
    assert [(fault.pointer, fault.reason) for fault in rejected(event).faults] == [(f"/{attribute}", "missing_field")]


@pytest.mark.parametrize(
    "wrong", [{"level": 9}, {"security": ...}, {"time": "2999-01-01T00:00:00Z"}], ids=["bounds", "missing", "future"]
)
def test_a_rejected_event_is_named_where_its_id_can_be_read(wrong: dict[str, Any]) -> None:
    longest = "x" * 128
    assert rejected(cloud_event(longest, **wrong)).event_id == longest
    assert rejected(plain_event(longest, **wrong)).event_id == longest
    for unreadable in (longest + "x", 7, None):
        assert rejected({**cloud_event(), "id": unreadable}).event_id is None
        assert rejected({**plain_event(), "event_id": unreadable}).event_id is None


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"extra": [0, [1, float("nan")]]}, "/extra/1/1"),
        ({"extra": [{"a": 0}, {"b": [float("inf")]}]}, "/extra/1/b/0"),
        ({"age": float("nan"), "extra": [float("nan")]}, "/age"),
    ],
    ids=["in lists", "in an object of a list", "the one that is least deep"],
)
def test_the_pointer_leads_to_what_is_wrong_through_lists_and_objects(wrong: dict[str, Any], pointer: str) -> None:
    [fault] = rejected({**plain_event(), **wrong}).faults
    assert (fault.reason, fault.pointer) == ("not_finite", pointer)


def test_only_what_the_model_uses_is_needed() -> None:
    left_out: dict[str, Any] = dict.fromkeys(set(customer()) - {"customer_id", "level"}, ...)
    lean = plain_event(**left_out)
    [case] = decoded(lean, needed=("level",))
    assert isinstance(case, Case)
    [reject] = decoded(lean, needed=("level", "age"))
    assert isinstance(reject, Reject)
    assert [(fault.reason, fault.pointer) for fault in reject.faults] == [("missing_field", "/age")]


@pytest.mark.parametrize("time", ["2026-01-15T10:00:00Z", "2026-01-15T12:00:00+02:00", "2026-01-15T04:30:00.000-05:30"])
def test_times_of_all_zones_become_utc_at_microseconds(time: str) -> None:
    assert accepted(cloud_event(time=time)).event_time == "2026-01-15T10:00:00.000000Z"


def test_an_event_may_lie_five_minutes_ahead_and_not_a_microsecond_more() -> None:
    latest = NOW + timedelta(minutes=5)
    assert accepted(cloud_event(time=latest.isoformat()))
    over = (latest + timedelta(microseconds=1)).isoformat()
    assert rejected(cloud_event(time=over)).reason == "future_event"
    assert rejected(cloud_event(time=over)).faults[0].pointer == "/time"
    assert rejected(plain_event(time=over)).faults[0].pointer == "/event_time"


def test_64_levels_are_read_and_65_are_not() -> None:
    assert accepted({**plain_event(), "extra": nested(63)})
    assert rejected({**plain_event(), "extra": nested(64)}).reason == "too_deep"
    for depth in (900, 3_000, 200_000):
        assert rejected(b"[" * depth + b"]" * depth).reason == "too_deep"


def test_a_thousand_events_of_one_mebibyte_are_read_and_no_more() -> None:
    events = [plain_event(f"evt-{number}") for number in range(1001)]
    assert reasons(events[:1000]) == [""] * 1000
    assert reasons(events) == ["too_many_events"]
    largest = encoded(plain_event()).ljust(1024 * 1024)
    assert reasons(largest) == [""]
    assert reasons(largest + b" ") == ["too_large"]


@pytest.mark.parametrize(("nested_value", "most"), [([], 199_997), ({}, 99_998)], ids=["arrays", "objects"])
def test_so_many_arrays_or_half_as_many_objects_are_read_and_no_more(nested_value: object, most: int) -> None:
    """Of 200,000 the event itself takes two, and the list that holds the others one."""
    assert reasons({**plain_event(), "extra": [nested_value] * most}) == [""]
    assert reasons({**plain_event(), "extra": [nested_value] * (most + 1)}) == ["too_large"]


def test_every_reason_can_come_up() -> None:
    """But for `event_id_conflict`, which needs two events: see `test_pipeline.py`."""
    seen = {
        *BAD_ELEMENTS,
        *(reason for body in BAD_MESSAGES.values() for reason in reasons(body)),
        *reasons(plain_event("")),
        *reasons({**cloud_event(), "type": "other"}),
        *reasons(plain_event(time="2999-01-01T00:00:00Z")),
    }
    assert seen == set(REASONS) - {"event_id_conflict"}
