"""What marketing reads in DynamoDB and filters by on SNS, and what is downloaded of a bundle on S3."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from ports import BadBundle, Topic, Unavailable, fetch_bundle, open_store, open_topic
from ports.aws.bundle import S3Bundle
from ports.aws.sdk import SdkCalls
from ports.aws.table import table_definition
from schemas.customer import Consent
from schemas.decision import Decision
from schemas.lead import Lead

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def dynamodb() -> "DynamoDBClient":
    client = boto3.client("dynamodb", region_name="eu-west-1")
    client.create_table(**table_definition("decisions"))
    return client


def item(dynamodb: "DynamoDBClient") -> dict[str, Any]:
    return dynamodb.get_item(TableName="decisions", Key={"customer_id": {"S": "1"}})["Item"]


def test_a_marketing_tool_reads_the_decision_as_plain_attributes(
    dynamodb: "DynamoDBClient", decide: Callable[..., Decision]
) -> None:
    store = open_store("dynamodb://decisions")
    assert store is not None

    store.put([decide(consent=Consent(email=True))])

    assert {
        "customer_id": {"S": "1"},
        "score": {"N": "0.91"},
        "threshold": {"N": "0.5"},
        "lead": {"BOOL": True},
        "tier": {"S": "A"},
        "campaign": {"S": "default"},
        "lead_campaign": {"S": "default"},
        "model_name": {"S": "forest"},
        "model_version": {"S": "1.2.0"},
        "model_sha256": {"S": "a" * 64},
        "consent": {"M": {"email": {"BOOL": True}, "sms": {"BOOL": False}, "phone": {"BOOL": False}}},
        "was_lead": {"BOOL": False},
        "ever_lead": {"BOOL": True},
    }.items() <= item(dynamodb).items()


def test_nothing_of_a_lead_stays_behind_when_it_is_withdrawn(
    dynamodb: "DynamoDBClient", decide: Callable[..., Decision]
) -> None:
    store = open_store("dynamodb://decisions")
    assert store is not None
    store.put([decide(consent=Consent(email=True))])

    store.put([decide(event_id="evt-2", event_time="2026-01-16T00:00:00.000000Z", lead=False, tier=None)])

    assert not {"tier", "consent", "lead_campaign"} & item(dynamodb).keys()


def test_a_number_that_dynamodb_cannot_hold_is_stored_as_zero(
    dynamodb: "DynamoDBClient", decide: Callable[..., Decision]
) -> None:
    store = open_store("dynamodb://decisions")
    assert store is not None

    store.put([decide(score=1e-200, lead=False, tier=None)])

    assert {"N": "0"} == item(dynamodb)["score"]


@pytest.mark.usefixtures("aws", "dynamodb")
def test_listing_and_scanning_go_on_over_several_pages(decide: Callable[..., Decision]) -> None:
    """Each row is 300 kB, so that a page of 1 MB holds three."""
    store = open_store("dynamodb://decisions", in_flight=1)
    assert store is not None
    store.put([decide(str(number), score=number / 10, source="x" * 300_000) for number in range(8)])

    assert list("7654321") == [stored.decision.customer_id for stored in store.best(7)]
    assert set("01234567") == {stored.decision.customer_id for stored in store.scan()}


@pytest.fixture
def topic_and_envelopes() -> tuple[Topic, Callable[[], list[dict[str, Any]]]]:
    """Make a topic, and a function that returns what a queue has got from it, in SNS's envelope."""
    sns, sqs = boto3.client("sns", region_name="eu-west-1"), boto3.client("sqs", region_name="eu-west-1")
    arn, url = sns.create_topic(Name="leads")["TopicArn"], sqs.create_queue(QueueName="marketing")["QueueUrl"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:marketing")
    topic = open_topic(arn)
    assert topic is not None
    return topic, lambda: [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=url)["Messages"]]


def test_a_filter_finds_exactly_these_eight_attributes(
    topic_and_envelopes: tuple[Topic, Callable[[], list[dict[str, Any]]]], make_lead: Callable[..., Lead]
) -> None:
    topic, envelopes = topic_and_envelopes

    topic.publish([make_lead(score=2e-5, consent=Consent(email=True))])

    (envelope,) = envelopes()
    assert {
        "type": ("String", "bank.lead.created.v1"),
        "tier": ("String", "A"),
        "score": ("Number", "0.00002"),
        "model_version": ("String", "1.2.0"),
        "campaign": ("String", "default"),
        "consent_email": ("String", "true"),
        "consent_sms": ("String", "false"),
        "schema_version": ("String", "1"),
    } == {name: (value["Type"], value["Value"]) for name, value in envelope["MessageAttributes"].items()}


def test_attributes_that_say_nothing_are_left_out(
    topic_and_envelopes: tuple[Topic, Callable[[], list[dict[str, Any]]]], make_lead: Callable[..., Lead]
) -> None:
    topic, envelopes = topic_and_envelopes

    topic.publish([make_lead(tier=None, consent=None)])

    (envelope,) = envelopes()
    assert {"type", "score", "model_version", "campaign", "schema_version"} == envelope["MessageAttributes"].keys()


