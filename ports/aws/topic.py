"""A topic on Amazon SNS: the lead is the message's body, and attributes repeat what a subscriber may filter by."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from ports.addresses import topic_region
from ports.aws.batches import BatchCall, Entry, send_batches, split
from ports.aws.client import Calls
from ports.aws.endpoints import region_of
from ports.aws.sides import Common, Side
from ports.aws.transport import open_side
from ports.protocols import CountCall, Transport
from schemas.lead import Lead

MAX_BATCH_BYTES: Final = 256 * 1024
"""Bodies and attributes of one call together, and so of one lead."""
SCHEMA_VERSION: Final = "1"


def open_sns(arn: str, *, in_flight: int | None, on_call: CountCall, transport: Transport = "boto3") -> "SnsTopic":
    """
    Open a topic by its ARN; no call is made.

    Raises:
        BadAddress: It is not the ARN of a standard topic.
    """
    region = region_of(topic_region(arn))
    side = open_side("sns", region, transport=transport, in_flight=in_flight, on_call=on_call)
    return SnsTopic(arn, side, Calls(arn))


class SnsTopic:
    """A standard SNS topic. Each call takes ten leads at most; several are made at a time."""

    def __init__(self, arn: str, side: Side, calls: Calls) -> None:
        """
        Take a topic.

        Args:
            arn: Which one.
            side: Makes single attempts, several at a time.
            calls: Retries, and the log.
        """
        self._calls = calls
        self._call = BatchCall(side, "PublishBatch", Common(TopicArn=arn), "PublishBatchRequestEntries")

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        """Publish leads. Return exactly those that SNS does not say it has taken."""
        entries = [_entry(str(i), lead) for i, lead in enumerate(leads)]
        sizes = {entry["Id"]: _size(entry) for entry in entries}
        fitting = [entry for entry in entries if sizes[entry["Id"]] <= MAX_BATCH_BYTES]
        batches = split(fitting, size=lambda entry: sizes[entry["Id"]], max_bytes=MAX_BATCH_BYTES)
        # Not tried again here: the message of what comes back stays on the queue.
        done = send_batches(self._calls, self._call, list(batches), again=False).done
        return [] if len(done) == len(leads) else [lead for i, lead in enumerate(leads) if str(i) not in done]


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
    around = sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"].encode())
        for name, value in entry["MessageAttributes"].items()
    )
    return len(entry["Message"].encode()) + around
