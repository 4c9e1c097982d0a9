"""The short way through boto3: the same calls, signed and sent by botocore, read as they come, and told of as ever."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.httpsession import URLLib3Session

from ports.aws.clients import make_client
from ports.aws.sdk import config
from ports.aws.sdk_lines import quicken
from ports.aws.sdk_short import shorten
from tests.contract.answering import Answer, Answering, Request

REGION = "eu-west-1"
ARN = "arn:aws:sns:eu-west-1:123456789012:leads"
ENTRIES = [
    {
        "Id": str(n),
        "Message": json.dumps({"text": "a b&c=d ä漢🙂\r\n" * 20, "n": n}, ensure_ascii=n % 2 == 0),
        "MessageAttributes": {"tier": {"DataType": "String", "StringValue": "A & B/ü"}},
    }
    for n in range(3)
]
ONLY_ON_THE_LONG_WAY = "amz-sdk-request"
OF_BOTH = ("Content-Type", "X-Amz-Target", "x-amzn-query-mode", "X-Amz-Security-Token", "User-Agent", "Content-Length")


@pytest.fixture
def sent() -> list[Request]:
    """Collect what was asked."""
    return []


@pytest.fixture
def service(sent: list[Request], monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """Start what answers every call with `{}` or with an empty list, and point boto3 to it, with keys of a role."""

    def respond(request: Request) -> Answer:
        sent.append(request)
        space = "http://sns.amazonaws.com/doc/2010-03-31/"
        xml = f"<PublishBatchResponse xmlns='{space}'><PublishBatchResult/></PublishBatchResponse>".encode()
        return Answer(200, xml if request.api.startswith("sns") else b"{}", {"x-amzn-RequestId": "request-0"})

    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with Answering(respond) as answering:
        monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
        yield answering


def short(service: str, counted: Counter[tuple[str, str]] | None = None) -> Any:  # noqa: ANN401
    """Make a client as the ports do."""
    tell = Counter[tuple[str, str]]() if counted is None else counted
    return make_client(service, REGION, None, lambda api, result: tell.update([(api, result)]), 1)


def long(service: str, **settings: Any) -> Any:  # noqa: ANN401
    """Make a client whose calls go botocore's own way."""
    return boto3.client(service, region_name=REGION, config=config(1).merge(Config(**settings)))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("service_name", "method", "params"),
    [
        ("sqs", "receive_message", {"QueueUrl": "https://q/1/e", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}),
        ("sqs", "delete_message_batch", {"QueueUrl": "https://q/1/ü", "Entries": [{"Id": "0", "ReceiptHandle": "r"}]}),
        ("sns", "publish_batch", {"TopicArn": ARN, "PublishBatchRequestEntries": ENTRIES}),
        (
            "dynamodb",
            "update_item",
            {"TableName": "t", "Key": {"a": {"S": "b"}}, "ExpressionAttributeValues": {":a": {"N": "1"}}},
        ),
    ],
)
@pytest.mark.usefixtures("service")
def test_what_is_sent_is_what_botocore_sends(
    sent: list[Request], service_name: str, method: str, params: dict[str, Any]
) -> None:
    """The test also says when a botocore of tomorrow leaves no short way: both would be the long one."""
    getattr(short(service_name), method)(**params)
    getattr(long(service_name), method)(**params)

    ours, usual = sent
    assert ONLY_ON_THE_LONG_WAY not in ours.headers
    assert ONLY_ON_THE_LONG_WAY in usual.headers
    assert [usual.headers.get(name) for name in OF_BOTH] == [ours.headers.get(name) for name in OF_BOTH]
    assert (usual.method, usual.path) == (ours.method, ours.path)
    assert parse_qsl(usual.body.decode()) == parse_qsl(ours.body.decode())
    assert usual.body == ours.body


def test_a_refusal_holds_what_it_says_beside_its_code(service: Answering) -> None:
    body = {"__type": "a#ConditionalCheckFailedException", "Item": {"version": {"S": "1"}}}
    service.respond = lambda _: Answer(400, json.dumps(body).encode(), {"x-amzn-RequestId": "request-7"})
    counted: Counter[tuple[str, str]] = Counter()
    client = short("dynamodb", counted)

    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as refusal:
        client.update_item(TableName="t", Key={"a": {"S": "b"}})

    assert body["Item"] == refusal.value.response["Item"]
    assert "request-7" == refusal.value.response["ResponseMetadata"]["RequestId"]
    assert {("dynamodb:UpdateItem", "ConditionalCheckFailedException"): 1} == counted


@pytest.mark.usefixtures("service")
def test_a_call_without_credentials_is_told_of_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    client = short("sqs", counted)

    with pytest.raises(Exception, match="Unable to locate credentials"):
        client.receive_message(QueueUrl="https://q/1/e")

    assert {("sqs:ReceiveMessage", "NoCredentialsError"): 1} == counted


@pytest.mark.usefixtures("service")
def test_whoever_answers_before_a_call_is_sent_still_does(sent: list[Request]) -> None:
    """So do tools that stand in for AWS."""
    client = short("sqs")
    seen: list[str] = []
    client.meta.events.register("before-send.sqs.ReceiveMessage", lambda request, **_: seen.append(request.url))

    client.receive_message(QueueUrl="https://q/1/e")

    assert [f"{client.meta.endpoint_url}/"] == seen
    assert 1 == len(sent)


@pytest.mark.usefixtures("service")
def test_a_call_that_is_not_signed_by_version_four_goes_the_long_way(sent: list[Request]) -> None:
    client = long("sqs", signature_version=UNSIGNED)
    shorten(client)

    client.receive_message(QueueUrl="https://q/1/e")

    assert ONLY_ON_THE_LONG_WAY in sent[0].headers
    assert "Authorization" not in sent[0].headers


def test_without_the_private_names_everything_is_left_as_it_is(
    service: Answering, sent: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    client, session = long("sqs"), URLLib3Session()
    with monkeypatch.context() as without:
        without.delattr(client, "_endpoint")
        without.delattr(session, "_manager")
        shorten(client)
        quicken(session)

    client.receive_message(QueueUrl="https://q/1/e")

    assert ONLY_ON_THE_LONG_WAY in sent[0].headers


def test_calls_go_through_a_proxy_where_one_is_set(
    service: Answering, sent: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://sqs.example.invalid")
    monkeypatch.setenv("HTTP_PROXY", service.url)
    monkeypatch.setenv("http_proxy", service.url)

    short("sqs").receive_message(QueueUrl="https://q/1/e")

    assert ["http://sqs.example.invalid/"] == [request.path for request in sent]
    assert ONLY_ON_THE_LONG_WAY not in sent[0].headers


@pytest.mark.usefixtures("service")
def test_keys_that_were_refreshed_sign_the_next_call(sent: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    client = short("sqs")
    keys = client._request_signer._credentials

    for name in ("FIRST", "SECOND"):
        monkeypatch.setattr(keys, "get_frozen_credentials", lambda name=name: ReadOnlyCredentials(name, "s", name))
        client.receive_message(QueueUrl="https://q/1/e")

    assert ["FIRST", "SECOND"] == [request.headers["X-Amz-Security-Token"] for request in sent]
    assert ["Credential=FIRST", "Credential=SECOND"] == [
        request.headers["Authorization"].split()[1].split("/")[0] for request in sent
    ]
