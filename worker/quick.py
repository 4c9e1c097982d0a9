"""
The quick way into events, for messages that certainly keep every rule: nearly all of them.

pydantic parses and validates them in one go. What it does not see, a key that comes twice, is found by counting: each
key has a colon, so in a message without escapes there are just as many colons as keys that were read and colons in
texts. Where that does not come out even, or anything is wrong or only unusual (a time in another zone, an id that is
not ASCII), it is for `worker.parse` to look closely.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from propensity.decision import Case
from schemas.customer import Customer
from schemas.event import (
    MAX_EVENT_ID_BYTES,
    MAX_EVENTS_PER_MESSAGE,
    MAX_MESSAGE_BYTES,
    PLAIN_SOURCE,
    CustomerUpdated,
    PlainCustomerUpdated,
)

# These are checked without a call from pydantic's compiled code back into Python.
_AsciiId = Annotated[str, Field(pattern=r"^[ -~]+$", min_length=1, max_length=MAX_EVENT_ID_BYTES)]
_UtcTime = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$")]
_COLONS_OF_A_TIME: Final = 2


class _UsualPlain(PlainCustomerUpdated):
    event_id: _AsciiId
    event_time: _UtcTime


class _UsualCloudEvent(CustomerUpdated):
    id: _AsciiId
    time: _UtcTime


_PLAIN: Final = TypeAdapter(_UsualPlain).validator
_CLOUD_EVENT: Final = TypeAdapter(_UsualCloudEvent).validator
_PACKED_PLAIN: Final = TypeAdapter(list[_UsualPlain]).validator
_PACKED_CLOUD_EVENTS: Final = TypeAdapter(list[_UsualCloudEvent]).validator


def read(body: bytes) -> list[Case] | None:
    """
    Return the events of a message, or None where it must be looked at closely.

    Whatever is returned here, `worker.parse` and validation would return as well: a test compares them.
    """
    if len(body) > MAX_MESSAGE_BYTES or b"\\" in body:
        return None
    is_packed = body.startswith(b"[")
    try:
        if b'"specversion"' in body:
            events = _PACKED_CLOUD_EVENTS.validate_json(body) if is_packed else (_CLOUD_EVENT.validate_json(body),)
            cases, colons = _of_cloud_events(events)
        else:
            events = _PACKED_PLAIN.validate_json(body) if is_packed else (_PLAIN.validate_json(body),)
            cases, colons = _of_plain(events)
    except ValueError:  # pydantic's are, and a date that is none
        return None
    return cases if body.count(b":") == colons and 0 < len(cases) <= MAX_EVENTS_PER_MESSAGE else None


def _of_plain(events: Sequence[_UsualPlain]) -> tuple[list[Case], int]:
    """Return what there is to decide on, and how many colons the message must have."""
    colons = 0
    cases: list[Case] = []
    for event in events:
        texts = event.event_id + event.customer_id
        colons += len(event.model_fields_set) + _colons_of_consent(event) + texts.count(":") + _COLONS_OF_A_TIME
        cases.append(Case(event.event_id, _canonical(event.event_time), PLAIN_SOURCE, event))
    return cases, colons


def _of_cloud_events(events: Sequence[_UsualCloudEvent]) -> tuple[list[Case], int]:
    colons = 0
    cases: list[Case] = []
    for event in events:
        customer = event.data
        texts = event.id + event.source + customer.customer_id + (event.subject or "")
        keys = len(event.model_fields_set) + len(customer.model_fields_set) + _colons_of_consent(customer)
        colons += keys + texts.count(":") + _COLONS_OF_A_TIME
        cases.append(Case(event.id, _canonical(event.time), event.source, customer))
    return cases, colons


def _colons_of_consent(customer: Customer) -> int:
    return 0 if customer.consent is None else len(customer.consent.model_fields_set)


def _canonical(time: str) -> str:
    """Write a time of the usual form as `schemas.event.canonical_time` does; raises ValueError where there is none."""
    datetime.fromisoformat(time)
    return f"{time[:19]}.000000Z" if len(time) == len("2026-01-15T10:00:00Z") else f"{time[:-1]:0<26}Z"
