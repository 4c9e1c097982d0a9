"""What answers is not always AWS: garbage, half a reply or silence never counts as empty, done, stored or published."""

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import pytest

from ports import Message, Put, Queue, Store, Topic, Transport, Unavailable, open_queue, open_store, open_topic
from ports.aws.client import Calls
from ports.aws.faults import Fault
from ports.aws.queue import SqsQueue
from ports.aws.sides import Side
from ports.aws.store import DynamoStore
from ports.aws.table import to_item
from ports.aws.topic import SnsTopic
from ports.aws.transport import open_side
from schemas.decision import Decision
from schemas.lead import Lead
from tests.contract.answering import HTML, Answer, Answering, Request, Silence

REGION: Final = "eu-west-1"
ARN: Final = "arn:aws:sns:eu-west-1:123456789012:leads"
MESSAGES: Final = [Message(f"id-{n}", f"receipt-{n}", b"{}", 1) for n in range(2)]
IN_FLIGHT: Final = 4
ATTEMPTS: Final = 3
PATIENCE_S: Final = 0.3

GARBAGE: Final = {
    "html": HTML,
    "xhtml": b"<html><body/></html>",
    "nothing": b"",
    "half a reply": b'{"Messages": [{"MessageId": "1"',
    "half a reply that ends as a whole one": b'{"Messages": [{"MessageId": "1"}',
    "null": b"null",
    "a list": b"[]",
    "a text": b'"Messages"',
    "a number": b"5",
    "not UTF-8": b"\xff\xfe{}",
    "another object": b'{"status": "maintenance", "Messages": null}',
    "an error under status 200": b'{"__type": "com.amazon#ServiceUnavailable", "message": "later"}',
    "an error that is a text": b'{"Error": "later", "ResponseMetadata": 1}',
    "objects for lists": b'{"Messages": {}, "Successful": {}, "Failed": {}, "Items": {}, "Attributes": [], "Item": []}',
    "texts for lists": b'{"Messages": "", "Successful": "", "Failed": "", "Items": "", "Attributes": "", "Item": ""}',
    "lists of other things": b'{"Messages": [1], "Successful": [1], "Items": [1], '
    b'"Attributes": {"a": 1}, "Item": {"a": 1}}',
    "lists of nothing": b'{"Messages": [{}], "Successful": [{}], "Items": [{}], '
    b'"Attributes": {"a": {}}, "Item": {"a": {}}}',
    "lists of null": b'{"Messages": [null], "Successful": [null], "Items": [null], '
    b'"Attributes": {}, "Item": {"a": null}}',
    "a number for a body": b'{"Messages": [{"MessageId": "1", "ReceiptHandle": "r", "Body": 5, '
    b'"Attributes": {"ApproximateReceiveCount": "1"}}], "Successful": [], "Items": [{"score": {"N": "x"}}], '
    b'"Attributes": {"score": {"N": "x"}}, "Item": {"score": {"N": "x"}}}',
    "a whole XML reply that lists nothing": b"<PublishBatchResponse xmlns='http://sns.amazonaws.com/doc/2010-03-31/'>"
    b"<PublishBatchResult/></PublishBatchResponse>",
    "XML in no known encoding": b'<?xml version="1.0" encoding="none"?><PublishBatchResponse/>',
    "XML with entities": b'<!DOCTYPE a [<!ENTITY b "c">]><PublishBatchResponse>&b;</PublishBatchResponse>',
    "half an XML reply": b"<PublishBatchResponse><PublishBatchResult><Successful><member><Id>0</Id></member>",
    "an XML reply without ids": b"<PublishBatchResponse xmlns='http://sns.amazonaws.com/doc/2010-03-31/'>"
    b"<PublishBatchResult><Successful><member><MessageId>0</MessageId></member></Successful></PublishBatchResult>"
    b"</PublishBatchResponse>",
}


