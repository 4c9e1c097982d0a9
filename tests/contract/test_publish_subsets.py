"""Of ten entries in one call any may fail: all 1,024 subsets, through the worker's own loop and the ports to AWS."""

import json
import random
from collections.abc import Callable, Collection, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs
from xml.sax.saxutils import quoteattr

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from ports import Message, Queue, Topic, open_store
from ports.aws.queue import SqsQueue, open_sqs
from ports.aws.sdk import SdkSide
from ports.aws.topic import SnsTopic, open_sns
from ports.protocols import Depth, not_counted
from propensity.bundle import Bundle
from schemas.lead import Lead
from tests.bundles import policy
from tests.clock import Clock
from tests.helpers import BEFORE, NOW, cloud_event, encoded
from worker.consumer import Consumer
from worker.intake import Surroundings
from worker.lease import Leases
from worker.pipeline import Services, process_batch
from worker.settings import Settings

URL: Final = "https://sqs.eu-west-1.amazonaws.com/123456789012/events"
ARN: Final = "arn:aws:sns:eu-west-1:123456789012:leads"
TEN: Final = range(10)
SUBSETS: Final = list(chain.from_iterable(combinations(TEN, size) for size in range(11)))

WorkerOn = Callable[[Queue, Topic], Consumer]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what a call must be signed with; none gets as far as a network."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


class Ten:
    """A queue of ten messages, each given once, that writes down what is deleted."""

    url = URL

    def __init__(self, messages: Sequence[Message]) -> None:
        self._waiting = list(messages)
        self.deleted: list[Message] = []

    def receive(self, limit: int, _wait_s: float, _visibility_timeout_s: int) -> list[Message]:
        received, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return received

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        self.deleted += messages
        return []

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        raise AssertionError(f"{len(timeouts_s)} messages were given back")

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        raise AssertionError(f"{len(bodies)} messages were sent")

    def depth(self) -> Depth:
        return Depth(len(self._waiting), 0)


class Listed:
    """A topic that takes everything."""

    def __init__(self) -> None:
        self.leads: list[Lead] = []

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        self.leads += leads
        return []


class Sns:
    """What answers `PublishBatch`: the entries at these places fail, and all others are taken."""

    def __init__(self) -> None:
        self.failing: Collection[int] = ()
        self.taken: list[Lead] = []

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        form = {name: values[0] for name, values in parse_qs(text(request)).items()}
        done, failed = "", ""
        for place in TEN:
            entry = f"PublishBatchRequestEntries.member.{place + 1}"
            if f"{entry}.Id" not in form:
                break
            key = f"<Id>{form[f'{entry}.Id']}</Id>"
            if place in self.failing:
                by_us = str(place % 2 == 0).lower()
                failed += f"<member>{key}<Code>InternalError</Code><SenderFault>{by_us}</SenderFault></member>"
            else:
                done += f"<member>{key}<MessageId>m-{place}</MessageId></member>"
                self.taken.append(Lead.model_validate_json(form[f"{entry}.Message"]))
        lists = f"<Successful>{done}</Successful><Failed>{failed}</Failed>"
        space = quoteattr("http://sns.amazonaws.com/doc/2010-03-31/")
        body = (
            f"<PublishBatchResponse xmlns={space}><PublishBatchResult>{lists}</PublishBatchResult>"
            "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishBatchResponse>"
        )
        return answer(request, body)


class Sqs:
    """What answers for a queue: it gives its messages once, and the deletes at these places fail."""

    def __init__(self) -> None:
        self.failing: Collection[int] = ()
        self.waiting: list[Message] = []
        self.deleted: list[str] = []

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        asked = json.loads(text(request))
        api = str(request.headers["X-Amz-Target"], "ascii").rpartition(".")[2]
        return answer(request, json.dumps(self.receive() if api == "ReceiveMessage" else self.delete(asked["Entries"])))

    def receive(self) -> dict[str, Any]:
        received, self.waiting = self.waiting, []
        count = {"ApproximateReceiveCount": "1"}
        return {
            "Messages": [
                {"MessageId": m.id, "ReceiptHandle": m.receipt, "Body": m.body.decode(), "Attributes": count}
                for m in received
            ]
        }

    def delete(self, entries: Sequence[dict[str, str]]) -> dict[str, Any]:
        failing = {f"receipt of {place}" for place in self.failing}
        good = [entry for entry in entries if entry["ReceiptHandle"] not in failing]
        self.deleted += [entry["ReceiptHandle"].removeprefix("receipt of ") for entry in good]
        failed = [entry for entry in entries if entry not in good]
        return {
            "Successful": [{"Id": entry["Id"]} for entry in good],
            "Failed": [
                {"Id": e["Id"], "Code": "InternalError", "SenderFault": n % 2 == 0} for n, e in enumerate(failed)
            ],
        }


