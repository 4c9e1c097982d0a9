"""A queue on Amazon SQS."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

import boto3

from ports.addresses import check_queue_url, queue_endpoint, queue_region
from ports.aws.batches import MAX_ENTRIES, BatchCall, BatchResult, Entry, send_batch, split
from ports.aws.client import Calls, config, endpoint_of, region_of
from ports.aws.faults import AwsError, Fault
from ports.aws.replies import reading, watch_calls
from ports.protocols import CountCall, Depth, Message

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

MAX_BODY_BYTES: Final = 1024 * 1024
"""Of one message, and of all messages in one call."""
RECEIVE_MARGIN_S: Final = 5
_VISIBLE: Final = "ApproximateNumberOfMessages"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
_RECEIVE_COUNT: Final = "ApproximateReceiveCount"


def open_sqs(url: str, *, wait_time_s: int, in_flight: int, on_call: CountCall) -> "SqsQueue":
    """
    Open a queue by its URL; no call is made.

    Raises:
        BadAddress: The URL is not that of a standard queue, or nobody names the region.
    """
    check_queue_url(url)
    region, endpoint = region_of(queue_region(url)), endpoint_of("SQS", queue_endpoint(url))
    client = boto3.client("sqs", region_name=region, endpoint_url=endpoint, config=config(in_flight))
    patience = config(in_flight, read_timeout_s=wait_time_s + RECEIVE_MARGIN_S)
    receiver = boto3.client("sqs", region_name=region, endpoint_url=endpoint, config=patience)
    for one in (client, receiver):
        watch_calls(one, on_call)
    return SqsQueue(url, client, receiver, Calls(url, in_flight=in_flight), wait_time_s=wait_time_s)


class SqsQueue:
    """A standard SQS queue. Each call is of ten messages at most; several are made at a time."""

    def __init__(self, url: str, client: "SQSClient", receiver: "SQSClient", calls: Calls, *, wait_time_s: int) -> None:
        """
        Take a queue.

        Args:
            url: The queue's URL.
            client: Makes all calls but receives.
            receiver: Receives; its read timeout is longer than `wait_time_s`.
            calls: Retries, several calls in flight, the log.
            wait_time_s: The longest wait of a receive.
        """
        self._url, self._client, self._receiver, self._calls = url, client, receiver, calls
        self._lease_calls = calls.beside()  # a lease must be extended also while deletes hang
        self._wait_time_s = wait_time_s

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
        wait_time_s = int(min(wait_s, self._wait_time_s))
        try:
            received = self._receive_ten(min(limit, MAX_ENTRIES), wait_time_s, visibility_timeout_s)
        except AwsError as error:
            raise self._calls.unavailable("sqs:ReceiveMessage", error) from error
        if len(received) == MAX_ENTRIES < limit:
            received += self._receive_more(limit - MAX_ENTRIES, visibility_timeout_s)
        return received

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages that are done. Return those that are not known to be deleted."""
        entries = [{"Id": str(i), "ReceiptHandle": m.receipt} for i, m in enumerate(messages)]
        faults = self._send_all(
            "sqs:DeleteMessageBatch",
            lambda ten: self._client.delete_message_batch(QueueUrl=self._url, Entries=ten),
            entries,
        ).faults
        return [message for i, message in enumerate(messages) if str(i) in faults]

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        """Make each message visible after its seconds. Return those whose receipt SQS does not take any more."""
        entries = [
            {"Id": str(i), "ReceiptHandle": message.receipt, "VisibilityTimeout": timeout_s}
            for i, (message, timeout_s) in enumerate(timeouts_s)
        ]
        faults = self._send_all(
            "sqs:ChangeMessageVisibilityBatch",
            lambda ten: self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=ten),
            entries,
            self._lease_calls,
        ).faults
        return [message for i, (message, _) in enumerate(timeouts_s) if _is_lost(faults.get(str(i)))]

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        """Put messages on the queue. Return their ids in order, None for one that was not taken."""
        entries = [
            {"Id": str(i), "MessageBody": text} for i, body in enumerate(bodies) if (text := _text(body)) is not None
        ]
        done = self._send_all(
            "sqs:SendMessageBatch",
            lambda ten: self._client.send_message_batch(QueueUrl=self._url, Entries=ten),
            entries,
        ).done
        return [done.get(str(i), {}).get("MessageId") for i in range(len(bodies))]

    def depth(self) -> Depth:
        """
        Count the messages, approximately.

        Raises:
            Unavailable: SQS did not answer, or refused.
        """
        try:
            reply = self._calls.retried(
                lambda: self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[_VISIBLE, _IN_FLIGHT])
            )
            with reading():
                counts = reply["Attributes"]
                return Depth(int(counts[_VISIBLE]), int(counts[_IN_FLIGHT]))
        except AwsError as error:
            raise self._calls.unavailable("sqs:GetQueueAttributes", error) from error

    def _receive_ten(self, limit: int, wait_time_s: int, visibility_timeout_s: int) -> list[Message]:
        reply = self._receiver.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait_time_s,
            VisibilityTimeout=visibility_timeout_s,
            MessageSystemAttributeNames=[_RECEIVE_COUNT],
        )
        with reading():
            return [
                Message(m["MessageId"], m["ReceiptHandle"], m["Body"].encode(), int(m["Attributes"][_RECEIVE_COUNT]))
                for m in reply.get("Messages", [])
            ]

    def _receive_more(self, limit: int, visibility_timeout_s: int) -> list[Message]:
        """Receive by several calls at a time without waiting, until one comes back less than full."""
        received: list[Message] = []
        while (missing := limit - len(received)) > 0:
            sizes = [min(MAX_ENTRIES, missing - start) for start in range(0, missing, MAX_ENTRIES)]
            sizes = sizes[: self._calls.in_flight]
            replies = self._calls.each(lambda size: self._receive_or_nothing(size, visibility_timeout_s), sizes)
            received += chain.from_iterable(replies)
            if any(len(reply) < size for reply, size in zip(replies, sizes, strict=True)):
                break
        return received

    def _receive_or_nothing(self, limit: int, visibility_timeout_s: int) -> list[Message]:
        """Return nothing if it fails, since the messages of the first call must not be lost to that."""
        try:
            return self._receive_ten(limit, 0, visibility_timeout_s)
        except AwsError as error:
            self._calls.tell("sqs:ReceiveMessage", Fault.of(error))
            return []

    def _send_all(self, api: str, call: BatchCall, entries: Sequence[Entry], by: Calls | None = None) -> BatchResult:
        calls = by or self._calls
        batches = split(entries, size=lambda e: len(e.get("MessageBody", "").encode()), max_bytes=MAX_BODY_BYTES)
        results = calls.each(lambda ten: send_batch(calls, api, call, ten, again=True), batches)
        return BatchResult(
            {key: entry for result in results for key, entry in result.done.items()},
            {key: fault for result in results for key, fault in result.faults.items()},
        )


def _is_lost(fault: Fault | None) -> bool:
    """SQS names a lost lease by several codes; what they share is that the receipt will never do."""
    return fault is not None and not fault.transient and fault.by_entry


def _text(body: bytes) -> str | None:
    """Return a body as SQS takes it, or None: it must be text of at most 1 MiB, and not empty."""
    if not 0 < len(body) <= MAX_BODY_BYTES:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