@pytest.fixture
def s3() -> "S3Client":
    client = boto3.client("s3", region_name="eu-west-1")
    client.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


def manifest(*files: str, **changes: object) -> bytes:
    """Make a manifest that names these files."""
    usual = {
        "name": "loan",
        "version": "1",
        "created_at": "2026-01-01T00:00:00Z",
        "candidate": "forest",
        "parameters": {},
        "tolerance": 0,
        "files": dict.fromkeys(files, "a" * 64),
        "libraries": {},
        "features": [{"name": "level", "minimum": 1, "maximum": 3}],
        "threshold": 0.5,
        "tiers": {"a": 0.9, "b": 0.7},
        "economics": {"rule": "even_odds"},
        "metrics": [],
        "training": {"sha256": "b" * 64, "rows": 2, "takers": 1, "id_hashes": []},
        "baseline": [],
        "golden": [{"row": [1], "score": 0.5}],
    }
    return json.dumps(usual | changes).encode()


def push(s3: "S3Client", **objects: bytes) -> None:
    for name, body in objects.items():
        s3.put_object(Bucket="models", Key=f"loan/1/{name.replace('__', '.')}", Body=body)


@pytest.mark.parametrize("url", ["s3://models/loan/1/", "s3://models/loan/1"])
def test_only_what_the_manifest_names_is_downloaded(s3: "S3Client", tmp_path: Path, url: str) -> None:
    push(s3, manifest__json=manifest("model.pkl", "card.md"), manifest__sig=b"sig", model__pkl=b"model", card__md=b"#")
    push(s3, evil__pkl=b"evil")

    folder = fetch_bundle(url, tmp_path / "new" / "bundle")

    assert tmp_path / "new" / "bundle" == folder
    assert {"manifest.json", "manifest.sig", "model.pkl", "card.md"} == {path.name for path in folder.iterdir()}
    assert b"model" == (folder / "model.pkl").read_bytes()


def test_a_bundle_without_a_signature_does_not_inherit_an_old_one(s3: "S3Client", tmp_path: Path) -> None:
    (tmp_path / "manifest.sig").write_bytes(b"old")
    push(s3, manifest__json=manifest("model.pkl"), model__pkl=b"model")

    fetch_bundle("s3://models/loan/1/", tmp_path)

    assert not (tmp_path / "manifest.sig").exists()


@pytest.mark.parametrize(
    "name", ["../model.pkl", "..", "/etc/passwd", "a/b", ".hidden", "model.pkl\n", "", "manifest.json", "manifest.sig"]
)
def test_a_manifest_with_an_odd_file_name_is_refused_and_nothing_else_is_fetched(
    s3: "S3Client", tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "bundle"
    push(s3, manifest__json=manifest("model.pkl", files={name: "a" * 64}), model__pkl=b"model")

    with pytest.raises(BadBundle, match=r"s3://models/loan/1/manifest.json"):
        fetch_bundle("s3://models/loan/1/", folder)

    assert ["manifest.json"] == [path.name for path in folder.iterdir()]
    assert [folder] == list(tmp_path.iterdir())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe"])
def test_what_is_no_manifest_is_refused(s3: "S3Client", tmp_path: Path, body: bytes) -> None:
    push(s3, manifest__json=body)

    with pytest.raises(BadBundle, match="no valid manifest"):
        fetch_bundle("s3://models/loan/1/", tmp_path)


@pytest.mark.parametrize("url", ["s3://models/nothing/", "s3://no-such-bucket/loan/"])
@pytest.mark.usefixtures("aws", "s3")
def test_an_address_that_holds_no_bundle_says_so(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadBundle, match=f"{url} holds no manifest.json"):
        fetch_bundle(url, tmp_path)


def test_a_file_that_the_manifest_names_and_nobody_pushed_is_missed(s3: "S3Client", tmp_path: Path) -> None:
    push(s3, manifest__json=manifest("model.pkl"), manifest__sig=b"sig")

    with pytest.raises(BadBundle, match=r"holds no model\.pkl"):
        fetch_bundle("s3://models/loan/1/", tmp_path)


def test_a_file_over_the_limit_is_refused(s3: "S3Client", tmp_path: Path) -> None:
    push(s3, manifest__json=manifest("model.pkl"), manifest__sig=b"sig", model__pkl=b"x" * 3000)
    bundle = S3Bundle("models", "loan/1/", s3, SdkCalls("s3://models/loan/1/"))

    with pytest.raises(BadBundle, match=r"model\.pkl is larger than 2000 bytes"):
        bundle.download(tmp_path, max_file_bytes=2000)


def test_a_bucket_that_may_not_be_read_is_unavailable(s3: "S3Client", tmp_path: Path) -> None:
    bundle = S3Bundle("models", "loan/1/", s3, SdkCalls("s3://models/loan/1/"))
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "AccessDenied", http_status_code=403)

        with pytest.raises(Unavailable, match="s3:GetObject failed on s3://models/loan/1/: AccessDenied"):
            bundle.download(tmp_path)
