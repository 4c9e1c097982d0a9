"""A topic on Amazon SNS: the lead is the message's body, and attributes repeat what a subscriber may filter by."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from pydantic import TypeAdapter

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
_to_json: Final = TypeAdapter(Lead).serializer.to_json  # without what `model_dump_json` does around it

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
        written = [_written(lead) for lead in leads]
        fitting = [place for place, one in enumerate(written) if one.size <= MAX_BATCH_BYTES]
        entries, sizes = [written[place].entry for place in fitting], [written[place].size for place in fitting]
        # Not tried again here: the message of what comes back stays on the queue.
        faults = send_batches(self._calls, self._call, split(entries, sizes, MAX_BATCH_BYTES), again=False).faults
        failed = {fitting[number] for number in faults}.union(set(range(len(leads))).difference(fitting))
        return [leads[place] for place in sorted(failed)]


class _Written(NamedTuple):
    """A lead as a call takes it, and how many bytes of it count."""

    entry: Entry
    size: int


class _Texts(NamedTuple):
    """Attributes, and how many bytes they are."""

    attributes: dict[str, Attribute]
    size: int


def _written(lead: Lead) -> _Written:
    """Write a lead with at most eight attributes, since raw delivery drops a message that has more than ten."""
    body, data = _to_json(lead), lead.data
    consents = (None, None) if data.consent is None else (data.consent.email, data.consent.sms)
    score = repr(data.score)
    if "e" in score:
        score = f"{Decimal(score):f}"  # filters do not read an exponent
    texts = _texts(lead.type, data.tier, data.model.version, data.campaign, *consents)
    attributes = texts.attributes | {"score": {"DataType": "Number", "StringValue": score}}
    size = len(body) + texts.size + len("scoreNumber") + len(score)
    return _Written({"Message": body.decode(), "MessageAttributes": attributes}, size)


@lru_cache(maxsize=256)
def _texts(
    kind: str, tier: str | None, model_version: str, campaign: str, email: bool | None, sms: bool | None
) -> _Texts:
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
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text}
    size = sum(len(name) + len("String") + len(one["StringValue"].encode()) for name, one in attributes.items())
    return _Texts(attributes, size)
