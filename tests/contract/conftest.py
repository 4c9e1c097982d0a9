"""Each port, on AWS (moto in this process) and embedded: one set of sentences holds for both."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.request import Request, urlopen

import boto3
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer

from ports import Queue, Store, Topic, Transport, create_queue, open_queue, open_store, open_topic
from ports.aws.table import table_definition
from schemas.decision import Decision, ModelId
from schemas.lead import Lead, LeadData

REGION = "eu-west-1"
MODEL = ModelId(name="forest", version="1.2.0", sha256="a" * 64)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make AWS answer from this process, with credentials that are good for nothing else."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def served_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make AWS answer from a server: what goes over sockets cannot be answered within this process."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    with urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST"), timeout=10):
        pass
    yield
    server.stop()


@pytest.fixture(params=["embedded", "aws", "direct"])
def side(request: pytest.FixtureRequest) -> str:
    """Say where the port under test lives: in a file, on AWS over boto3, on AWS over the direct transport."""
    if request.param != "embedded":
        request.getfixturevalue({"aws": "aws", "direct": "served_aws"}[request.param])
    return str(request.param)


def transport_of(side: str) -> Transport:
    """Say how AWS is called."""
    return "direct" if side == "direct" else "boto3"


@pytest.fixture
def queue(side: str, tmp_path: Path) -> Queue:
    """Make a queue whose messages count as dead after two receives."""
    return make_queue(side, tmp_path)[0]


@pytest.fixture
def queue_and_dead_letters(side: str, tmp_path: Path) -> tuple[Queue, Queue]:
    """Make a queue whose messages count as dead after two receives, and the one that they go to."""
    return make_queue(side, tmp_path)


def make_queue(side: str, folder: Path) -> tuple[Queue, Queue]:
    """Make a queue and its dead-letter queue. One call at a time, since moto loses messages to several."""
    if side == "embedded":
        dead = f"sqlite:///{folder}/dead.db"
        return create_queue(f"sqlite:///{folder}/queue.db", dead_letters=dead, max_receive_count=2), open_queue(dead)
    sqs = boto3.client("sqs", region_name=REGION)
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 2}}'
    url = sqs.create_queue(QueueName="events", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    transport = transport_of(side)
    queue = open_queue(url, wait_time_s=1, in_flight=1, transport=transport)
    return queue, open_queue(dead, wait_time_s=1, in_flight=1, transport=transport)


@pytest.fixture
def store(side: str, tmp_path: Path) -> Store:
    """Make an empty store."""
    url = f"sqlite:///{tmp_path}/store.db"
    if side != "embedded":
        boto3.client("dynamodb", region_name=REGION).create_table(**table_definition("decisions"))
        url = "dynamodb://decisions"
    store = open_store(url, in_flight=1, transport=transport_of(side))
    assert store is not None
    return store


@pytest.fixture
def topic_and_reader(side: str, tmp_path: Path) -> tuple[Topic, Callable[[], Sequence[str]]]:
    """Make a topic, and a function that returns the bodies that a subscriber has got so far."""
    if side == "embedded":
        path = tmp_path / "leads.jsonl"
        topic = open_topic(f"file:///{path}")
        assert topic is not None
        return topic, lambda: path.read_text().splitlines()
    return _sns_with_subscriber(transport_of(side))


def _sns_with_subscriber(transport: Transport) -> tuple[Topic, Callable[[], Sequence[str]]]:
    arn = boto3.client("sns", region_name=REGION).create_topic(Name="leads")["TopicArn"]
    url = boto3.client("sqs", region_name=REGION).create_queue(QueueName="marketing")["QueueUrl"]
    boto3.client("sns", region_name=REGION).subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:123456789012:marketing",
        Attributes={"RawMessageDelivery": "true"},
    )
    subscriber = open_queue(url, in_flight=1, transport=transport)
    topic = open_topic(arn, in_flight=1, transport=transport)
    assert topic is not None
    return topic, lambda: [m.body.decode() for m in subscriber.receive(100, 0, 60)]


@pytest.fixture
def decide() -> Callable[..., Decision]:
    """Give a function that makes a decision about a customer; every part has a default."""
    return _decision


@pytest.fixture
def make_lead() -> Callable[..., Lead]:
    """Give a function that makes a lead by its number; every part of its data has a default."""
    return _lead


def _decision(customer_id: str = "1", **changes: object) -> Decision:
    usual = {
        "event_id": "evt-1",
        "event_time": "2026-01-15T10:00:00.000000Z",
        "source": "/core-banking/customers",
        "content_sha256": "c" * 64,
        "score": 0.91,
        "lead": True,
        "tier": "A",
        "threshold": 0.5,
        "model": MODEL,
        "campaign": "default",
        "consent": None,
        "expires_at": "2026-02-14T10:00:00.000000Z",
    }
    return Decision.model_validate({"customer_id": customer_id, **usual, **changes})


def _lead(number: int = 1, **changes: object) -> Lead:
    usual = {
        "lead_id": f"lead-{number}",
        "customer_id": str(number),
        "event_id": "evt-1",
        "event_time": "2026-01-15T10:00:00.000000Z",
        "score": 0.91,
        "tier": "A",
        "threshold": 0.5,
        "model": MODEL,
        "campaign": "default",
        "expires_at": "2026-02-14T10:00:00.000000Z",
    }
    return Lead(
        id=f"id-{number}",
        type="bank.lead.created.v1",
        subject=str(number),
        time="2026-01-15T10:00:00.000000Z",
        data=LeadData.model_validate(usual | changes),
    )
