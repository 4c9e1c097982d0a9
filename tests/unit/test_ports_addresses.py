"""Which URLs open what, and what a wrong one says."""

import subprocess
import sys
from pathlib import Path

import pytest

from ports import BadAddress, create_queue, fetch_bundle, open_queue, open_store, open_topic
from ports.addresses import queue_endpoint, queue_region
from ports.aws.endpoints import endpoint_of, region_of

SQS = "https://sqs.eu-central-1.amazonaws.com/123456789012/events"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide what the developer's own environment says of AWS."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "events",
        "none",
        "-",
        "sqlite://events.db",
        "sqlite:///",
        "sqlite:////",
        "sqlite:///missing.db",
        "sqlite:///a\x00b",
        "https://sqs.eu-central-1.amazonaws.com",
        "https://sqs.eu-central-1.amazonaws.com/events",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/events?x=1",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/two words",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/events.fifo",
        "https:///123456789012/events",
        "http://[::1/123456789012/events",
        "http://127.0.0.1:port/123456789012/events",
        "arn:aws:sqs:eu-central-1:123456789012:events",
        "dynamodb://decisions",
    ],
)
def test_a_wrong_queue_url_is_refused_with_the_value_and_a_way_out(url: str) -> None:
    with pytest.raises(BadAddress, match=r"give|check") as error:
        open_queue(url)

    assert url.removeprefix("sqlite:///") in str(error.value) or repr(url) in str(error.value)


@pytest.mark.parametrize(
    "url",
    ["", "-", "file:///f", "dynamodb://", "dynamodb://a/b", "dynamodb:table", "sqlite:///no-such-folder/store.db", SQS],
)
def test_a_wrong_store_url_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with pytest.raises(BadAddress, match="give"):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "leads",
        "file://leads.jsonl",
        "file:///",
        "file:///no-such-folder/leads.jsonl",
        "sqlite:///leads.db",
        "arn:aws:sns:eu-central-1:123456789012:leads.fifo",
        "arn:aws:sns:eu-central-1::leads",
        "arn:aws:sqs:eu-central-1:123456789012:leads",
    ],
)
def test_a_wrong_topic_url_is_refused(url: str) -> None:
    with pytest.raises(BadAddress, match="give"):
        open_topic(url)


@pytest.mark.parametrize(
    "url", ["", "https://example.com/model", "s3://", "s3:///model", "s3://UPPER/model", "s3:model"]
)
def test_a_wrong_bundle_url_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadAddress, match="give a folder or s3"):
        fetch_bundle(url, tmp_path)


def test_a_folder_is_returned_as_it_is_and_nothing_is_written(tmp_path: Path) -> None:
    assert Path("build/model") == fetch_bundle("build/model", tmp_path / "into")
    assert [] == list(tmp_path.iterdir())


def test_none_opens_nothing() -> None:
    assert (None, None) == (open_store("none"), open_topic("none"))


def test_three_slashes_are_relative_to_the_working_folder_and_four_are_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a b%20c?#é").mkdir()
    monkeypatch.chdir(tmp_path)

    create_queue("sqlite:///a b%20c?#é/queue.db")
    open_store("sqlite:///store.db")
    open_topic("file:///leads.jsonl")

    assert (0, 0) == open_queue(f"sqlite:///{tmp_path}/a b%20c?#é/queue.db").depth()
    assert {"store.db", "leads.jsonl"} <= {path.name for path in tmp_path.iterdir()}


def test_opening_a_queue_never_creates_one(tmp_path: Path) -> None:
    with pytest.raises(BadAddress, match=r"queue\.db does not exist; check the path"):
        open_queue(f"sqlite:///{tmp_path}/queue.db")

    assert [] == list(tmp_path.iterdir())


def test_only_embedded_queues_are_created(tmp_path: Path) -> None:
    with pytest.raises(BadAddress, match="sqlite:///FILE"):
        create_queue(SQS)
    with pytest.raises(BadAddress, match="sqlite:///FILE"):
        create_queue(f"sqlite:///{tmp_path}/queue.db", dead_letters=SQS)

    assert [] == list(tmp_path.iterdir())


def test_the_embedded_side_does_without_boto3(tmp_path: Path) -> None:
    code = f"""
import sys
from ports import create_queue, open_store, open_topic
create_queue("sqlite:///{tmp_path}/q.db"), open_store("sqlite:///{tmp_path}/s.db"), open_topic("file:///{tmp_path}/t")
print([name for name in sys.modules if name.split(".")[0] in ("boto3", "botocore", "tenacity")])
"""
    assert "[]\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        (SQS, "eu-central-1", None),
        ("https://eu-west-1.queue.amazonaws.com/123456789012/events", "eu-west-1", None),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/events", "cn-north-1", None),
        ("https://vpce-1-2.sqs.eu-west-1.vpce.amazonaws.com/123456789012/events", "eu-west-1", None),
        ("http://127.0.0.1:5000/123456789012/events", None, "http://127.0.0.1:5000"),
        ("http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/events", "eu-west-1",
         "http://sqs.eu-west-1.localhost.localstack.cloud:4566"),
    ],
)  # fmt: skip
def test_region_and_endpoint_are_read_from_a_queue_url(url: str, region: str | None, endpoint: str | None) -> None:
    assert (region, endpoint) == (queue_region(url), queue_endpoint(url))


def test_the_region_of_the_address_comes_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadAddress, match="AWS_REGION is not set"):
        region_of(None)

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert "us-east-1" == region_of(None)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert "us-west-2" == region_of(None)
    assert "eu-west-1" == region_of("eu-west-1")


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"])
def test_an_endpoint_in_the_environment_comes_before_that_of_the_address(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert "http://127.0.0.1:5000" == endpoint_of("SQS", "http://127.0.0.1:5000")

    monkeypatch.setenv(name, "http://moto:5000")
    assert endpoint_of("SQS", "http://127.0.0.1:5000") is None
