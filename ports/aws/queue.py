"""A queue on Amazon SQS."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from ports.addresses import check_queue_url, queue_endpoint, queue_region
from ports.aws import sides
from ports.aws.batches import MAX_ENTRIES, BatchCall, BatchResult, Entry, send_batches, split, tens
from ports.aws.client import Calls
from ports.aws.endpoints import region_of
from ports.aws.faults import Failure, Fault
from ports.aws.sides import UNREADABLE, Common, Request, Result, Side, not_a_reply
from ports.aws.transport import open_side
from ports.protocols import CountCall, Depth, Message, Transport

MAX_BODY_BYTES: Final = 1024 * 1024
"""Of one message, and of all messages in one call."""
_VISIBLE: Final = "ApproximateNumberOfMessages"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
_RECEIVE: Final = "sqs:ReceiveMessage"
_RECEIVE_COUNT: Final = "ApproximateReceiveCount"


def open_sqs(
    url: str, *, wait_time_s: int, in_flight: int | None, on_call: CountCall, transport: Transport = "boto3"
) -> "SqsQueue":
    """
    Open a queue by its URL; no call is made.

    Raises:
        BadAddress: The URL is not that of a standard queue, or nobody names the region.
    """
    check_queue_url(url)
    side = open_side(
        "sqs",
        region_of(queue_region(url)),
        endpoint=queue_endpoint(url),
        transport=transport,
        in_flight=in_flight,
        on_call=on_call,
        wait_time_s=wait_time_s,
    )
    return SqsQueue(url, side, Calls(url), wait_time_s=wait_time_s)


class SqsQueue:
    """A standard SQS queue. Each call is of ten messages at most; several are made at a time."""

    def __init__(self, url: str, side: Side, calls: Calls, *, wait_time_s: int) -> None:
        """
        Take a queue.

        Args:
            url: The queue's URL.
            side: Makes single attempts, several at a time.
            calls: Retries, and the log.
            wait_time_s: The longest wait of a receive.
        """
        self._url, self._side, self._calls = url, side, calls
        self._leases = side.beside()  # a lease must be extended also while deletes hang
        self._common = Common(QueueUrl=url)
        self._receives: dict[int, Common] = {}
        self._wait_time_s = wait_time_s
        self._has_backlog = False
        """Whether the last receive got all that it asked for."""

    @property
    def url(self) -> str:
        """The address that the queue was opened by."""
        return self._url

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        """
        Return up to `limit` messages; wait up to `wait_s`, in whole seconds, for the first.

        One attempt: the loop that receives has a back-off of its own.

        Raises:
            Unavailable: SQS did not answer, or refused.
        """
        if limit < 1:
            return []
        received: list[Message] = []
        if self._has_backlog and limit > MAX_ENTRIES:
            received = self._receive_more(limit, visibility_timeout_s)
        if not received:
            received = self._receive_first(limit, int(min(wait_s, self._wait_time_s)), visibility_timeout_s)
        self._has_backlog = len(received) == limit
        return received

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages that are done. Return those that are not known to be deleted."""
        faults = self._send_all(
            "DeleteMessageBatch", [{"ReceiptHandle": message.receipt} for message in messages]
        ).faults
        return [messages[place] for place in sorted(faults)]

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        """Make each message visible after its seconds. Return those whose receipt SQS does not take any more."""
        entries: list[Entry] = [
            {"ReceiptHandle": message.receipt, "VisibilityTimeout": timeout_s} for message, timeout_s in timeouts_s
        ]
        faults = self._send_all("ChangeMessageVisibilityBatch", entries, self._leases).faults
        return [timeouts_s[place][0] for place, fault in sorted(faults.items()) if _is_lost(fault)]

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        """Put messages on the queue. Return their ids in order, None for one that was not taken."""
        texts = [_text(body) for body in bodies]
        entries: list[Entry] = [{"MessageBody": text} for text in texts if text is not None]
        sizes = [len(body) for body, text in zip(bodies, texts, strict=True) if text is not None]
        replies = iter(self._send_all("SendMessageBatch", entries, sizes=sizes).replies)
        taken = [None if text is None else next(replies) for text in texts]
        return [None if reply is None else reply.get("MessageId") for reply in taken]

    def depth(self) -> Depth:
        """
        Count the messages, approximately.

        Raises:
            Unavailable: SQS did not answer, or refused.
        """
        asked = Request(self._common, {"AttributeNames": [_VISIBLE, _IN_FLIGHT]})
        result = self._calls.call(self._side, "GetQueueAttributes", asked)
        if not isinstance(result, Failure):
            try:
                counts = result.body["Attributes"]
                return Depth(int(counts[_VISIBLE]), int(counts[_IN_FLIGHT]))
            except UNREADABLE:
                result = not_a_reply(result.request_id())
        raise self._calls.unavailable("sqs:GetQueueAttributes", result.fault)

    def _receive_first(self, limit: int, wait_time_s: int, visibility_timeout_s: int) -> list[Message]:
        """Wait for the first messages by one call, and only if it is full fetch the rest."""
        [first] = self._attempt([min(limit, MAX_ENTRIES)], wait_time_s, visibility_timeout_s)
        if isinstance(first, Failure):
            raise self._calls.unavailable(_RECEIVE, first.fault)
        if len(first) == MAX_ENTRIES < limit:
            first += self._receive_more(limit - MAX_ENTRIES, visibility_timeout_s)
        return first

    def _receive_more(self, limit: int, visibility_timeout_s: int) -> list[Message]:
        """
        Receive by several calls at a time without waiting, until one comes back less than full.

        A call that fails is told, since what the others have received must not be lost to that.
        """
        received: list[Message] = []
        while (missing := limit - len(received)) > 0:
            sizes = [min(MAX_ENTRIES, missing - start) for start in range(0, missing, MAX_ENTRIES)]
            sizes = sizes[: self._side.in_flight]
            replies = self._attempt(sizes, 0, visibility_timeout_s)
            for failure in replies:
                if isinstance(failure, Failure):
                    self._calls.tell(_RECEIVE, failure.fault)
            parts = [reply for reply in replies if not isinstance(reply, Failure)]
            received += chain.from_iterable(parts)
            if sum(map(len, parts)) < sum(sizes):
                break
        return received

    def _attempt(
        self, sizes: Sequence[int], wait_time_s: int, visibility_timeout_s: int
    ) -> list[list[Message] | Failure]:
        common = self._receives.get(visibility_timeout_s)
        if common is None:
            common = self._receives[visibility_timeout_s] = Common(
                QueueUrl=self._url,
                VisibilityTimeout=visibility_timeout_s,
                MessageSystemAttributeNames=[_RECEIVE_COUNT],
            )
        requests = [Request(common, {"MaxNumberOfMessages": n, "WaitTimeSeconds": wait_time_s}) for n in sizes]
        patience_s = wait_time_s + sides.READ_TIMEOUT_S
        return [_messages(r) for r in self._side.attempt("ReceiveMessage", requests, patience_s=patience_s)]

    def _send_all(
        self, operation: str, entries: Sequence[Entry], side: Side | None = None, sizes: Sequence[int] | None = None
    ) -> BatchResult:
        call = BatchCall(side or self._side, operation, self._common)
        batches = tens(entries) if sizes is None else split(entries, sizes, MAX_BODY_BYTES)
        return send_batches(self._calls, call, batches, again=True)


def _messages(result: Result) -> list[Message] | Failure:
    if isinstance(result, Failure):
        return result
    try:
        return [one if isinstance(one, Message) else _message(one) for one in result.body.get("Messages") or ()]
    except UNREADABLE:
        return not_a_reply(result.request_id())


def _message(one: Mapping[str, Any]) -> Message:
    return Message(one["MessageId"], one["ReceiptHandle"], one["Body"].encode(), int(one["Attributes"][_RECEIVE_COUNT]))


def _is_lost(fault: Fault) -> bool:
    """SQS names a lost lease by several codes; what they share is that the receipt will never do."""
    return not fault.transient and fault.by_entry


def _text(body: bytes) -> str | None:
    """Return a body as SQS takes it, or None: it must be text of at most 1 MiB, and not empty."""
    if not 0 < len(body) <= MAX_BODY_BYTES:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
