"""What all comparators share: their environment, the model, the form of an event, and what they publish."""

import json
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import boto3
import numpy as np
from botocore.config import Config
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

TEN: Final = 10
Message = dict[str, Any]


class Event(BaseModel):
    """A customer update in the plain form, strictly."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    event_id: str = Field(min_length=1, max_length=128)
    event_time: str = Field(min_length=20, max_length=40)
    customer_id: str = Field(min_length=1, max_length=128)
    age: int | None = Field(None, ge=0, le=130)
    customer_since: int | None = Field(None, ge=-10, le=130)
    highest_spend: float = Field(ge=0, le=1e6)
    hidden_score: int = Field(ge=1, le=4)
    monthly_average_spend: float = Field(ge=0, le=1e6)
    level: int = Field(ge=1, le=3)
    mortgage: float = Field(ge=0, le=1e6)
    security: int = Field(ge=0, le=1)
    fixed_deposit_account: int = Field(ge=0, le=1)
    internet_banking: int = Field(ge=0, le=1)
    credit_card: int = Field(ge=0, le=1)


class Scored(NamedTuple):
    """An event and its score."""

    event: Event
    score: float


class Place(NamedTuple):
    """Where a comparator works, by the environment."""

    queue: str
    topic: str
    table: str | None
    model: Any
    names: tuple[str, ...]
    threshold: float

    @classmethod
    def here(cls) -> "Place":
        """Read the environment and load the model, one thread for each prediction."""
        folder = Path(os.environ["BENCH_MODEL"])
        manifest = json.loads((folder / "manifest.json").read_bytes())
        model = pickle.loads((folder / "model.pkl").read_bytes())  # noqa: S301  made by this very bench
        model.n_jobs = 1
        names = tuple(feature["name"] for feature in manifest["features"])
        environ = os.environ
        place = (environ["BENCH_QUEUE"], environ["BENCH_TOPIC"], environ.get("BENCH_TABLE"))
        return cls(*place, model, names, manifest["threshold"])

    def score(self, events: Sequence[Event]) -> NDArray[np.float64]:
        """Return each event's score, by one prediction."""
        rows = [[getattr(event, name) for name in self.names] for event in events]
        scores: NDArray[np.float64] = self.model.predict_proba(np.array(rows, dtype=np.float64))[:, 1]
        return scores


def client(service: str, calls: int = 1) -> Any:  # noqa: ANN401  boto3 has no types of its own
    """Return a client that waits out a long poll, and keeps a connection for each call in flight."""
    config = Config(
        max_pool_connections=max(10, 2 * calls),
        connect_timeout=5,
        read_timeout=25,
        retries={"mode": "standard", "max_attempts": 3},
    )
    return boto3.client(service, config=config)


def receive_ten(sqs: Any, queue: str, wait_s: int) -> list[Message]:  # noqa: ANN401  a client of boto3
    """Return up to ten messages."""
    reply = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=TEN, WaitTimeSeconds=wait_s, VisibilityTimeout=60)
    messages: list[Message] = reply.get("Messages", [])
    return messages


def publish(sns: Any, topic: str, leads: Sequence[Scored]) -> None:  # noqa: ANN401  a client of boto3
    """
    Publish leads by ten.

    Raises:
        RuntimeError: SNS did not take one of them.
    """
    for begin in range(0, len(leads), TEN):
        entries = [
            {"Id": str(i), "Message": lead_text(lead), "MessageAttributes": attributes(lead)}
            for i, lead in enumerate(leads[begin : begin + TEN])
        ]
        if sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries).get("Failed"):
            raise RuntimeError("a lead was not published")


def delete(sqs: Any, queue: str, messages: Sequence[Message]) -> None:  # noqa: ANN401  a client of boto3
    """
    Delete messages by ten.

    Raises:
        RuntimeError: SQS did not delete one of them.
    """
    for begin in range(0, len(messages), TEN):
        ten = messages[begin : begin + TEN]
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(ten)]
        if sqs.delete_message_batch(QueueUrl=queue, Entries=entries).get("Failed"):
            raise RuntimeError("a message was not deleted")


def lead_text(lead: Scored) -> str:
    """Write what marketing gets."""
    event = lead.event
    return json.dumps(
        {
            "event_id": event.event_id,
            "event_time": event.event_time,
            "customer_id": event.customer_id,
            "score": lead.score,
            "tier": tier(lead.score),
        }
    )


def attributes(lead: Scored) -> dict[str, dict[str, str]]:
    """Return what a subscription filters by."""
    return {
        "tier": {"DataType": "String", "StringValue": tier(lead.score)},
        "score": {"DataType": "Number", "StringValue": f"{lead.score:.4f}"},
    }


def tier(score: float) -> str:
    """Return the band of a score."""
    if score >= 0.9:
        return "A"
    return "B" if score >= 0.7 else "C"
