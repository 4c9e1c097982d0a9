"""The customers of the real data as events: the moment before the campaign, so without its outcome."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any, Final, NamedTuple

SOURCE: Final = "/core-banking/customers"


class SampleEvent(NamedTuple):
    """One event, and what names it."""

    customer_id: str
    event_id: str
    event_time: str
    data: dict[str, Any]


def sample_customers(count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` customers of the real data as event data; beyond the last one they come round again."""
    from training.columns import LABEL
    from training.data import load

    table = load().drop(columns=LABEL)
    rows = table.to_dict("records")
    for index in range(count):
        row = rows[index % len(rows)]
        yield {"customer_id": str(table.index[index % len(rows)]), **_numbers(row)}


def sample_events(customers: Sequence[Mapping[str, Any]], prefix: str, start: datetime) -> Iterator[SampleEvent]:
    """Make an event of each customer, a millisecond apart from `start` on."""
    for index, customer in enumerate(customers):
        moment = (start + timedelta(milliseconds=index)).astimezone(UTC)
        time = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        yield SampleEvent(customer["customer_id"], f"{prefix}-{index + 1:06}", time, dict(customer))


def cloud_event(event: SampleEvent) -> bytes:
    """Write the event as a CloudEvent."""
    content = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": SOURCE,
        "type": "bank.customer.updated.v1",
        "subject": event.customer_id,
        "time": event.event_time,
        "data": event.data,
    }
    return json.dumps(content).encode()


def plain_event(event: SampleEvent) -> bytes:
    """Write the event without an envelope."""
    return json.dumps({"event_id": event.event_id, "event_time": event.event_time, **event.data}).encode()


def _numbers(row: Mapping[Any, float]) -> dict[str, float | int]:
    """Write whole numbers as such, as the JSON of an upstream system does."""
    return {str(name): int(value) if value == int(value) else value for name, value in row.items() if not isnan(value)}
