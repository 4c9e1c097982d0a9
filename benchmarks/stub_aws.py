"""
SQS, DynamoDB and SNS as far as a worker calls them, fast enough to measure the worker: no state but a queue's length.

    python benchmarks/stub_aws.py --events events.jsonl [--port 0] [--latency-ms 10]

The port stands on the first line of stdout. Replies to a receive are written beforehand; an update is answered with
what it stores, so that every event is its customer's first; whatever is published or deleted succeeds. It is no fake
to test against (moto is): a message is given out once, and nothing is remembered.
"""

import argparse
import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

CONDITION: Final = {"#was_lead": {"BOOL": False}, "#ever_lead": {"BOOL": False}}
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TARGET: Final = re.compile(rb"\r\nx-amz-target: *[^.\r]+\.(\w+)", re.IGNORECASE)
_ENTRY_IDS: Final = re.compile(rb"member\.\d+\.Id=(\w+)")


class StubAws:
    """Answers calls. `calls` counts them by name."""

    def __init__(self, bodies: Sequence[str]) -> None:
        """
        Put messages on the queue.

        Args:
            bodies: One for each message.
        """
        self._messages = deque(json.dumps(_message(number, body)) for number, body in enumerate(bodies))
        self.calls: dict[str, int] = {}

    def answer(self, action: str, body: bytes) -> bytes:
        """Return the body of the reply to one call, or an empty object for a call that no worker makes."""
        self.calls[action] = self.calls.get(action, 0) + 1
        known: dict[str, Callable[[bytes], bytes]] = {
            "ReceiveMessage": self._receive,
            "DeleteMessageBatch": _acknowledge,
            "ChangeMessageVisibilityBatch": _acknowledge,
            "SendMessageBatch": _acknowledge,
            "UpdateItem": _stored,
            "PublishBatch": _published,
        }
        return known[action](body) if action in known else b"{}"

    def _receive(self, body: bytes) -> bytes:
        count = min(json.loads(body).get("MaxNumberOfMessages", 1), len(self._messages))
        if not count:
            return b"{}"
        return f'{{"Messages": [{", ".join(self._messages.popleft() for _ in range(count))}]}}'.encode()


class HttpCalls(asyncio.Protocol):
    """One connection: requests of one length each, answered in order, each after the latency."""

    def __init__(self, aws: StubAws, latency_s: float) -> None:
        self._aws, self._latency_s, self._held = aws, latency_s, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection's way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived whole."""
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end]
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            if len(self._held) < end + 4 + length:
                return
            body, self._held = self._held[end + 4 : end + 4 + length], self._held[end + 4 + length :]
            target = _TARGET.search(head)
            reply = self._aws.answer(target[1].decode() if target else "PublishBatch", body)
            kind = "application/x-amz-json-1.0" if target else "text/xml"
            reply = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(reply)}\r\n\r\n".encode() + reply
            asyncio.get_running_loop().call_later(self._latency_s, self._write, reply)

    def _write(self, reply: bytes) -> None:
        if isinstance(self._transport, asyncio.Transport) and not self._transport.is_closing():
            self._transport.write(reply)


def _message(number: int, body: str) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    return {"MessageId": f"m-{number}", "ReceiptHandle": f"r-{number}", "Body": body, "Attributes": attributes}


def _acknowledge(body: bytes) -> bytes:
    return json.dumps({"Successful": [{"Id": entry["Id"]} for entry in json.loads(body)["Entries"]]}).encode()


def _stored(body: bytes) -> bytes:
    """Return the row as the update leaves it: each `#name` that it sets to `:name`, and no lead before."""
    update = json.loads(body)
    values = update["ExpressionAttributeValues"]
    names = update["ExpressionAttributeNames"].items()
    row = {name: values[f":{key[1:]}"] for key, name in names if f":{key[1:]}" in values}
    row |= {name: CONDITION[key] for key, name in names if key in CONDITION}
    return json.dumps({"Attributes": row | update["Key"]}).encode()


def _published(body: bytes) -> bytes:
    ids = (found.decode() for found in _ENTRY_IDS.findall(body))
    members = "".join(f"<member><Id>{i}</Id><MessageId>p-{i}</MessageId></member>" for i in ids)
    result = f"<PublishBatchResult><Successful>{members}</Successful><Failed/></PublishBatchResult>"
    return f'<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">{result}</PublishBatchResponse>'.encode()


async def serve(aws: StubAws, port: int, latency_s: float) -> None:
    """Serve on 127.0.0.1 until the process ends, and print the port."""
    server = await asyncio.get_running_loop().create_server(lambda: HttpCalls(aws, latency_s), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the messages, one a line, and serve them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, required=True, help="a file with one message a line")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--latency-ms", type=float, default=0, help="pause before each reply")
    arguments = parser.parse_args()
    aws = StubAws(arguments.events.read_text().splitlines())
    asyncio.run(serve(aws, arguments.port, arguments.latency_ms / 1000))


if __name__ == "__main__":
    main()
