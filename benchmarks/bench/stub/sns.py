"""A topic: it takes what is published as it comes, and reads it after the run."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs

_ID: Final = re.compile(rb"member\.\d+\.Id=([\w-]+)")
_MESSAGE: Final = re.compile(r"(?:.*\.)?Message")
_NAMESPACE: Final = b'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'


class StubTopic:
    """Remembers every call of a publish."""

    def __init__(self) -> None:
        self._calls: list[bytes] = []
        self.entries = 0

    def publish_batch(self, body: bytes) -> bytes:
        """Take up to ten messages."""
        ids = _ID.findall(body)
        self._take(body, len(ids))
        members = b"".join(b"<member><MessageId>p-" + i + b"</MessageId><Id>" + i + b"</Id></member>" for i in ids)
        result = b"<Failed/><Successful>" + members + b"</Successful>"
        return _answer(b"PublishBatch", result)

    def publish(self, body: bytes) -> bytes:
        """Take one message."""
        self._take(body, 1)
        return _answer(b"Publish", b"<MessageId>p-0</MessageId>")

    def leads(self) -> Iterator[str]:
        """Yield the event of every lead that was published, as often as it was."""
        for body in self._calls:
            fields = parse_qs(body.decode())
            for name, (message, *_) in fields.items():
                if _MESSAGE.fullmatch(name):
                    yield event_of(json.loads(message))

    def _take(self, body: bytes, entries: int) -> None:
        self._calls.append(body)
        self.entries += entries


def event_of(lead: dict[str, Any]) -> str:
    """Return the id of the event that a lead comes from: Leadline's own form, or a flat one."""
    return str(lead.get("data", lead)["event_id"])


def _answer(action: bytes, result: bytes) -> bytes:
    meta = b"<ResponseMetadata><RequestId>5e2bb7d1-0e1c-5c7d-8f3a-2f5c1a0e7b11</RequestId></ResponseMetadata>"
    inner = b"<" + action + b"Result>" + result + b"</" + action + b"Result>" + meta
    return b"<" + action + b"Response " + _NAMESPACE + b">" + inner + b"</" + action + b"Response>"
