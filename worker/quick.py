"""
The quick way into events, for messages that certainly keep every rule: nearly all of them.

pydantic parses and validates them in one go. What it does not see, a key that comes twice, is found by counting: each
key has a colon, so in a message without escapes there are just as many colons as keys that were read and colons in
texts. Where that does not come out even, or anything is wrong, it is for `worker.parse` to look closely.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from pydantic import TypeAdapter, ValidationError

from schemas.event import MAX_EVENTS_PER_MESSAGE, MAX_MESSAGE_BYTES, CustomerUpdated, PlainCustomerUpdated

Event: TypeAlias = CustomerUpdated | PlainCustomerUpdated

_COLONS_OF_A_TIME: Final = 2
_PLAIN: Final = TypeAdapter(PlainCustomerUpdated).validator
_CLOUD_EVENT: Final = TypeAdapter(CustomerUpdated).validator
_PACKED_PLAIN: Final = TypeAdapter(list[PlainCustomerUpdated]).validator
_PACKED_CLOUD_EVENTS: Final = TypeAdapter(list[CustomerUpdated]).validator


def read(body: bytes) -> Sequence[Event] | None:
    """
    Return the events of a message, or None where it must be looked at closely.

    Whatever is returned here, `worker.parse` and validation would return as well: a test compares them.
    """
    if len(body) > MAX_MESSAGE_BYTES or b"\\" in body:
        return None
    is_cloud_event = b'"specversion"' in body
    events: Sequence[Event]
    try:
        if body.startswith(b"["):
            events = (_PACKED_CLOUD_EVENTS if is_cloud_event else _PACKED_PLAIN).validate_json(body)
        else:
            events = ((_CLOUD_EVENT if is_cloud_event else _PLAIN).validate_json(body),)
    except ValidationError:
        return None
    if not 0 < len(events) <= MAX_EVENTS_PER_MESSAGE:
        return None
    return events if body.count(b":") == sum(map(_colons, events)) else None


def _colons(event: Event) -> int:
    """Count the keys of an event and the colons in its texts; fields that are not known are not counted."""
    if isinstance(event, CustomerUpdated):
        customer = event.data
        texts = event.id + event.source + customer.customer_id + (event.subject or "")
        keys = len(event.model_fields_set) + len(customer.model_fields_set)
    else:
        customer = event
        texts = event.event_id + event.customer_id
        keys = len(event.model_fields_set)
    if customer.consent is not None:
        keys += len(customer.consent.model_fields_set)
    return keys + texts.count(":") + _COLONS_OF_A_TIME
