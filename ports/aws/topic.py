"""A topic on Amazon SNS: the lead is the message's body, and attributes repeat what a subscriber may filter by."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import boto3

from ports.addresses import topic_region
from ports.aws.batches import Entry, send_batch, split
from ports.aws.client import Calls, config, region_of
from ports.aws.replies import watch_calls
from ports.protocols import CountCall
from schemas.lead import Lead

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient

MAX_BATCH_BYTES: Final = 256 * 1024
"""Bodies and attributes of one call together, and so of one lead."""
SCHEMA_VERSION: Final = "1"


def open_sns(arn: str, *, in_flight: int, on_call: CountCall) -> "SnsTopic":
    """
    Open a topic by its ARN; no call is made.

    Raises:
        BadAddress: It is not the ARN of a standard topic.
    """
    client = boto3.client("sns", region_name=region_of(topic_region(arn)), config=config(in_flight))
    watch_calls(client, on_call)
    return SnsTopic(arn, client, Calls(arn, in_flight=in_flight))


class SnsTopic:
    """A standard SNS topic. Each call takes ten leads at most; several are made at a time."""

    def __init__(self, arn: str, client: "SNSClient", calls: Calls) -> None:
        self._arn, self._client, self._calls = arn, client, calls

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        """Publish leads. Return exactly those that SNS does not say it has taken."""
        entries = [_entry(str(i), lead) for i, lead in enumerate(leads)]
        batches = split([e for e in entries if _size(e) <= MAX_BATCH_BYTES], size=_size, max_bytes=MAX_BATCH_BYTES)
        taken = {key for ten in self._calls.each(self._publish, batches) for key in ten}
        return [lead for i, lead in enumerate(leads) if str(i) not in taken]

    def _publish(self, ten: Sequence[Entry]) -> set[str]:
        # Not tried again here: the message of what comes back stays on the queue.
        result = send_batch(
            self._calls,
            "sns:PublishBatch",
            lambda entries: self._client.publish_batch(TopicArn=self._arn, PublishBatchRequestEntries=entries),
            ten,
            again=False,
        )
        return set(result.done)


def _entry(key: str, lead: Lead) -> Entry:
    return {"Id": key, "Message": lead.model_dump_json(), "MessageAttributes": _attributes(lead)}


def _attributes(lead: Lead) -> dict[str, dict[str, str]]:
    """Return at most eight attributes, since raw delivery drops a message that has more than ten."""
    consent = lead.data.consent
    texts = {
        "type": lead.type,
        "tier": lead.data.tier,
        "model_version": lead.data.model.version,
        "campaign": lead.data.campaign,
        "consent_email": None if consent is None else str(consent.email).lower(),
        "consent_sms": None if consent is None else str(consent.sms).lower(),
        "schema_version": SCHEMA_VERSION,
    }
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text}
    # Without an exponent, which filters do not read.
    return attributes | {"score": {"DataType": "Number", "StringValue": f"{Decimal(repr(lead.data.score)):f}"}}


def _size(entry: Entry) -> int:
    attributes = entry["MessageAttributes"].items()
    around = sum(len(name) + sum(len(part.encode()) for part in value.values()) for name, value in attributes)
    return len(entry["Message"].encode()) + around
