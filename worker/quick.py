"""
The quick way into events, for messages that certainly keep every rule: nearly all of them.

pydantic parses and validates them in one go, into dicts. What it does not see, a key that comes twice, is found by
counting: each key has a colon, so in a message without escapes there are just as many colons as keys that were read and
colons in texts. Where that does not come out even, or anything is wrong or only unusual (a time in another zone, an id
that is not ASCII, a field that is not known), it is for `worker.parse` to look closely.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, Final, NamedTuple, Required, Union, cast, get_args

from pydantic import BaseModel, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from propensity.decision import Case
from schemas.customer import Customer, Known
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
_WHOLE_SECONDS: Final = len("2026-01-15T10:00:00Z")
_OTHER_ATTRIBUTES: Final = ("subject", "datacontenttype", "dataschema")
"""Texts of a CloudEvent that nothing depends on."""

_Event = dict[str, Any]
_Read = Callable[[bytes], Any]


class _Form(NamedTuple):
    """One form of an event: what reads one, what reads many, and what makes a case of one and counts its keys."""

    one: _Read
    many: _Read
    case: Callable[[_Event], tuple[Case, int]]


class Reader:
    """Reads messages whose events all have the fields that a model uses."""

    def __init__(self, needed: Collection[str]) -> None:
        plain = _fields(PlainCustomerUpdated, needed, event_id=_AsciiId, event_time=_UtcTime)
        data = _fields(Customer, needed)
        others = dict.fromkeys(_OTHER_ATTRIBUTES, str)
        cloud_event = _fields(CustomerUpdated, (), id=_AsciiId, time=_UtcTime, data=data, **others)
        self._plain = _Form(*_readers(plain), _of_plain)
        self._cloud_event = _Form(*_readers(cloud_event), _of_cloud_event)

    def read(self, body: bytes, latest: str) -> list[Case] | None:
        """
        Return the events of a message, or None where it must be looked at closely.

        Whatever is returned here, `worker.parse` and validation would return as well: a test compares them.

        Args:
            body: The message as it came.
            latest: No event may have a later time than this, UTC with six digits of fraction.
        """
        if len(body) > MAX_MESSAGE_BYTES or b"\\" in body:
            return None
        form = self._cloud_event if b'"specversion"' in body else self._plain
        try:
            if body.startswith(b"["):
                read = [form.case(event) for event in form.many(body)]
                cases, keys = [case for case, _ in read], sum(count for _, count in read)
            else:
                case, keys = form.case(form.one(body))
                cases = [case]
        except ValueError:  # pydantic's are, and a date that is none
            return None
        colons = body.count(b":") - keys
        if colons and colons != sum(map(_colons_inside, cases)):
            return None
        for case in cases:
            if case.event_time > latest:
                return None
        return cases if 0 < len(cases) <= MAX_EVENTS_PER_MESSAGE else None


@lru_cache(maxsize=16)
def reader(needed: tuple[str, ...]) -> Reader:
    """Return the one that reads messages for a model that uses these fields."""
    return Reader(needed)


def _of_plain(event: _Event) -> tuple[Case, int]:
    """Return what there is to decide on, and how many colons its keys and its time have."""
    keys = len(event) + _COLONS_OF_A_TIME
    # What is left is what is known of the customer.
    return Case(event.pop("event_id"), _canonical(event.pop("event_time")), PLAIN_SOURCE, cast("Known", event)), keys


def _of_cloud_event(event: _Event) -> tuple[Case, int]:
    customer = event["data"]
    keys = len(event) + len(customer) + _COLONS_OF_A_TIME
    keys += sum((event.get(name) or "").count(":") for name in _OTHER_ATTRIBUTES)
    return Case(event["id"], _canonical(event["time"]), event["source"], customer), keys


def _colons_inside(case: Case) -> int:
    """Count the colons of what has any only sometimes."""
    consent = case.customer.get("consent")
    texts = case.event_id + case.source + case.customer["customer_id"]
    return texts.count(":") + (0 if consent is None else len(consent.model_fields_set))


def _canonical(time: str) -> str:
    """Write a time of the usual form as `schemas.event.canonical_time` does; raises ValueError where there is none."""
    datetime.fromisoformat(time)
    return f"{time[:19]}.000000Z" if len(time) == _WHOLE_SECONDS else f"{time[:-1]:0<26}Z"


def _fields(model: type[BaseModel], needed: Collection[str], **others: Any) -> Any:  # noqa: ANN401  types as values
    """Return a model's fields as a `TypedDict`: narrower where others are given, and with all that is needed."""
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if name in needed:
            kind = Union[tuple(one for one in get_args(kind) if one is not NoneType)]  # noqa: UP007  of a tuple
        if field.metadata:
            kind = Annotated[kind, *field.metadata]
        fields[name] = Required[kind] if field.is_required() or name in needed else kind
    fields |= {name: Required[kind] if name in fields else kind for name, kind in others.items()}
    form = TypedDict("form", fields, total=False)  # type: ignore[misc]  # names that only the model knows
    return with_config(model.model_config)(form)


def _readers(form: Any) -> tuple[_Read, _Read]:  # noqa: ANN401  a type as a value
    """Return what reads one from JSON, and many."""
    return TypeAdapter(form).validator.validate_json, TypeAdapter(list[form]).validator.validate_json
