"""From a request to the service that answers it; every call and every entry is counted."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from benchmarks.bench.stub.dynamodb import ConditionFailed, StubTable
from benchmarks.bench.stub.http import Connection, Reply, reply
from benchmarks.bench.stub.sns import StubTopic
from benchmarks.bench.stub.sqs import StubQueue
from benchmarks.bench.stub.sts import assume_role_with_web_identity

_TARGET: Final = re.compile(rb"\r\nx-amz-target: *[^.\r]+\.(\w+)", re.IGNORECASE)
_ACTION: Final = re.compile(rb"(?:^|[?&])Action=(\w+)")
_XML: Final = "text/xml"
_DONE: Final = b'"Id":'


class StubAws:
    """All services of one run."""

    def __init__(self, queue: StubQueue, topic: StubTopic, table: StubTable) -> None:
        self.queue, self.topic, self.table = queue, topic, table
        self.calls: Counter[str] = Counter()
        self.entries: Counter[str] = Counter()
        self.on_publish: Callable[[bytes], None] = lambda _body: None
        self._json: dict[bytes, Callable[[bytes], bytes]] = {
            b"DeleteMessageBatch": queue.delete,
            b"ChangeMessageVisibilityBatch": queue.change_visibility,
            b"SendMessage": queue.send,
            b"SendMessageBatch": queue.send,
            b"GetQueueAttributes": lambda _body: queue.depth(),
            b"UpdateItem": table.update,
        }

    def answer(self, connection: Connection, head: bytes, body: bytes) -> Reply:
        """Answer one request; what is not known is refused, so that nobody measures it."""
        target = _TARGET.search(head)
        if target is None:
            return self._by_form(head, body)
        action = target[1]
        self.calls[action.decode()] += 1
        if action == b"ReceiveMessage":
            return self.queue.receive(connection, body)
        if action not in self._json:
            return _refused(action)
        try:
            answered = self._json[action](body)
        except ConditionFailed as failed:
            return reply(str(failed).encode(), status="400 Bad Request")
        self.entries[action.decode()] += answered.count(_DONE)
        return reply(answered)

    def _by_form(self, head: bytes, body: bytes) -> bytes:
        """SNS and STS take forms; STS's may stand in the address as well."""
        found = _ACTION.search(body) or _ACTION.search(head.split(b" ", 2)[1])
        action = found[1] if found else b"nothing"
        self.calls[action.decode()] += 1
        if action == b"AssumeRoleWithWebIdentity":
            return reply(assume_role_with_web_identity(), _XML)
        if action not in {b"PublishBatch", b"Publish"}:
            return _refused(action)
        before = self.topic.entries
        answered = self.topic.publish_batch(body) if action == b"PublishBatch" else self.topic.publish(body)
        self.entries[action.decode()] += self.topic.entries - before
        self.on_publish(body)
        return reply(answered, _XML)


def _refused(action: bytes) -> bytes:
    return reply(b'{"__type":"InvalidAction","message":"' + action + b' is not known here"}', status="400 Bad Request")