class Ports(NamedTuple):
    """One of each kind, whose calls are counted."""

    queue: Queue
    store: Store
    topic: Topic
    counted: Counter[tuple[str, str]]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set credentials that are good for nothing; wait for nobody between two attempts."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr("ports.aws.client.FIRST_PAUSE_S", 0.001)


@pytest.fixture
def service() -> Iterator[Answering]:
    """Start what answers every call, with nothing at first."""
    with Answering(lambda _: Answer(200, b"{}")) as answering:
        yield answering


@pytest.fixture(params=["boto3", "direct"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Say how calls are made."""
    name: Transport = request.param
    return name


@pytest.fixture
def ports(service: Answering, transport: Transport, monkeypatch: pytest.MonkeyPatch) -> Ports:
    """Open all ports on it, as a worker does."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    counted: Counter[tuple[str, str]] = Counter()

    def on_call(api: str, result: str) -> None:
        counted[api, result] += 1

    queue = open_queue(f"{service.url}/123456789012/events", wait_time_s=1, on_call=on_call, transport=transport)
    store = open_store("dynamodb://decisions", on_call=on_call, transport=transport)
    topic = open_topic(ARN, on_call=on_call, transport=transport)
    assert store is not None
    assert topic is not None
    return Ports(queue, store, topic, counted)


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_no_empty_queue_and_nothing_is_done_stored_or_published_by_it(
    service: Answering, ports: Ports, decide: Callable[..., Decision], make_lead: Callable[..., Lead], body: bytes
) -> None:
    """Every attempt is counted, and whatever is returned says that it is not known to be done."""
    service.respond = lambda _: Answer(200, body)
    leads = [make_lead(0), make_lead(1)]

    with pytest.raises(Unavailable, match=r"ReceiveMessage failed on .*: BadReply .*AWS_ENDPOINT_URL"):
        ports.queue.receive(10, 0, 60)
    with pytest.raises(Unavailable, match="GetQueueAttributes"):
        ports.queue.depth()
    assert MESSAGES == ports.queue.delete(MESSAGES)
    assert [] == ports.queue.set_visibility([(message, 60) for message in MESSAGES])
    assert [None, None] == ports.queue.send([b"a", b"b"])
    assert [Put("failed", None)] * 2 == ports.store.put([decide("1"), decide("2")])
    ports.store.settle_withdrawals([decide("1")])
    reads: list[Callable[[], object]] = [
        lambda: ports.store.get("1"),
        lambda: ports.store.best(1),
        lambda: ports.store.newest(1),
        lambda: list(ports.store.scan()),
    ]
    for read in reads:
        with pytest.raises(Unavailable, match="BadReply"):
            read()
    assert leads == ports.topic.publish(leads)

    asked = Counter(api for api, _ in ports.counted.elements())
    assert service.calls == asked


@pytest.mark.parametrize("body", [HTML, b"", b'{"message": "Forbidden"}'], ids=["html", "nothing", "json"])
@pytest.mark.parametrize("status", [302, 403, 407, 503])
def test_an_error_of_somebody_else_is_tried_again_and_loses_no_lease(
    service: Answering, ports: Ports, decide: Callable[..., Decision], status: int, body: bytes
) -> None:
    """A proxy that asks for a password says nothing about AWS: what it refuses may be taken later."""
    service.respond = lambda _: Answer(status, body)

    with pytest.raises(Unavailable, match=r"BadReply.*the proxy"):
        ports.queue.receive(10, 0, 60)
    assert [] == ports.queue.set_visibility([(message, 60) for message in MESSAGES])
    assert [Put("failed", None)] == ports.store.put([decide()])
    assert ATTEMPTS == service.calls["dynamodb:UpdateItem"] == ports.counted["dynamodb:UpdateItem", "BadReply"]


def test_a_reply_that_breaks_off_is_none(service: Answering, ports: Ports) -> None:
    """The header promises more bytes than come."""
    service.respond = lambda _: Answer(200, b'{"Messages": [], "Successful": [{"Id": "0"}]', length=1000)

    with pytest.raises(Unavailable, match="ReceiveMessage"):
        ports.queue.receive(10, 0, 60)
    assert MESSAGES == ports.queue.delete(MESSAGES)


@pytest.mark.parametrize("body", [b"{}", b'{"Messages": []}', b'{"Messages": null}', b' {"Messages": [], "New": 1}\n'])
def test_a_queue_that_is_empty_may_say_so_in_several_ways(service: Answering, ports: Ports, body: bytes) -> None:
    """The last one is a reply of tomorrow, with something in it that nobody knows yet."""
    service.respond = lambda _: Answer(200, body)

    assert [] == ports.queue.receive(10, 0, 60)
    assert {("sqs:ReceiveMessage", "ok"): 1} == ports.counted


def test_a_customer_who_is_not_stored_is_no_garbage(service: Answering, ports: Ports) -> None:
    service.respond = lambda _: Answer(200, b"{}")

    assert ports.store.get("1") is None


def test_a_reply_to_another_call_counts_for_nothing_and_what_also_failed_is_not_done(
    service: Answering, ports: Ports
) -> None:
    """Of twenty messages the first call's reply names one of the second, and one twice: done, and failed."""
    twenty = [Message(f"id-{n}", f"receipt-{n}", b"{}", 1) for n in range(20)]
    done = [{"Id": str(n), "MessageId": f"m-{n}"} for n in (0, 1, 15)]
    failed = [{"Id": "1", "Code": "InvalidParameterValue", "SenderFault": True, "Message": ""}]
    first = json.dumps({"Successful": done, "Failed": failed}).encode()
    service.respond = lambda request: Answer(
        200, first if json.loads(request.body)["Entries"][0]["Id"] == "0" else b"{}"
    )

    assert twenty[1:] == ports.queue.delete(twenty)
    assert ["m-0"] + [None] * 19 == ports.queue.send([b"x"] * 20)


def test_a_refused_condition_that_does_not_show_what_is_stored_tells_nothing(
    service: Answering, ports: Ports, decide: Callable[..., Decision]
) -> None:
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}'
    service.respond = lambda _: Answer(400, body)

    assert [Put("failed", None)] * 2 == ports.store.put([decide("1"), decide("2")])


@pytest.fixture
def impatient(service: Answering, transport: Transport, monkeypatch: pytest.MonkeyPatch) -> Ports:
    """Open all ports on it with little patience, and with several calls in flight."""
    counted: Counter[tuple[str, str]] = Counter()
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    monkeypatch.setattr("ports.aws.sides.READ_TIMEOUT_S", PATIENCE_S)

    def side(name: str) -> Side:
        return open_side(
            name,
            REGION,
            transport=transport,
            in_flight=IN_FLIGHT,
            on_call=lambda api, result: counted.update([(api, result)]),
        )

    return Ports(
        SqsQueue("https://q/1/events", side("sqs"), Calls("queue"), wait_time_s=0),
        DynamoStore("decisions", side("dynamodb"), Calls("store")),
        SnsTopic(ARN, side("sns"), Calls("topic")),
        counted,
    )


@pytest.mark.parametrize("kind", ["store", "topic", "queue"])
def test_with_a_service_that_hangs_hundreds_of_items_take_the_patience_of_one(
    service: Answering,
    impatient: Ports,
    decide: Callable[..., Decision],
    make_lead: Callable[..., Lead],
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    """
    No more calls are made than can be in flight at a time, each with its attempts. Every attempt is counted.

    The next batch asks again, and is done once the service answers. All that is logged is one line.
    """
    items: Any = {
        "store": [decide(str(n)) for n in range(300)],
        "topic": [make_lead(n) for n in range(300)],
        "queue": [Message(f"id-{n}", f"receipt-{n}", b"{}", 1) for n in range(300)],
    }[kind]
    by_kind: dict[str, Callable[[Any], Any]] = {
        "store": impatient.store.put,
        "topic": impatient.topic.publish,
        "queue": impatient.queue.delete,
    }
    call = by_kind[kind]
    nothing = [Put("failed", None)] * len(items) if kind == "store" else items
    service.respond = lambda _: Silence()

    with caplog.at_level(logging.INFO):
        assert nothing == call(items)
        once = service.calls.total()
        assert nothing == call(items)

    assert ATTEMPTS <= once <= IN_FLIGHT * ATTEMPTS
    assert once < service.calls.total() <= 2 * IN_FLIGHT * ATTEMPTS
    [api] = service.calls
    assert {(api, "ReadTimeoutError"): service.calls.total()} == impatient.counted
    assert [f"{api} failed on {kind}: ReadTimeoutError"] == [text.partition(" (")[0] for text in caplog.messages]

    service.respond = lambda _: Answer(200, stored(items[0]) if kind == "store" else b"{}")
    asked = service.calls.total()
    call(items[:30])
    assert service.calls.total() > asked + 2


def test_with_a_gateway_that_waits_in_vain_hundreds_of_items_take_the_patience_of_one_as_well(
    service: Answering, impatient: Ports, decide: Callable[..., Decision]
) -> None:
    """It answers for the service that hangs behind it: each time late, but in time for the caller."""

    def late(_: Request) -> Answer:
        time.sleep(PATIENCE_S / 2)
        return Answer(504, HTML)

    service.respond = late

    assert [Put("failed", None)] * 300 == impatient.store.put([decide(str(n)) for n in range(300)])
    assert ATTEMPTS <= service.calls.total() <= IN_FLIGHT * ATTEMPTS


def test_a_call_that_nobody_answers_does_not_stop_those_that_are_made_later_alone(
    service: Answering, impatient: Ports, decide: Callable[..., Decision]
) -> None:
    service.respond = lambda _: Silence()
    impatient.store.put([decide(str(n)) for n in range(20)])
    decision = decide("1")
    service.respond = lambda _: Answer(200, stored(decision))

    assert ["applied"] == [put.outcome for put in impatient.store.put([decision])]


def test_leases_are_extended_while_deletes_hang(service: Answering, impatient: Ports) -> None:
    """All calls of the queue are taken by deletes that nobody answers; the thread that keeps leases waits for none."""
    deleting, release = threading.Event(), threading.Event()
    messages = [Message(f"id-{n}", f"receipt-{n}", b"{}", 1) for n in range(100)]

    def respond(request: Request) -> Answer | Silence:
        if request.api == "sqs:DeleteMessageBatch":
            deleting.set()
            release.wait(10)
            return Silence(0)
        return Answer(200, json.dumps({"Successful": [{"Id": str(n)} for n in range(100)]}).encode())

    service.respond = respond
    deletes = threading.Thread(target=impatient.queue.delete, args=(messages,))
    deletes.start()
    assert deleting.wait(10)
    lost = impatient.queue.set_visibility([(message, 60) for message in messages])
    still_deleting = deletes.is_alive()
    release.set()
    deletes.join()

    assert [] == lost
    assert 10 == service.calls["sqs:ChangeMessageVisibilityBatch"]
    assert still_deleting


def test_a_fault_is_told_again_when_ten_minutes_have_passed(caplog: pytest.LogCaptureFixture) -> None:
    """A second outage is not left unexplained because the first one was explained some days ago."""
    now = [1000.0]
    calls = Calls("store", clock=lambda: now[0])
    with caplog.at_level(logging.INFO):
        for _ in range(11):
            calls.tell("dynamodb:UpdateItem", Fault("ThrottlingException", "r", transient=True))
            now[0] += 60

    assert 2 == len(caplog.messages)


def stored(decision: Decision) -> bytes:
    """Return DynamoDB's reply to an update that stores it."""
    item = to_item(decision) | {"customer_id": {"S": decision.customer_id}, "was_lead": {"BOOL": False}}
    return json.dumps({"Attributes": item}).encode()
