"""What the demo sends: every customer once, and planted among them what a real queue brings as well."""

import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from leadline.sample import SampleEvent, cloud_event, plain_event, sample_customers, sample_events

Kind = Literal["current", "stale", "duplicate", "malformed"]

_START: Final = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
_ONE_IN: Final = {"malformed": 200, "duplicate": 100, "stale": 200, "borrower": 500}
"""One malformed event for so many customers, and so on; at least one of each."""


class Planned(NamedTuple):
    """One message, and what it is. A malformed one has no event that could be named."""

    body: bytes
    kind: Kind
    customer_id: str
    event_id: str
    event_time: str


class Plan(NamedTuple):
    """All messages, in the order in which they are sent."""

    messages: list[Planned]
    borrowers: int

    def count(self, kind: Kind) -> int:
        """Count the messages of one kind."""
        return sum(message.kind == kind for message in self.messages)


def make_plan(customers: int, seed: int = 1) -> Plan:
    """
    Plan the demo's messages: the same ones for the same arguments.

    The events are the moment before the campaign: they carry no `loan_on_card`, but for a few planted borrowers.
    """
    chance = random.Random(seed)  # noqa: S311  a demo, no secret
    events = list(sample_events(list(sample_customers(customers)), "evt", _START))
    borrowers = chance.sample(events, _planted(customers, "borrower"))
    for event in borrowers:
        event.data["loan_on_card"] = 1
    messages = [_current(event, chance) for event in events]
    chance.shuffle(messages)
    stale = [_stale(event) for event in chance.sample(events, _planted(customers, "stale"))]
    twice = [m._replace(kind="duplicate") for m in chance.sample(messages, _planted(customers, "duplicate"))]
    for extra in (*stale, *twice):
        _insert_after_current(messages, extra, chance)
    for message in _malformed(chance.choices(events, k=_planted(customers, "malformed"))):
        messages.insert(chance.randrange(len(messages) + 1), message)
    return Plan(messages, len(borrowers))


def _planted(customers: int, kind: str) -> int:
    return min(customers, max(1, customers // _ONE_IN[kind]))


def _current(event: SampleEvent, chance: random.Random) -> Planned:
    """One event in ten is in the plain form, as some upstream system may send it."""
    body = plain_event(event) if chance.random() < 0.1 else cloud_event(event)
    return Planned(body, "current", event.customer_id, event.event_id, event.event_time)


def _stale(event: SampleEvent) -> Planned:
    """An event of the day before, which an upstream system sends late."""
    before = datetime.fromisoformat(event.event_time) - timedelta(days=1)
    time = before.isoformat(timespec="microseconds").replace("+00:00", "Z")
    old = event._replace(event_id=f"late-{event.event_id}", event_time=time, data={**event.data, "highest_spend": 0})
    return Planned(cloud_event(old), "stale", old.customer_id, old.event_id, old.event_time)


def _insert_after_current(messages: list[Planned], extra: Planned, chance: random.Random) -> None:
    first = next(i for i, m in enumerate(messages) if m.customer_id == extra.customer_id and m.kind == "current")
    messages.insert(chance.randrange(first + 1, len(messages) + 1), extra)


def _malformed(events: Sequence[SampleEvent]) -> list[Planned]:
    """Spoil one event after the other, each in another way."""
    planned = []
    for index, event in enumerate(events):
        spoiled = event._replace(event_id=f"bad-{index + 1}")
        body = _FAULTS[index % len(_FAULTS)](json.loads(cloud_event(spoiled)))
        planned.append(Planned(body, "malformed", event.customer_id, "", ""))
    return planned


def _with_data(field: str, value: object) -> Callable[[dict[str, Any]], bytes]:
    return lambda event: json.dumps({**event, "data": {**event["data"], field: value}}).encode()


_FAULTS: Final[Sequence[Callable[[dict[str, Any]], bytes]]] = (
    lambda event: json.dumps(event).encode()[:-20],
    _with_data("highest_spend", "180"),
    _with_data("level", 9),
    lambda event: json.dumps({**event, "time": "9999-01-01T00:00:00Z"}).encode(),
    lambda event: json.dumps(event).replace('"specversion"', '"id": "again", "specversion"', 1).encode(),
    _with_data("monthly_average_spend", float("nan")),
    lambda event: json.dumps({**event, "type": "bank.customer.deleted.v1"}).encode(),
    lambda event: json.dumps({**event, "data": {"customer_id": event["subject"]}}).encode(),
)
