"""The record of an event that was set aside: why, from where, and the event itself, for its way back."""

import base64
import gzip
import hashlib
import io
import json
import zlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from ports import Message
from schemas.event import CUSTOMER_UPDATED, MAX_MESSAGE_BYTES
from worker.errors import Reject

RECORD_VERSION: Final = 1


@dataclass(frozen=True)
class Quarantined:
    """A record as it is read back."""

    key: str
    reason: str
    faults: list[dict[str, str]]
    event_id: str | None
    queue: str
    message_id: str
    index: int
    quarantined_at: str
    body: bytes


def quarantine_record(queue_url: str, message: Message, position: int, reject: Reject, now: datetime) -> bytes:
    """
    Write the record as JSON.

    Its `key` is a hash of queue, message and index: an event that is quarantined again after a crash bears the same
    one, and readers drop the copy. The body is gzipped; it is the whole message, or one event of several.
    """
    record = {
        "version": RECORD_VERSION,
        "key": hashlib.sha256(json.dumps([queue_url, message.id, position]).encode()).hexdigest()[:32],
        "reason": reject.reason,
        "faults": [fault._asdict() for fault in reject.faults],
        "event_id": reject.event_id,
        "event_schema": CUSTOMER_UPDATED,
        "queue": queue_url,
        "message_id": message.id,
        "index": position,
        "receive_count": message.receive_count,
        "quarantined_at": now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "body_gzip_base64": base64.b64encode(gzip.compress(reject.body or message.body, mtime=0)).decode(),
    }
    return json.dumps(record).encode()


def read_record(body: bytes) -> Quarantined:
    """
    Read a record back.

    Raises:
        ValueError: The message is no record of ours.
    """
    record: Any = json.loads(body)
    try:
        values = {field.name: record[field.name] for field in fields(Quarantined) if field.name != "body"}
        return Quarantined(**values, body=_unpacked(base64.b64decode(record["body_gzip_base64"])))
    except (KeyError, TypeError, OSError, EOFError, zlib.error) as error:
        raise ValueError("not a quarantine record of Leadline") from error


def _unpacked(content: bytes) -> bytes:
    """Decompress a body, but not what unpacks to more than a message can hold, and so was made by somebody else."""
    with gzip.open(io.BytesIO(content)) as file:
        body = file.read(MAX_MESSAGE_BYTES + 1)
    if len(body) > MAX_MESSAGE_BYTES:
        raise ValueError("not a quarantine record of Leadline: its body is larger than a message")
    return body
