"""A topic on Amazon SNS: the lead is the message's body, and attributes repeat what a subscriber may filter by."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
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

Attribute = dict[str, str]


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
        entries = [_entry(lead) for lead in leads]
        sizes = [_size(entry) for entry in entries]
        fitting = [place for place, size in enumerate(sizes) if size <= MAX_BATCH_BYTES]
        places = split(fitting, size=sizes.__getitem__, max_bytes=MAX_BATCH_BYTES)
        batches = [[entries[place] for place in batch] for batch in places]
        # Not tried again here: the message of what comes back stays on the queue.
        faults = send_batches(self._calls, self._call, batches, again=False).faults
        done = {place for number, place in enumerate(fitting) if number not in faults}
        return [lead for place, lead in enumerate(leads) if place not in done]


def _entry(lead: Lead) -> Entry:
    return {"Message": lead.model_dump_json(), "MessageAttributes": _attributes(lead)}


def _attributes(lead: Lead) -> dict[str, Attribute]:
    """Return at most eight attributes, since raw delivery drops a message that has more than ten."""
    data = lead.data
    consents = (None, None) if data.consent is None else (data.consent.email, data.consent.sms)
    score = repr(data.score)
    if "e" in score:
        score = f"{Decimal(score):f}"  # filters do not read an exponent
    texts = _texts(lead.type, data.tier, data.model.version, data.campaign, *consents)
    return texts | {"score": {"DataType": "Number", "StringValue": score}}


@lru_cache(maxsize=256)
def _texts(
    kind: str, tier: str | None, model_version: str, campaign: str, email: bool | None, sms: bool | None
) -> dict[str, Attribute]:
    """Return what is the same for thousands of leads."""
    texts = {
        "type": kind,
        "tier": tier,
        "model_version": model_version,
        "campaign": campaign,
        "consent_email": None if email is None else str(email).lower(),
        "consent_sms": None if sms is None else str(sms).lower(),
        "schema_version": SCHEMA_VERSION,
    }
    return {name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text}


def _size(entry: Entry) -> int:
    around = sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"].encode())
        for name, value in entry["MessageAttributes"].items()
    )
    return len(entry["Message"].encode()) + around
