"""Objects of one bucket on Amazon S3: whole ones, each put by one call and read by one call."""

import base64
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import ClientError

from ports.addresses import bucket_and_prefix
from ports.aws.endpoints import region_of
from ports.aws.replies import reading, watch_calls
from ports.aws.sdk import AwsError, SdkCalls, config
from ports.protocols import AlreadyThere, BadAddress, BadBundle, CountCall, Listed, Object

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

TRANSFER_TIMEOUT_S: Final = 60
"""How long S3 may be silent while an object is on its way."""
_CHUNK_BYTES: Final = 1024 * 1024
_TAKEN: Final = frozenset({"PreconditionFailed", "412"})


def open_s3(url: str, *, on_call: CountCall) -> "S3Objects":
    """
    Open a bucket by `s3://BUCKET/`; no call is made.

    Raises:
        BadAddress: The URL names no bucket, or more than a bucket, or nobody names the region.
    """
    bucket, prefix = bucket_and_prefix(url)
    if prefix:
        raise BadAddress(f"{url!r} names a prefix; give the bucket alone: s3://{bucket}/")
    client = boto3.client("s3", region_name=region_of(None), config=config(1, read_timeout_s=TRANSFER_TIMEOUT_S))
    watch_calls(client, on_call)
    return S3Objects(bucket, client, SdkCalls(f"s3://{bucket}/"))


class S3Objects:
    """A bucket."""

    def __init__(self, bucket: str, client: "S3Client", calls: SdkCalls) -> None:
        """
        Take a bucket.

        Args:
            bucket: Its name.
            client: Makes the calls.
            calls: Retries.
        """
        self.bucket, self._client, self._calls = bucket, client, calls

    def put(self, key: str, content: bytes, *, once: bool = False) -> str | None:
        """
        Put an object by one call, which S3 takes as a whole or not at all: it checks the SHA-256.

        Args:
            key: Its name.
            content: All of it.
            once: Only where there is none of this name.

        Returns:
            The version that it became, None where the bucket keeps no versions.

        Raises:
            AlreadyThere: With `once`: there is one.
            Unavailable: S3 did not answer, or refused.
        """
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if once else {}
        try:
            reply = self._calls.retried(
                lambda: self._client.put_object(
                    Bucket=self.bucket, Key=key, Body=content, ChecksumSHA256=digest, **condition
                )
            )
        except ClientError as error:
            if once and error.response["Error"]["Code"] in _TAKEN:
                raise AlreadyThere(f"s3://{self.bucket}/{key} is there already") from error
            raise self._calls.unavailable_by("s3:PutObject", error) from error
        except AwsError as error:
            raise self._calls.unavailable_by("s3:PutObject", error) from error
        return reply.get("VersionId")

    def get(self, key: str, *, max_bytes: int) -> Object | None:
        """
        Return an object, or None where S3 says that there is none. A refusal is no such answer.

        Raises:
            BadBundle: It is larger than `max_bytes`.
            Unavailable: S3 did not answer, or refused, as it does with who must not list the bucket.
        """
        try:
            return self._calls.retried(lambda: self._download(key, max_bytes))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise self._calls.unavailable_by("s3:GetObject", error) from error
        except AwsError as error:
            raise self._calls.unavailable_by("s3:GetObject", error) from error

    def list(self, prefix: str) -> Iterator[Listed]:
        """
        Go through the objects whose names begin with a prefix, in the order of their names.

        Raises:
            Unavailable: S3 did not answer, or refused.
        """
        start: dict[str, Any] = {}
        while True:
            try:
                page = self._calls.retried(
                    partial(self._client.list_objects_v2, Bucket=self.bucket, Prefix=prefix, **start)
                )
                with reading():
                    found = [Listed(o["Key"], o["Size"], o["LastModified"]) for o in page.get("Contents", [])]
            except AwsError as error:
                raise self._calls.unavailable_by("s3:ListBucket", error) from error
            yield from found
            if not page.get("IsTruncated"):
                return
            start = {"ContinuationToken": page["NextContinuationToken"]}

    def existed(self, key: str) -> bool:
        """
        Tell whether there is an object of this name, or was one: its versions, or the mark that it was deleted.

        Raises:
            Unavailable: S3 did not answer, or refused.
        """
        try:
            # Sorted by name, and no name that begins with another one comes before that one.
            page = self._calls.retried(
                partial(self._client.list_object_versions, Bucket=self.bucket, Prefix=key, MaxKeys=1)
            )
            with reading():
                return any(one["Key"] == key for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])))
        except AwsError as error:
            raise self._calls.unavailable_by("s3:ListBucketVersions", error) from error

    def _download(self, key: str, max_bytes: int) -> Object:
        reply = self._client.get_object(Bucket=self.bucket, Key=key)
        with reply["Body"] as body:
            content = bytearray()
            while chunk := body.read(_CHUNK_BYTES):
                content += chunk
                if len(content) > max_bytes:
                    raise BadBundle(f"s3://{self.bucket}/{key} is larger than {max_bytes} bytes; it is none of ours")
        return Object(bytes(content), reply["ETag"].strip('"'), reply.get("VersionId"))
