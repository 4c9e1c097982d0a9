"""
The quick way into events, for messages that certainly keep every rule: nearly all of them.

msgspec parses and validates them in one go, by the bounds of our pydantic models and in a fraction of the time. What it
does not see, a key that comes twice, is found by counting: each key has a colon, so in a message without escaped colons
there are just as many as there are keys that were read and colons in texts. Where that does not come out even, or
anything is wrong or only unusual (a time in another zone, an id that is not ASCII, an envelope), it is for
`worker.parse` to look closely.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any, Final, NamedTuple

import msgspec

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
from worker.forms import form_of, optional_in, readers_of
from worker.many import many
from worker.parse import MAX_NESTED, has_too_many_nested

_COLONS_OF_A_TIME: Final = 2
_ROOM_FOR_NESTED: Final = MAX_NESTED // 2
"""Bytes; in no shorter message there are too many."""
_USUAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII).fullmatch
_WHOLE_SECONDS: Final = b"0000-00-00T00:00:00Z"
_TO_NOUGHTS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_OTHER_ATTRIBUTES: Final = ("subject", "datacontenttype", "dataschema")
"""Texts of a CloudEvent that nothing depends on."""

_EventId = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_EVENT_ID_BYTES)]
_UNUSUAL: Final = (ValueError, RecursionError)
_other_attributes: Final = attrgetter(*_OTHER_ATTRIBUTES)
_NO_EVENT: Final = frozenset({"Type", "detail-type"})
"""Keys of envelopes."""
_MOST_LEVELS: Final = 16
_NESTED: Final = frozenset({dict, list})


class _Columns(NamedTuple):
    """What there is to know of n events, and their other attributes."""

    ids: list[str]
    times: list[str]
    sources: list[str]
    customers: list[Known]
    others: Sequence[str | None] = ()


class _Form:
    """One form of an event. Of its fields and of the customer's several may be absent."""

    def __init__(self, event: type[msgspec.Struct], customer: type[msgspec.Struct]) -> None:
        """
        Take a form.

        Args:
            event: What a whole event is read into.
            customer: What of it is the customer, in its `data`: the same in the plain form.
        """
        self.one, self.many = readers_of(event)
        self._is_cloud_event = event is not customer
        self._optional, self._optional_of_customer = attrgetter(*optional_in(event)), attrgetter(*optional_in(customer))
        self._most_keys = len(event.__struct_fields__)
        if self._is_cloud_event:
            self._most_keys += len(customer.__struct_fields__)
        self._strange = _NO_EVENT if self._is_cloud_event else _NO_EVENT | {"data", "specversion"}

    def columns(self, events: Sequence[Any]) -> _Columns:
        """Take events apart."""
        if not self._is_cloud_event:
            ids, times = [event.event_id for event in events], [event.event_time for event in events]
            return _Columns(ids, times, [PLAIN_SOURCE] * len(events), [*events])
        ids, times = [event.id for event in events], [event.time for event in events]
        sources, customers = [event.source for event in events], [event.data for event in events]
        others = list(chain.from_iterable(map(_other_attributes, events)))
        return _Columns(ids, times, sources, customers, others)

    def fewest_keys(self, events: Sequence[Any], customers: Sequence[Known]) -> int:
        """Count the keys that have a value; one that is null may be there as well."""
        absent = list(chain.from_iterable(map(self._optional_of_customer, customers))).count(None)
        if self._is_cloud_event:
            absent += list(chain.from_iterable(map(self._optional, events))).count(None)
        return len(events) * self._most_keys - absent

    def is_sound(self, bodies: Sequence[bytes]) -> bool:
        """Tell whether no key comes twice, known or not, and no key says that a message is something else."""
        if sum(map(len, bodies)) > MAX_MESSAGE_BYTES:
            return False  # what nobody knows may take much memory, and so is looked at in one message at a time
        read = map(msgspec.json.decode, bodies)
        events = list(chain.from_iterable(one if isinstance(one, list) else (one,) for one in read))
        if not self._strange.isdisjoint(chain.from_iterable(events)):
            return False
        return sum([body.count(b":") for body in bodies]) == _colons_in(events)