class _Raw:
    """The body of a reply, as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> list[bytes]:
        return [self._body]


def text(request: AWSPreparedRequest) -> str:
    return request.body.decode() if isinstance(request.body, bytes) else str(request.body)


def answer(request: AWSPreparedRequest, body: str) -> AWSResponse:
    return AWSResponse(request.url, 200, {}, _Raw(body.encode()))


@pytest.fixture
def sns() -> tuple[SnsTopic, Sns]:
    """Open a topic whose every call is answered here."""
    topic, answering = open_sns(ARN, in_flight=1, on_call=not_counted), Sns()
    topic._call.side._client.meta.events.register("before-send.sns", answering)  # type: ignore[attr-defined]
    return topic, answering


@pytest.fixture
def sqs() -> tuple[SqsQueue, Sqs]:
    """Open a queue whose every call is answered here."""
    queue, answering = open_sqs(URL, wait_time_s=0, in_flight=1, on_call=not_counted), Sqs()
    side = queue._side
    assert isinstance(side, SdkSide)
    for client in (side._client, *side._patient.values()):
        client.meta.events.register("before-send.sqs", answering)
    return queue, answering


@pytest.fixture
def worker_on(bundle: Bundle, tmp_path: Path) -> WorkerOn:
    """Give a function that builds the worker's loop on a queue and a topic, in virtual time, with a real store."""
    store, clock = open_store(f"sqlite:///{tmp_path}/store.db"), Clock()

    def build(queue: Queue, topic: Topic) -> Consumer:
        services = Services(bundle, policy(), store, topic, None, URL)
        settings = Settings(wait_time_s=0, batch_max_size=10)
        leases = Leases(queue, settings.visibility_timeout_s, clock)
        surroundings = Surroundings(clock, clock.pass_s, random.Random(1), lambda: False)  # noqa: S311  jitter
        return Consumer(
            queue,
            lambda messages, settled: process_batch(messages, services, NOW, leases.is_held, settled),
            leases,
            settings,
            surroundings,
        )

    return build


def ten_leads(number: int) -> list[Message]:
    """Return ten messages of customers whom no other number has; each is a lead."""
    events = [cloud_event(f"evt-{number}-{n}", BEFORE, customer_id=f"{number}-{n}", highest_spend=180) for n in TEN]
    return [Message(str(n), f"receipt of {n}", encoded(event), 1) for n, event in enumerate(events)]


def finish(consumer: Consumer) -> None:
    """Step on until nothing is in hand."""
    for _ in range(20):
        if not consumer.holds:
            return
        consumer.step()
    raise AssertionError("something stays in hand")


def test_whichever_of_ten_publishes_fail_exactly_the_others_are_deleted(
    sns: tuple[SnsTopic, Sns], worker_on: WorkerOn
) -> None:
    """What failed is published again, then deleted: in the end each lead was taken, and each message deleted, once."""
    topic, service = sns
    assert 1024 == len(SUBSETS)
    for number, failing in enumerate(SUBSETS):
        queue, service.failing, service.taken = Ten(ten_leads(number)), failing, []
        consumer = worker_on(queue, topic)

        consumer.step()

        others = [place for place in TEN if place not in failing]
        assert others == [int(message.id) for message in queue.deleted]
        assert [f"{number}-{place}" for place in others] == [lead.subject for lead in service.taken]

        service.failing = ()
        finish(consumer)

        assert set(map(str, TEN)) == {message.id for message in queue.deleted}
        assert 10 == len(queue.deleted) == len(service.taken) == len({lead.id for lead in service.taken})


def test_whichever_of_ten_deletes_fail_exactly_those_are_deleted_again_and_nothing_is_published_twice(
    sqs: tuple[SqsQueue, Sqs], worker_on: WorkerOn
) -> None:
    queue, service = sqs
    for number, failing in enumerate(SUBSETS):
        topic, messages = Listed(), ten_leads(number)
        service.waiting, service.failing, service.deleted = list(messages), failing, []
        consumer = worker_on(queue, topic)

        consumer.step()

        assert [str(place) for place in TEN if place not in failing] == service.deleted
        assert len(failing) == consumer.holds

        service.failing = ()
        finish(consumer)

        assert sorted(map(str, TEN)) == sorted(service.deleted)
        assert [f"{number}-{place}" for place in TEN] == [lead.subject for lead in topic.leads]
