"""The customer events of one seed, good ones and planted bad ones, in messages as producers send them."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from schemas.event import utc_text
from simulation.world import START

_SPENDS: Final = (20, 60, 75, 90, 110, 125, 150, 220)
_CONSENTS: Final = (None, None, None, {"email": True}, {"email": False})
_SECONDS_BETWEEN: Final = 2.0


class Planted(NamedTuple):
    """One event as it was sent, and why it must be rejected, if so."""

    customer_id: str
    event_id: str
    event_time: str
    highest_spend: int
    level: int
    may_be_offered: bool
    json: str
    reason: str | None = None

    @property
    def version(self) -> tuple[str, str]:
        """What orders two events of one customer."""
        return self.event_time, self.event_id


class Sent(NamedTuple):
    """One message: when it reaches the queue, its body, and the events in it."""

    at: float
    body: bytes
    events: tuple[Planted, ...]


class Producer:
    """Makes events of a few customers, so that they get into each other's way."""

    def __init__(self, chance: random.Random, events: int, *, conflicts: bool) -> None:
        """
        Prepare.

        Args:
            chance: What the events depend on.
            events: How many to make.
            conflicts: Whether to send some ids twice with different contents, which only a store can tell.
        """
        self._chance, self._events, self._conflicts = chance, events, conflicts
        self._customers = max(2, events // 8)
        self._good: list[Planted] = []

    def messages(self) -> list[Sent]:
        """Make all messages, in the order of their arrival."""
        chance, sent, made = self._chance, [], 0
        while made < self._events:
            at = START + _SECONDS_BETWEEN * made
            size = chance.randint(2, 5) if chance.random() < 0.1 else 1
            events = [self._event(made + index, at) for index in range(min(size, self._events - made))]
            made += len(events)
            if len(events) == 1 and events[0].reason is None and chance.random() < 0.02:
                events = [spoilt(events[0], "not_json")]
            sent.append(Sent(at, message_of(events), tuple(events)))
        return sent

    def _event(self, number: int, at: float) -> Planted:
        """Make a new event, a copy or a contradiction of an earlier one, or a malformed one."""
        chance, kind = self._chance, self._chance.random()
        if kind < 0.05 and self._good:
            return chance.choice(self._good)
        if kind < 0.08 and self._good and self._conflicts:
            first = chance.choice(self._good)
            return planted(first.event_id, first.event_time, self._data(first.customer_id), {})
        event = self._new(number, at)
        if kind < 0.86:
            self._good.append(event)
            return event
        return spoilt(event, chance.choice(_ALONE))

    def _new(self, number: int, at: float) -> Planted:
        chance = self._chance
        customer_id = f"c{chance.randrange(self._customers)}"
        lag_s = chance.random() * (3600 if chance.random() < 0.15 else 20)
        time = utc_text(datetime.fromtimestamp(at - lag_s, UTC))
        if self._good and chance.random() < 0.05:  # the id decides between events of one moment
            time = self._good[-1].event_time
        envelope = {} if chance.random() < 0.2 else {"source": f"/core/{chance.randrange(2)}"}
        return planted(f"e{chance.randrange(100):02}-{number}", time, self._data(customer_id), envelope)

    def _data(self, customer_id: str) -> dict[str, Any]:
        chance = self._chance
        data = {
            "customer_id": customer_id,
            "highest_spend": chance.choice(_SPENDS),
            "level": chance.randint(1, 3),
            "loan_on_card": int(chance.random() < 0.05),
            "consent": chance.choice(_CONSENTS),
        }
        return {name: value for name, value in data.items() if value is not None}


def planted(event_id: str, time: str, data: Mapping[str, Any], envelope: Mapping[str, Any]) -> Planted:
    """Write an event: as a CloudEvent, where there is something to put into its envelope, else in the plain form."""
    content: dict[str, Any] = {"event_id": event_id, "event_time": time, **data}
    if envelope:
        usual = {"specversion": "1.0", "id": event_id, "type": "bank.customer.updated.v1", "time": time}
        content = {**usual, **envelope, "data": data}
    offered = not data["loan_on_card"] and data.get("consent") != {"email": False}
    customer_id, spend, level = data["customer_id"], data["highest_spend"], data["level"]
    return Planted(customer_id, event_id, time, spend, level, offered, json.dumps(content))


def spoilt(event: Planted, reason: str) -> Planted:
    """Make an event one that must be rejected for this reason."""
    return event._replace(customer_id="", reason=reason, json=_SPOIL[reason](json.loads(event.json)))


def message_of(events: Sequence[Planted]) -> bytes:
    """Put events into one message, packed if there are several."""
    body = events[0].json if len(events) == 1 else f"[{','.join(event.json for event in events)}]"
    return body.encode()


def _changed(**changes: Any) -> Callable[[dict[str, Any]], str]:  # noqa: ANN401  wrong values are what this is about
    """Return what changes the data of an event; a change to `...` leaves the field out."""

    def change(content: dict[str, Any]) -> str:
        data = content.get("data", content)
        data.update(changes)
        for name in [name for name, value in changes.items() if value is ...]:
            del data[name]
        return json.dumps(content)

    return change


def _timed(time: str) -> Callable[[dict[str, Any]], str]:
    return lambda content: json.dumps(content | {"time" if "data" in content else "event_time": time})


_SPOIL: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "wrong_type": _changed(highest_spend="49"),
    "out_of_bounds": _changed(level=4),
    "missing_field": _changed(level=...),
    "not_finite": _changed(highest_spend=float("nan")),
    "bad_id": _changed(customer_id=""),
    "bad_time": _timed("yesterday"),
    "future_event": _timed("2099-01-01T00:00:00Z"),
    "duplicate_key": lambda content: json.dumps(content)[:-1] + ', "x": 1, "x": 2}',
    "not_an_event": lambda _: "7",
    "not_json": lambda content: json.dumps(content)[:-9],
}
_ALONE: Final = tuple(reason for reason in _SPOIL if reason != "not_json")
"""What spoils one event of several; the others stand."""