class Reader:
    """
    Reads messages whose events all have the fields that a model uses.

    Whatever is returned here, `worker.parse` and validation would return as well: a test compares them.
    """

    def __init__(self, needed: Collection[str]) -> None:
        plain = form_of(PlainCustomerUpdated, needed, base=Known, others={"event_id": _EventId, "event_time": str})
        self._plain = _Form(plain, plain)
        data = form_of(Customer, needed, base=Known)
        others = {"id": _EventId, "time": str, "data": data, **dict.fromkeys(_OTHER_ATTRIBUTES, str)}
        self._cloud_event = _Form(form_of(CustomerUpdated, (), others=others), data)

    def read(self, body: bytes, latest: str) -> list[Case] | None:
        """
        Return the events of a message, or None where it must be looked at closely.

        Args:
            body: The message as it came.
            latest: No event may have a later time than this, UTC with six digits of fraction.
        """
        if not body.startswith(b"["):
            return self.read_all([body], latest)
        if len(body) > MAX_MESSAGE_BYTES or has_too_many_nested(body):
            return None
        try:
            form = self._form(body, body)
            cases = _cases(form, form.many(body), body, [body], latest)
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
        longest = max(map(len, bodies))
        if longest > MAX_MESSAGE_BYTES or (longest > _ROOM_FOR_NESTED and any(map(has_too_many_nested, bodies))):
            return None
        together = b"".join(bodies)
        try:
            form = self._form(together, bodies[0])
            return _cases(form, [form.one(body) for body in bodies], together, bodies, latest)
        except _UNUSUAL:
            return None

    def _form(self, text: bytes, first: bytes) -> _Form:
        """Return the form that the first event has: an event of another lacks what is read, or has keys too many."""
        if b"\\" in text and b"\\u003a" in text.lower():
            raise ValueError("has a colon that is not counted")
        return self._cloud_event if b'"specversion"' in first else self._plain


@lru_cache(maxsize=16)
def reader(needed: tuple[str, ...]) -> Reader:
    """Return the one that reads messages for a model that uses these fields."""
    return Reader(needed)


def _cases(form: _Form, events: Sequence[Any], text: bytes, bodies: Sequence[bytes], latest: str) -> list[Case] | None:
    """
    Return what there is to decide on, or None where something is unusual; `text` is all of the bodies.

    No event has fewer colons than its known keys, its time and its texts. So if all together have no more, none has.
    """
    ids, times, sources, customers, others = form.columns(events)
    names = "".join(ids + [customer.customer_id for customer in customers])
    if not "".join(ids).isascii() or not names.isprintable():
        return None
    colons = text.count(b":") - _COLONS_OF_A_TIME * len(ids)
    fewest = form.fewest_keys(events, customers)
    if colons != fewest:
        colons -= names.count(":") + "".join(chain(sources, filter(None, others))).count(":")
        fewest += sum([len(consent.model_fields_set) for one in customers if (consent := one.consent) is not None])
    if colons != fewest and not form.is_sound(bodies):
        return None
    times = _canonical(times)
    return None if max(times, default="") > latest else many(Case, ids, times, sources, customers)


def _colons_in(objects: list[Any]) -> int:
    """Count the colons that these objects have if no key comes twice; raises ValueError for too many levels."""
    colons, level = 0, objects
    for _ in range(_MOST_LEVELS):
        keys = list(chain.from_iterable([one for one in level if type(one) is dict]))
        inner = list(chain.from_iterable([one.values() if type(one) is dict else one for one in level]))
        texts = [one for one in inner if type(one) is str]
        colons += len(keys) + "".join(keys).count(":") + "".join(texts).count(":")
        level = [one for one in inner if type(one) in _NESTED]
        if not level:
            return colons
    raise ValueError("too many levels")


def _canonical(times: list[str]) -> list[str]:
    """Write times of the usual form as `schemas.event.canonical_time` does; raises ValueError where one is not so."""
    together = "".join(times)
    is_whole = together.encode().translate(_TO_NOUGHTS) == _WHOLE_SECONDS * len(times) and "T24" not in together
    if not (is_whole or all(map(_USUAL_TIME, times))):
        raise ValueError
    for _ in map(datetime.fromisoformat, times):
        pass  # the calendar
    if is_whole:
        return [time[:-1] + ".000000Z" for time in times]
    return [f"{time[:19]}.{time[20:-1]:0<6}Z" for time in times]
