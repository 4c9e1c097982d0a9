"""How many calls are made, and at a time: enough where there is work, one where there is none."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from ports import Message, Put, Queue, Transport, open_queue, open_store
from ports.aws.table import to_item
from schemas.decision import Decision
from tests.contract.answering import Answer, Answering, Request

IN_FLIGHT: Final = 8
PATIENCE_S: Final = 10


@pytest.fixture(params=["boto3", "direct"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Say how calls are made."""
    name: Transport = request.param
    return name


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr("ports.aws.client.FIRST_PAUSE_S", 0.001)


class Sqs:
    """Holds so many messages, and writes down what each receive asked for."""

    def __init__(self, held: int) -> None:
        self.held, self.asked, self._lock = held, [], threading.Lock()
        self.together: threading.Barrier | None = None

    def __call__(self, request: Request) -> Answer:
        asked = json.loads(request.body)
        if self.together is not None:
            self.together.wait(PATIENCE_S)
        if request.api != "sqs:ReceiveMessage":
            return Answer(200, json.dumps({"Successful": [{"Id": e["Id"]} for e in asked["Entries"]]}).encode())
        with self._lock:
            self.asked.append((asked["MaxNumberOfMessages"], asked["WaitTimeSeconds"]))
            given = min(self.held, asked["MaxNumberOfMessages"])
            self.held -= given
        one = {"MessageId": "m", "ReceiptHandle": "r", "Body": "{}", "Attributes": {"ApproximateReceiveCount": "1"}}
        return Answer(200, json.dumps({"Messages": [one] * given}).encode())

    asked: list[tuple[int, int]]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    with Answering(lambda _: Answer(500, b"")) as answering:
        monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
        yield answering


def open_on(service: Answering, transport: Transport) -> Queue:
    url = f"{service.url}/111122223333/events"
    return open_queue(url, wait_time_s=20, in_flight=IN_FLIGHT, transport=transport)


def test_an_empty_queue_sees_one_call_that_waits(service: Answering, transport: Transport) -> None:
    sqs = service.respond = Sqs(0)

    assert [] == open_on(service, transport).receive(250, 20, 60)
    assert [(10, 20)] == sqs.asked


def test_a_few_messages_are_fetched_by_one_call(service: Answering, transport: Transport) -> None:
    sqs = service.respond = Sqs(9)

    assert 9 == len(open_on(service, transport).receive(250, 20, 60))
    assert [(10, 20)] == sqs.asked


def test_only_a_full_reply_lets_the_other_calls_follow_and_none_of_them_waits(
    service: Answering, transport: Transport
) -> None:
    sqs = service.respond = Sqs(75)

    assert 75 == len(open_on(service, transport).receive(75, 20, 60))
    assert [(5, 0), *[(10, 0)] * 6, (10, 20)] == sorted(sqs.asked)


def test_a_backlog_that_is_known_is_fetched_by_all_calls_at_once(service: Answering, transport: Transport) -> None:
    """None of the eight is answered before all have come."""
    sqs = service.respond = Sqs(160)
    queue = open_on(service, transport)
    queue.receive(80, 20, 60)
    sqs.asked, sqs.together = [], threading.Barrier(IN_FLIGHT)

    assert 80 == len(queue.receive(80, 20, 60))
    assert [(10, 0)] * IN_FLIGHT == sqs.asked


def test_a_backlog_that_has_gone_meanwhile_ends_in_one_call_that_waits(
    service: Answering, transport: Transport
) -> None:
    sqs = service.respond = Sqs(80)
    queue = open_on(service, transport)
    queue.receive(80, 20, 60)
    sqs.asked = []

    assert [] == queue.receive(80, 20, 60)
    assert [*[(10, 0)] * IN_FLIGHT, (10, 20)] == sorted(sqs.asked)
    sqs.asked = []
    assert [] == queue.receive(80, 20, 60)
    assert [(10, 20)] == sqs.asked


def test_deletes_are_all_in_flight_at_once(service: Answering, transport: Transport) -> None:
    sqs = service.respond = Sqs(0)
    sqs.together = threading.Barrier(IN_FLIGHT)
    messages = [Message(f"id-{n}", f"receipt-{n}", b"{}", 1) for n in range(10 * IN_FLIGHT)]

    assert [] == open_on(service, transport).delete(messages)


def test_several_threads_share_a_queue(service: Answering, transport: Transport) -> None:
    """Each gets its own replies: what it has deleted, and nothing of the others'."""
    service.respond = Sqs(0)
    queue, left = open_on(service, transport), []

    def work(thread: int) -> None:
        for n in range(20):
            messages = [Message(f"{thread}-{n}-{i}", f"r-{thread}-{n}-{i}", b"{}", 1) for i in range(thread * 7 + 1)]
            left.extend(queue.delete(messages))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == left


@pytest.mark.parametrize("change", ["customer_id", "version", "was_lead"])
def test_a_reply_that_shows_another_row_stores_nothing(
    service: Answering, transport: Transport, decide: Callable[..., Decision], change: str
) -> None:
    decision = decide()
    row: dict[str, Any] = to_item(decision) | {"customer_id": {"S": "1"}, "was_lead": {"BOOL": False}}
    row[change] = {"S": "another"}
    service.respond = lambda _: Answer(200, json.dumps({"Attributes": row}).encode())
    store = open_store("dynamodb://decisions", transport=transport)
    assert store is not None

    assert [Put("failed", None)] == store.put([decision])
