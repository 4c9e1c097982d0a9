"""
The quick way into events, for messages that certainly keep every rule: nearly all of them.

msgspec parses and validates them in one go, into dicts, by the bounds of our pydantic models and in a third of the
time. What it does not see, a key that comes twice, is found by counting: each key has a colon, so in a message without
escapes there are just as many colons as keys that were read and colons in texts. Where that does not come out even, or
anything is wrong or only unusual (a time in another zone, an id that is not ASCII, a field that is not known), it is
for `worker.parse` to look closely.
"""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple

import msgspec

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
from worker.forms import Read, fields_of, readers_of
from worker.many import many

_COLONS_OF_A_TIME: Final = 2
_USUAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII).fullmatch
_WHOLE_SECONDS: Final = len("2026-01-15T10:00:00Z")
_OTHER_ATTRIBUTES: Final = ("subject", "datacontenttype", "dataschema")
"""Texts of a CloudEvent that nothing depends on."""

_EventId = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_EVENT_ID_BYTES)]
_UNUSUAL: Final = (ValueError, RecursionError)
_Event = dict[str, Any]


class _Columns(NamedTuple):
    """What there is to know of n events, and how many colons their keys and other attributes account for."""

    ids: list[str]
    times: list[str]
    sources: list[str]
    customers: list[_Event]
    colons: int


class _Form(NamedTuple):
    """One form of an event: what reads one, what reads many, and what takes many apart."""

    one: Read
    many: Read
    columns: Callable[[list[_Event]], _Columns]


class Reader:
    """
    Reads messages whose events all have the fields that a model uses.

    Whatever is returned here, `worker.parse` and validation would return as well: a test compares them.
    """

    def __init__(self, needed: Collection[str]) -> None:
        plain = fields_of(PlainCustomerUpdated, needed, event_id=_EventId, event_time=str)
        data = fields_of(Customer, needed)
        others = dict.fromkeys(_OTHER_ATTRIBUTES, str)
        cloud_event = fields_of(CustomerUpdated, (), id=_EventId, time=str, data=data, **others)
        self._plain = _Form(*readers_of(plain), _of_plain)
        self._cloud_event = _Form(*readers_of(cloud_event), _of_cloud_events)

    def read(self, body: bytes, latest: str) -> list[Case] | None:
        """
        Return the events of a message, or None where it must be looked at closely.

        Args:
            body: The message as it came.
            latest: No event may have a later time than this, UTC with six digits of fraction.
        """
        if not body.startswith(b"["):
            return self.read_all([body], latest)
        if len(body) > MAX_MESSAGE_BYTES:
            return None
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
    ids, times, sources, customers, expected = form.columns(events)
    colons = text.count(b":") - expected - _COLONS_OF_A_TIME * len(ids)
    if (
        not "".join(ids).isascii()
        or not "".join(ids + [customer["customer_id"] for customer in customers]).isprintable()
    ):
        return None
    times = _canonical(times)
    cases = many(Case, ids, times, sources, customers)
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
