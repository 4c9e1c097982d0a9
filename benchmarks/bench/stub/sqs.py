"""A queue: every message's part of a reply is written before the first call."""

import hashlib
import json
import re
import uuid
from asyncio import TimerHandle, get_running_loop
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from benchmarks.bench.stub.http import Connection, Reply, reply

MAX_ENTRIES: Final = 10
_NOTHING: Final = reply(b"{}")
_ENTRY: Final = re.compile(rb'"(?:Id|ReceiptHandle)": ?"([^"]+)"')
_VISIBLE_AT_ONCE: Final = 0


class Waiter(NamedTuple):
    """A long poll that is parked."""

    most: int
    timer: TimerHandle


class StubQueue:
    """Gives each message once, unless it is given back; remembers what was deleted."""

    def __init__(
        self, bodies: Sequence[str], on_receive: Callable[[int], None], on_delete: Callable[[int], None]
    ) -> None:
        """
        Put messages on the queue.

        Args:
            bodies: One for each message.
            on_receive: Told how many messages were given out, whenever some more were.
            on_delete: Told how many messages are deleted, whenever some more are.
        """
        self._written = [written(number, body) for number, body in enumerate(bodies)]
        self._there = deque(range(len(bodies)))
        self._waiting: dict[Connection, Waiter] = {}
        self._on_receive, self._on_delete = on_receive, on_delete
        self._is_closed = False
        self.given = 0
        self.deleted: set[int] = set()
        self.on_park: Callable[[], None] = lambda: None

    @property
    def undeleted(self) -> int:
        """How many messages were never deleted."""
        return len(self._written) - len(self.deleted)

    @property
    def parked(self) -> int:
        """How many long polls wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Let no long poll wait any more, so that a consumer that is told to stop does so at once."""
        self._is_closed = True
        for connection in list(self._waiting):
            self._waiting[connection].timer.cancel()
            self._give_up(connection)

    def put(self, body: str) -> int:
        """Put one more message; a long poll that waits gets it at once. Return its number."""
        number = len(self._written)
        self._written.append(written(number, body))
        self._give_back(number)
        return number

    def receive(self, connection: Connection, body: bytes) -> Reply:
        """Give what is there; park a long poll where nothing is."""
        asked = json.loads(body)
        most = min(asked.get("MaxNumberOfMessages", 1), MAX_ENTRIES)
        wait_s = asked.get("WaitTimeSeconds", 0)
        if not self._there and wait_s and not self._is_closed:
            timer = get_running_loop().call_later(wait_s, self._give_up, connection)
            self._waiting[connection] = Waiter(most, timer)
            self.on_park()
            return None
        return self._some(most)

    def delete(self, body: bytes) -> bytes:
        """Delete up to ten messages by their receipts."""
        ids, numbers = _entries(body)
        self.deleted.update(numbers)
        self._on_delete(len(self.deleted))
        return _all_done(ids)

    def change_visibility(self, body: bytes) -> bytes:
        """Put back what is made visible at once; a longer lease means nothing here."""
        entries = json.loads(body)["Entries"]
        for entry in entries:
            number = _number(entry["ReceiptHandle"].encode())
            if entry.get("VisibilityTimeout") == _VISIBLE_AT_ONCE and number not in self.deleted:
                self._give_back(number)
        return _all_done([entry["Id"].encode() for entry in entries])

    def send(self, body: bytes) -> bytes:
        """Take one message, or up to ten."""
        asked = json.loads(body)
        entries = asked.get("Entries", [asked])
        taken = [
            {
                "Id": e.get("Id"),
                "MessageId": _id(self.put(e["MessageBody"])),
                "MD5OfMessageBody": _md5(e["MessageBody"]),
            }
            for e in entries
        ]
        return json.dumps({"Successful": taken} if "Entries" in asked else taken[0]).encode()

    def depth(self) -> bytes:
        """Tell how many messages there are."""
        out = self.undeleted - len(self._there)
        counts = {"ApproximateNumberOfMessages": len(self._there), "ApproximateNumberOfMessagesNotVisible": out}
        return json.dumps({"Attributes": {name: str(count) for name, count in counts.items()}}).encode()

    def _some(self, most: int) -> bytes:
        there = self._there
        if not there:
            return _NOTHING
        messages = [self._written[there.popleft()] for _ in range(min(most, len(there)))]
        self.given += len(messages)
        self._on_receive(self.given)
        return reply(b'{"Messages":[' + b",".join(messages) + b"]}")

    def _give_back(self, number: int) -> None:
        self._there.append(number)
        while self._waiting and self._there:
            connection = next(iter(self._waiting))
            waiter = self._waiting.pop(connection)
            waiter.timer.cancel()
            if connection.is_open:
                connection.send(self._some(waiter.most))

    def _give_up(self, connection: Connection) -> None:
        del self._waiting[connection]
        connection.send(_NOTHING)


def written(number: int, body: str) -> bytes:
    """Write one message as a receive gives it, with a receipt as long as one of SQS's."""
    receipt = f"AQEB{b64encode(hashlib.sha512(str(number).encode()).digest() * 2).decode()}.{number}"
    return json.dumps(
        {
            "MessageId": _id(number), "ReceiptHandle": receipt, "MD5OfBody": _md5(body), "Body": body,
            "Attributes": {"ApproximateReceiveCount": "1"},
        },
        separators=(",", ":"),
    ).encode()  # fmt: skip


def _entries(body: bytes) -> tuple[list[bytes], list[int]]:
    """Tell ids from receipts: a receipt has a dot, and an id cannot have one."""
    found = _ENTRY.findall(body)
    return [one for one in found if b"." not in one], [_number(one) for one in found if b"." in one]


def _all_done(ids: Sequence[bytes]) -> bytes:
    return b'{"Successful":[' + b",".join(b'{"Id":"' + one + b'"}' for one in ids) + b'],"Failed":[]}'


def _number(receipt: bytes) -> int:
    return int(receipt[receipt.rindex(b".") + 1 :])


def _id(number: int) -> str:
    return str(uuid.UUID(int=number + (1 << 100)))


def _md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
