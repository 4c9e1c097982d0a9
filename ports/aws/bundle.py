"""A model bundle from Amazon S3: the manifest and its signature first, then only the files that the manifest names."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError
from pydantic import ValidationError

from ports.addresses import bucket_and_prefix
from ports.aws.endpoints import region_of
from ports.aws.sdk import AwsError, SdkCalls, config
from ports.protocols import BadBundle
from schemas.manifest import Manifest

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024


def fetch_from_s3(url: str, into: Path) -> Path:
    """
    Download the bundle under `s3://BUCKET/PREFIX/` into a folder, which is made, and return the folder.

    Raises:
        BadAddress: The URL names no bucket, or nobody names the region.
        BadBundle: There is no manifest, it is not valid, or a file that it names is missing or too large.
        Unavailable: S3 did not answer, or refused.
    """
    bucket, prefix = bucket_and_prefix(url)
    client = boto3.client("s3", region_name=region_of(None), config=config(1))
    S3Bundle(bucket, prefix, client, SdkCalls(url)).download(into)
    return into


class S3Bundle:
    """The objects under one prefix."""

    def __init__(self, bucket: str, prefix: str, client: "S3Client", calls: SdkCalls) -> None:
        """
        Take a bundle.

        Args:
            bucket: The bucket.
            prefix: Where in it; empty, or ending in a slash.
            client: Makes the calls.
            calls: Retries.
        """
        self._bucket, self._prefix, self._url = bucket, prefix, f"s3://{bucket}/{prefix}"
        self._client, self._calls = client, calls

    def download(self, into: Path, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        """Download manifest and signature, then what the manifest names; raises as `fetch_from_s3` does."""
        into.mkdir(parents=True, exist_ok=True)
        self._fetch(MANIFEST, into, max_file_bytes)
        (into / SIGNATURE).unlink(missing_ok=True)
        with suppress(_Missing):  # whether an unsigned bundle will do is for the one who loads it to say
            self._fetch(SIGNATURE, into, max_file_bytes)
        for name in self._named_files(into / MANIFEST):
            self._fetch(name, into, max_file_bytes)

    def _named_files(self, manifest: Path) -> list[str]:
        """Return the names in the manifest. Its schema lets no path be built from them: no slash, no leading dot."""
        try:
            names = Manifest.model_validate_json(manifest.read_bytes()).files
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            fault = f"{'/'.join(str(part) for part in first['loc']) or 'the top'}: {first['msg']}"
            raise BadBundle(
                f"{self._url}{MANIFEST} is no valid manifest (at {fault}); push the bundle again"
            ) from error
        if reserved := {MANIFEST, SIGNATURE} & set(names):
            raise BadBundle(f"{self._url}{MANIFEST} names {sorted(reserved)} as files of the bundle; push it again")
        return sorted(names)

    def _fetch(self, name: str, into: Path, max_file_bytes: int) -> None:
        try:
            self._calls.retried(lambda: self._download(name, into / name, max_file_bytes))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket", "404"}:
                raise _Missing(f"{self._url} holds no {name}; check the address, or push the bundle again") from error
            raise self._calls.unavailable_by("s3:GetObject", error) from error
        except AwsError as error:
            raise self._calls.unavailable_by("s3:GetObject", error) from error

    def _download(self, name: str, path: Path, max_file_bytes: int) -> None:
        body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"]
        left = max_file_bytes
        with path.open("wb") as file, body:
            while chunk := body.read(_CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise BadBundle(f"{self._url}{name} is larger than {max_file_bytes} bytes: this is no model bundle")
                file.write(chunk)


class _Missing(BadBundle):
    """There is no such object."""
