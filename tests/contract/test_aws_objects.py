"""A bucket of whole objects on S3."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from ports import AlreadyThere, BadAddress, BadBundle, Objects, Unavailable, open_objects
from ports.aws.objects import S3Objects
from ports.aws.sdk import SdkCalls
from tests.contract.conftest import REGION

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@pytest.fixture
def calls() -> list[tuple[str, str]]:
    """Return where the calls to S3 are noted."""
    return []


@pytest.fixture
def bucket(aws: None, calls: list[tuple[str, str]]) -> Objects:  # noqa: ARG001  it is what answers
    """Make a bucket that keeps versions."""
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
    return open_objects("s3://models/", on_call=lambda api, result: calls.append((api, result)))


@pytest.fixture
def stubbed(aws: None) -> Iterator[tuple[S3Objects, Stubber]]:  # noqa: ARG001  so that no credentials are looked for
    """Make a bucket of which every answer is said beforehand; whoever asks for more fails."""
    client: S3Client = boto3.client("s3", region_name=REGION)
    with Stubber(client) as stubber:
        yield S3Objects("models", client, SdkCalls("s3://models/", sleep=lambda _: None)), stubber


def test_an_object_goes_up_by_one_call_and_comes_back_whole(bucket: Objects, calls: list[tuple[str, str]]) -> None:
    content = bytes(range(256)) * 40_000  # more than any part of a multipart upload

    version = bucket.put("a/b.zip", content)

    assert [("s3:PutObject", "ok")] == calls
    found = bucket.get("a/b.zip", max_bytes=len(content))
    assert found is not None
    assert (content, version) == (found.content, found.version)
    assert version not in {None, "null"}
    assert (
        found.etag == boto3.client("s3", region_name=REGION).head_object(Bucket="models", Key="a/b.zip")["ETag"][1:-1]
    )


def test_what_is_put_once_is_never_overwritten(bucket: Objects) -> None:
    bucket.put("a", b"first", once=True)

    with pytest.raises(AlreadyThere, match="s3://models/a is there already"):
        bucket.put("a", b"second", once=True)

    found = bucket.get("a", max_bytes=10)
    assert found is not None
    assert b"first" == found.content


def test_only_s3s_own_word_means_that_there_is_none(bucket: Objects) -> None:
    """A refusal, or no such bucket, is no answer to that question."""
    assert bucket.get("gone", max_bytes=1) is None
    with pytest.raises(Unavailable, match="s3:GetObject failed on s3://nowhere/: NoSuchBucket"):
        open_objects("s3://nowhere/").get("gone", max_bytes=1)
    with pytest.raises(Unavailable, match="s3:PutObject failed on s3://nowhere/: NoSuchBucket"):
        open_objects("s3://nowhere/").put("a", b"x")


def test_what_was_deleted_has_existed_and_what_never_was_has_not(bucket: Objects) -> None:
    """A name that begins with another one is not that other one."""
    s3 = boto3.client("s3", region_name=REGION)
    bucket.put("a.json", b"1")
    bucket.put("b.json.md", b"1")
    assert (True, False, False) == (bucket.existed("a.json"), bucket.existed("a"), bucket.existed("b.json"))

    s3.delete_object(Bucket="models", Key="a.json")
    assert bucket.existed("a.json")

    [version] = s3.list_object_versions(Bucket="models", Prefix="a.json")["Versions"]
    s3.delete_object(Bucket="models", Key="a.json", VersionId=version["VersionId"])
    assert bucket.existed("a.json"), "the mark that it was deleted is still there"


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (400, "BadDigest"), (404, "404")])
def test_a_refusal_is_told_and_is_not_tried_again(stubbed: tuple[S3Objects, Stubber], status: int, code: str) -> None:
    objects, stubber = stubbed
    for call in ("get_object", "put_object", "list_objects_v2", "list_object_versions"):
        stubber.add_client_error(call, code, http_status_code=status)

    with pytest.raises(Unavailable, match=f"s3:GetObject failed on s3://models/: {code}"):
        objects.get("a", max_bytes=1)
    with pytest.raises(Unavailable, match=f"s3:PutObject failed on s3://models/: {code}"):
        objects.put("a", b"x", once=True)
    with pytest.raises(Unavailable, match=f"s3:ListBucket failed on s3://models/: {code}"):
        list(objects.list(""))
    with pytest.raises(Unavailable, match=f"s3:ListBucketVersions failed on s3://models/: {code}"):
        objects.existed("a")
    stubber.assert_no_pending_responses()


def test_s3_that_is_away_is_told(stubbed: tuple[S3Objects, Stubber], monkeypatch: pytest.MonkeyPatch) -> None:
    objects, _ = stubbed

    def away(**_: object) -> object:
        raise EndpointConnectionError(endpoint_url="https://s3")

    for call in ("get_object", "put_object", "list_objects_v2", "list_object_versions"):
        monkeypatch.setattr(objects._client, call, away)

    asks: list[Callable[[], object]] = [lambda: objects.get("a", max_bytes=1), lambda: objects.put("a", b"")]
    for ask in (*asks, lambda: list(objects.list("")), lambda: objects.existed("a")):
        with pytest.raises(Unavailable, match="EndpointConnectionError"):
            ask()


def test_an_upload_that_s3_could_not_take_is_made_once_more_as_a_whole_with_its_checksum(
    stubbed: tuple[S3Objects, Stubber],
) -> None:
    objects, stubber = stubbed
    stubber.add_client_error("put_object", "SlowDown", http_status_code=503)
    digest = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    asked = {"Bucket": "models", "Key": "a", "Body": b"x", "ChecksumSHA256": digest, "IfNoneMatch": "*"}
    stubber.add_response("put_object", {"VersionId": "v2"}, asked)

    assert "v2" == objects.put("a", b"x", once=True)


def test_a_put_that_meets_another_one_is_made_once_more_and_then_finds_what_the_other_has_put(
    stubbed: tuple[S3Objects, Stubber],
) -> None:
    """S3 says 409 while the other one is on its way, and may take neither."""
    objects, stubber = stubbed
    stubber.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
    stubber.add_client_error("put_object", "PreconditionFailed", http_status_code=412)

    with pytest.raises(AlreadyThere, match="s3://models/a is there already"):
        objects.put("a", b"x", once=True)
    stubber.assert_no_pending_responses()


def test_a_listing_is_read_to_its_end(stubbed: tuple[S3Objects, Stubber]) -> None:
    objects, stubber = stubbed
    moment = datetime(2026, 1, 15, tzinfo=UTC)
    asked = {"Bucket": "models", "Prefix": "r/"}

    def page(key: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  of the reply
        return {"Contents": [{"Key": key, "Size": 1, "LastModified": moment}], "IsTruncated": bool(more), **more}

    stubber.add_response("list_objects_v2", page("r/1", NextContinuationToken="t"), asked)
    stubber.add_response("list_objects_v2", page("r/2"), {**asked, "ContinuationToken": "t"})

    assert [("r/1", 1, moment), ("r/2", 1, moment)] == [tuple(one) for one in objects.list("r/")]


def test_what_is_too_large_is_not_read_to_its_end(bucket: Objects) -> None:
    bucket.put("a", b"12345")

    with pytest.raises(BadBundle, match="s3://models/a is larger than 4 bytes"):
        bucket.get("a", max_bytes=4)


@pytest.mark.parametrize("url", ["s3://models/part/", "models", "file:///models", "s3://", "s3://M/", "https://models"])
def test_what_is_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(BadAddress, match="give"):
        open_objects(url)


def test_without_a_region_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadAddress, match="AWS_REGION is not set"):
        open_objects("s3://models/")
