"""One customer update on the queue: CloudEvents 1.0, or the same fields without an envelope."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.customer import Customer, Name

CUSTOMER_UPDATED: Final = "bank.customer.updated.v1"
MAX_EVENTS_PER_MESSAGE: Final = 1000
MAX_MESSAGE_BYTES: Final = 1024 * 1024
MAX_EVENT_ID_BYTES: Final = 128
PLAIN_SOURCE: Final = "plain"
"""The source of an event in the plain form, which names none."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt](?!24)\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MICROSECOND_DIGITS: Final = 6
_UTC: Final = frozenset("Zz")


def canonical_time(text: str) -> str:
    """
    Return an RFC 3339 time as UTC with exactly six digits of fraction, so that the order of texts is that of times.

    Raises:
        PydanticCustomError: No RFC 3339 time with a zone, finer than a microsecond, or out of the calendar.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise PydanticCustomError("time_form", "not an RFC 3339 time with a zone, such as 2026-01-15T10:00:00Z")
    fraction = match[1] or "."
    if len(fraction) - 1 > _MICROSECOND_DIGITS:
        raise PydanticCustomError("time_precision", "finer than a microsecond; give at most six digits of fraction")
    try:
        moment = datetime.fromisoformat(text.upper())
        if match[2] in _UTC:  # so nearly all are written, and need no reckoning
            return f"{text[:10]}T{text[11:19]}{fraction:0<7}Z"
        return utc_text(moment)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("time_form", "no such date or time") from error


def utc_text(moment: datetime) -> str:
    """Write a moment with a zone as UTC with exactly six digits of fraction, as `2026-01-15T10:00:00.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _short_enough(event_id: str) -> str:
    if len(event_id.encode()) > MAX_EVENT_ID_BYTES:
        raise PydanticCustomError("id_too_long", f"longer than {MAX_EVENT_ID_BYTES} bytes in UTF-8")
    return event_id


EventId = Annotated[Name, AfterValidator(_short_enough)]
EventTime = Annotated[str, AfterValidator(canonical_time), WithJsonSchema({"type": "string", "format": "date-time"})]


class CustomerUpdated(BaseModel):
    """A customer update as a CloudEvents 1.0 structured JSON event. Other attributes are allowed and ignored."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True, title="Customer event")

    specversion: Literal["1.0"]
    id: EventId = Field(description="unique for the source; at most 128 bytes")
    source: Annotated[str, Field(min_length=1, max_length=1024)]
    type: Literal["bank.customer.updated.v1"]
    subject: str | None = Field(None, description="the customer's number; data.customer_id is what counts")
    time: EventTime = Field(description="when it became true, RFC 3339, at most microseconds")
    data: Customer


class PlainCustomerUpdated(Customer):
    """A customer update without an envelope: the fields of `data` with `event_id` and `event_time` beside them."""

    model_config = ConfigDict(title="Customer event, plain form")

    event_id: EventId = Field(description="unique; at most 128 bytes")
    event_time: EventTime = Field(description="when it became true, RFC 3339, at most microseconds")
