"""Whatever comes, it becomes events or a `Reject`, and nothing that is said of it quotes it."""

import copy
import json
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from propensity.decision import Case
from tests.helpers import (
    NOW,
    bus_event,
    cloud_event,
    customer,
    decoded,
    encoded,
    message,
    notification,
    plain_event,
    reasons,
    rejected,
)
from worker.errors import REASONS, Reject
from worker.quarantine import quarantine_record, read_record

CANARY: Final = "canary-4711"


@pytest.mark.parametrize("digits", [400, 4_000, 4_300, 5_000, 500_000])
@pytest.mark.parametrize("field", ["level", "highest_spend", "unknown"])
def test_a_number_of_very_many_digits_is_a_reject_or_ignored(digits: int, field: str) -> None:
    body = encoded({**plain_event(), field: 1}).replace(
        f'"{field}": 1'.encode(), f'"{field}": '.encode() + b"9" * digits
    )
    assert set(reasons(body)) <= {"out_of_bounds", "wrong_type"} | ({""} if field == "unknown" else set())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"\xef\xbb\xbf" + encoded(plain_event()), "not_json"),
        (encoded(plain_event()).decode().encode("utf-16"), "not_json"),
        (b"\x00", "not_json"),
        (encoded(plain_event()) + b"\n{}", "not_json"),
        (b"NaN", "not_finite"),
        (b"null", "not_an_event"),
        (b"[[]]", "not_an_event"),
        (b"[]", "empty"),
        (encoded(notification("{")), "not_json"),
        (encoded(notification("\ud800")), "not_json"),
        (encoded(bus_event([])), "empty"),
        (encoded(plain_event(customer_id="\ud800")), "wrong_type"),
        (encoded(plain_event("\ud800")), "wrong_type"),
        (encoded({**cloud_event(), "type": "\ud800"}), "unknown_type"),
        (encoded({**cloud_event(), "type": ["bank.customer.updated.v1"]}), "unknown_type"),
        (encoded({**cloud_event(), "specversion": 1.0}), "unknown_type"),
    ],
    # Without backslashes, which pytest does not find again when it is asked for one of these.
    ids=lambda value: value if isinstance(value, str) else repr(value[:24]).replace("\\", "/"),
)
def test_what_is_no_event_is_rejected_with_its_reason(body: bytes, reason: str) -> None:
    assert reasons(body) == [reason]


JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**400, "\ud800", "\x00", 1e308]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"a": "\\ud800"}')
@example(b'"\\')
def test_arbitrary_bytes_are_read_or_rejected(body: bytes) -> None:
    assert all(reason in REASONS or reason == "" for reason in reasons(body))


@given(st.data())
def test_a_mutated_event_is_read_or_rejected_and_can_be_quarantined(data: st.DataObject) -> None:
    event = copy.deepcopy(data.draw(st.sampled_from([cloud_event(consent={"email": True}), plain_event()])))
    for _ in range(data.draw(st.integers(1, 3))):
        part = data.draw(st.sampled_from([event, *(value for value in event.values() if isinstance(value, dict))]))
        name = data.draw(st.sampled_from([*part, "another"]) | st.text(max_size=5))
        part[name] = data.draw(JSON)
    body = encoded(data.draw(st.sampled_from([event, [event, plain_event("other")], notification(json.dumps(event))])))
    for position, found in enumerate(decoded(body)):
        if isinstance(found, Reject):
            assert {fault.reason for fault in found.faults} <= set(REASONS)
            record = read_record(quarantine_record("queue", message(body), position, found, NOW))
            assert record.reason == found.reason


@given(st.integers(0, 500), st.binary(min_size=1, max_size=4), st.booleans())
def test_an_event_with_bytes_changed_is_read_or_rejected(at: int, put: bytes, packed: bool) -> None:
    body = encoded([cloud_event(), plain_event()] if packed else cloud_event())
    assert all(reason in REASONS or reason == "" for reason in reasons(body[:at] + put + body[at + len(put) :]))


@pytest.mark.parametrize("name", [*customer(), "loan_on_card", "consent"])
def test_no_fault_quotes_a_value(name: str) -> None:
    """A text where it does not belong, a number out of bounds, and a neighbour that is private."""
    for value in (CANARY, [CANARY], {"email": CANARY}, {CANARY: 1}, 47114711, -4711.5, f"\x00{CANARY}", CANARY * 30):
        data: dict[str, Any] = {name: value}
        for content in (cloud_event(CANARY, **data), plain_event(CANARY, **data)):
            for found in decoded(content):
                if isinstance(found, Reject):
                    assert "4711" not in f"{found} {found.faults}"


@pytest.mark.parametrize(
    "form", ["{", '{"a": %s', '{"customer_id": "%s" "a"}', '{"a": "\\%s"}', '"%s', "[%s]", '{"a": "%s\x01"}']
)
def test_no_fault_of_broken_json_quotes_it(form: str) -> None:
    assert CANARY not in str(rejected(form.replace("%s", CANARY).encode()).faults)


@pytest.mark.parametrize("field", ["id", "time", "source", "type", "specversion", "subject"])
def test_no_fault_of_an_envelope_quotes_it(field: str) -> None:
    for value in (CANARY * 200, [CANARY], f"\x00{CANARY}"):
        for found in decoded({**cloud_event(), field: value}):
            assert isinstance(found, Case) or CANARY not in f"{found} {found.faults}"
