"""
The quick way into events, for messages that certainly keep every rule: nearly all of them.

msgspec parses and validates them in one go, into dicts, by the bounds of our pydantic models and in a third of the
time. What it does not see, a key that comes twice, is found by counting: each key has a colon, so in a message without
escapes there are just as many colons as keys that were read and colons in texts. Where that does not come out even, or
anything is wrong or only unusual (a time in another zone, an id that is not ASCII, a field that is not known), it is
for `worker.parse` to look closely.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NamedTuple, Required, Union, cast, get_args, get_origin

import annotated_types
import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict

from propensity.decision import Case
from schemas.customer import NO_CONTROLS, Customer, Known
from schemas.event import (
    MAX_EVENT_ID_BYTES,
    MAX_EVENTS_PER_MESSAGE,
    MAX_MESSAGE_BYTES,
    PLAIN_SOURCE,
    CustomerUpdated,
    PlainCustomerUpdated,
)

_COLONS_OF_A_TIME: Final = 2
_USUAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII).fullmatch
_WHOLE_SECONDS: Final = len("2026-01-15T10:00:00Z")
_OTHER_ATTRIBUTES: Final = ("subject", "datacontenttype", "dataschema")
"""Texts of a CloudEvent that nothing depends on."""

_EventId = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_EVENT_ID_BYTES)]
_UNUSUAL: Final = (ValueError, RecursionError)
_Event = dict[str, Any]
_Read = Callable[[bytes], Any]


class _Columns(NamedTuple):
    """What there is to know of n events, and how many keys they have."""

    ids: list[str]
    times: list[str]
    sources: list[str]
    customers: list[_Event]
    keys: int


class _Form(NamedTuple):
    """One form of an event: what reads one, what reads many, and what takes many apart."""

    one: _Read
    many: _Read
    columns: Callable[[list[_Event]], _Columns]


class Reader:
    """
    Reads messages whose events all have the fields that a model uses.

    Whatever is returned here, `worker.parse` and validation would return as well: a test compares them.
    """

    def __init__(self, needed: Collection[str]) -> None:
        plain = _fields(PlainCustomerUpdated, needed, event_id=_EventId, event_time=str)
        data = _fields(Customer, needed)
        others = dict.fromkeys(_OTHER_ATTRIBUTES, str)
        cloud_event = _fields(CustomerUpdated, (), id=_EventId, time=str, data=data, **others)
        self._plain = _Form(*_readers(plain), _of_plain)
        self._cloud_event = _Form(*_readers(cloud_event), _of_cloud_events)

    def read(self, body: bytes, latest: str) -> list[Case] | None:
        """
        Return the events of a message, or None where it must be looked at closely.

        Args:
            body: The message as it came.
            latest: No event may have a later time than this, UTC with six digits of fraction.
        """
        if not body.startswith(b"["):
            return self.read_all([body], latest)
        try:
            form = self._form(body)
            cases = _cases(form, form.many(body), body, latest)
        except _UNUSUAL:
            return None
        return cases if cases and len(cases) <= MAX_EVENTS_PER_MESSAGE else None

    def read_all(self, bodies: Sequence[bytes], latest: str) -> list[Case] | None:
        """
        Return the events of messages of one event each; None where any of them must be looked at closely, or is packed.

        Args:
            bodies: The messages.
            latest: As for `read`.
        """
        if max(map(len, bodies)) > MAX_MESSAGE_BYTES:
            return None
        together = b"".join(bodies)
        try:
            form = self._form(together)
            return _cases(form, [form.one(body) for body in bodies], together, latest)
        except _UNUSUAL:
            return None

    def _form(self, text: bytes) -> _Form:
        if b"\\" in text:
            raise ValueError("has an escape")
        return self._cloud_event if b'"specversion"' in text else self._plain


@lru_cache(maxsize=16)
def reader(needed: tuple[str, ...]) -> Reader:
    """Return the one that reads messages for a model that uses these fields."""
    return Reader(needed)


def _cases(form: _Form, events: list[_Event], text: bytes, latest: str) -> list[Case] | None:
    """
    Return what there is to decide on, or None where something is unusual.

    No event has fewer colons than its keys and its time account for. So if all together have no more, none has.
    """
    ids, times, sources, customers, keys = form.columns(events)
    colons = text.count(b":") - keys - _COLONS_OF_A_TIME * len(ids)
    if (
        not "".join(ids).isascii()
        or not "".join(ids + [customer["customer_id"] for customer in customers]).isprintable()
    ):
        return None
    times = _canonical(times)
    cases = list(map(Case, ids, times, sources, cast("list[Known]", customers)))
    if colons and colons != sum(map(_colons_inside, cases)):
        return None
    return None if max(times, default="") > latest else cases


def _of_plain(events: list[_Event]) -> _Columns:
    keys = sum(map(len, events))
    ids = [event.pop("event_id") for event in events]
    times = [event.pop("event_time") for event in events]
    return _Columns(ids, times, [PLAIN_SOURCE] * len(events), events, keys)  # what is left is known of the customers


def _of_cloud_events(events: list[_Event]) -> _Columns:
    customers = [event["data"] for event in events]
    colons = sum((event.get(name) or "").count(":") for event in events for name in _OTHER_ATTRIBUTES)
    keys = sum(map(len, events)) + sum(map(len, customers)) + colons
    ids, times, sources = ([event[name] for event in events] for name in ("id", "time", "source"))
    return _Columns(ids, times, sources, customers, keys)


def _colons_inside(case: Case) -> int:
    """Count the colons of what has any only sometimes."""
    consent = case.customer.get("consent")
    texts = case.event_id + case.source + case.customer["customer_id"]
    return texts.count(":") + (0 if consent is None else len(consent.model_fields_set))


def _canonical(times: list[str]) -> list[str]:
    """Write times of the usual form as `schemas.event.canonical_time` does; raises ValueError where one is not so."""
    if not all(map(_USUAL_TIME, times)):
        raise ValueError
    for _ in map(datetime.fromisoformat, times):
        pass  # the calendar
    return [f"{time[:19]}.000000Z" if len(time) == _WHOLE_SECONDS else f"{time[:-1]:0<26}Z" for time in times]


def _fields(model: type[BaseModel], needed: Collection[str], **others: Any) -> Any:  # noqa: ANN401  types as values
    """Return a model's fields as a `TypedDict`: others in place of some, or more; and none that is needed may lack."""
    fields = {
        name: others.get(name) or _kind(field, is_needed=name in needed) for name, field in model.model_fields.items()
    }
    required = {name for name, field in model.model_fields.items() if field.is_required()} | set(needed)
    every = {name: Required[kind] if name in required else kind for name, kind in {**others, **fields}.items()}
    make: Any = TypedDict  # a type checker wants to see the names, which only the model knows
    return make("form", every, total=False)


