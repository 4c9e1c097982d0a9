"""Builders: a customer, an event, a message; and what the worker makes of them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ports import Message
from propensity.decision import Case
from schemas.customer import USUAL_FIELDS
from schemas.lead import Lead
from worker.decode import decode
from worker.errors import Reject

NOW: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)
BEFORE: Final = "2026-01-15T10:00:00Z"
LATER: Final = "2026-01-15T11:00:00Z"


def customer(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  wrong values are what tests are about
    """Return the data of one customer as upstream sends it; a change to `...` leaves the field out."""
    usual = {
        "customer_id": "1",
        "age": 25,
        "customer_since": 1,
        "highest_spend": 49,
        "zip_code": 91107,
        "hidden_score": 4,
        "monthly_average_spend": 1.6,
        "level": 1,
        "mortgage": 0,
        "security": 1,
        "fixed_deposit_account": 0,
        "internet_banking": 0,
        "credit_card": 0,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def cloud_event(event_id: str = "evt-1", time: str = BEFORE, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    """Return an update as a CloudEvent; the changes are made to its data."""
    data = customer(**changes)
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/core-banking/customers",
        "type": "bank.customer.updated.v1",
        "subject": data.get("customer_id"),
        "time": time,
        "data": data,
    }


def plain_event(event_id: str = "evt-1", time: str = BEFORE, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    """Return an update in the plain form."""
    return {"event_id": event_id, "event_time": time, **customer(**changes)}


def encoded(content: Any) -> bytes:  # noqa: ANN401  JSON can be anything
    """Return the content as JSON, or as it is if it is bytes already."""
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def message(content: Any, message_id: str = "m-1", receive_count: int = 1) -> Message:  # noqa: ANN401  JSON can be anything
    """Return a message in hand that holds the content."""
    return Message(message_id, f"receipt of {message_id}", encoded(content), receive_count)


def nested(levels: int) -> list[Any]:
    """Return so many lists in each other."""
    content: list[Any] = []
    for _ in range(levels - 1):
        content = [content]
    return content


def notification(text: str) -> dict[str, Any]:
    """Return what SNS makes of a text."""
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:customers", "Message": text}


def bus_event(detail: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    """Return what EventBridge makes of a detail."""
    return {"version": "0", "detail-type": "customer updated", "source": "bank.core", "detail": detail}


def decoded(content: Any, needed: Sequence[str] = USUAL_FIELDS) -> list[Case | Reject]:  # noqa: ANN401  any JSON
    """Return what becomes of each event; a message that is rejected as a whole is one `Reject`."""
    try:
        return decode(encoded(content), needed, NOW)
    except Reject as reject:
        return [reject]


def accepted(content: Any) -> Case:  # noqa: ANN401  any JSON
    """Return what there is to decide on in a message of one good event."""
    [case] = decoded(content)
    assert isinstance(case, Case), case
    return case


def rejected(content: Any) -> Reject:  # noqa: ANN401  any JSON
    """Return why a message of one bad event is rejected."""
    [reject] = decoded(content)
    assert isinstance(reject, Reject), reject
    return reject


def reasons(content: Any) -> list[str]:  # noqa: ANN401  any JSON
    """Return the reason for each event, empty for one that is accepted."""
    return [found.reason if isinstance(found, Reject) else "" for found in decoded(content)]


def leads_in(topic: Path) -> list[Lead]:
    """Return the leads of a topic's file."""
    return [Lead.model_validate_json(line) for line in topic.read_bytes().splitlines()] if topic.exists() else []