def _kind(field: FieldInfo, *, is_needed: bool) -> Any:  # noqa: ANN401
    """Return what msgspec takes for the type of a field; raises TypeError where a rule would be lost."""
    kinds = get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else (field.annotation,)
    bounded = [_bounded(kind, field.metadata) for kind in kinds if not (is_needed and kind is NoneType)]
    return Union[tuple(bounded)]  # noqa: UP007  of a tuple


def _bounded(kind: Any, metadata: Iterable[object]) -> Any:  # noqa: ANN401
    if get_origin(kind) is Annotated:
        kind, *inner = get_args(kind)
        metadata = [one for info in inner for one in info.metadata]
    bounds = {name: value for one in metadata for name, value in _bound(one)}
    return Annotated[kind, msgspec.Meta(**bounds)] if bounds and kind is not NoneType else kind


def _bound(rule: object) -> Iterator[tuple[str, Any]]:
    match rule:
        case annotated_types.Ge(ge=least):
            yield "ge", least
        case annotated_types.Le(le=most):
            yield "le", most
        case annotated_types.MinLen(min_length=least):
            yield "min_length", least
        case annotated_types.MaxLen(max_length=most):
            yield "max_length", most
        case object(pattern=pattern) if pattern == NO_CONTROLS:
            pass  # `_case` lets fewer characters through
        case _:
            raise TypeError(f"the quick way knows no rule like {rule!r}")


def _readers(form: Any) -> tuple[_Read, _Read]:  # noqa: ANN401
    """Return what reads one from JSON, and many."""

    def model(kind: type[BaseModel], value: object) -> BaseModel:
        return kind.model_validate(value)

    return msgspec.json.Decoder(form, dec_hook=model).decode, msgspec.json.Decoder(list[form], dec_hook=model).decode
