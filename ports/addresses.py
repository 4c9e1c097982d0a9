"""What the URLs mean: which kind of thing each one names, and where it lies."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ports.protocols import BadAddress

_QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TABLE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_TOPIC_ARN: Final = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SQS_HOST: Final = re.compile(r"(?:.*\.)?sqs(?:-fips)?\.([a-z0-9-]+)\..*|([a-z0-9-]+)\.queue\.amazonaws\.com")


def file_path(url: str, scheme: str) -> Path:
    """
    Return the path in `scheme:///PATH`: all that follows the three slashes, so that a fourth makes it absolute.

    Raises:
        BadAddress: There is no path.
    """
    path = url.removeprefix(f"{scheme}:///")
    if path == url or not path.strip("/") or "\x00" in path:
        raise BadAddress(
            f"{url!r} names no file; give {scheme}:///FILE (from the working folder) or {scheme}:////FOLDER/FILE"
        )
    return Path(path)


def check_queue(url: str) -> None:
    """
    Check the form of a queue's address; nothing is opened.

    Raises:
        BadAddress: It is neither an SQS queue URL nor `sqlite:///FILE`.
    """
    if url.startswith("sqlite:"):
        file_path(url, "sqlite")
    elif url.startswith(("https://", "http://")):
        check_queue_url(url)
    else:
        raise BadAddress(f"{url!r} is no queue; give an SQS queue URL or sqlite:///FILE")


def check_store(url: str) -> None:
    """
    Check the form of a store's address; nothing is opened.

    Raises:
        BadAddress: It is neither `dynamodb://TABLE` nor `sqlite:///FILE` nor `none`.
    """
    if url.startswith("sqlite:"):
        file_path(url, "sqlite")
    elif url.startswith("dynamodb:"):
        table_name(url)
    elif url != "none":
        raise BadAddress(f"{url!r} is no store; give dynamodb://TABLE, sqlite:///FILE or none")


def check_topic(url: str) -> None:
    """
    Check the form of a topic's address; nothing is opened.

    Raises:
        BadAddress: It is neither an SNS topic ARN nor `file:///F.jsonl` nor `-` nor `none`.
    """
    if url.startswith("file:"):
        file_path(url, "file")
    elif url.startswith("arn:"):
        topic_region(url)
    elif url not in {"-", "none"}:
        raise BadAddress(f"{url!r} is no topic; give an SNS topic ARN, file:///F.jsonl, - (stdout) or none")


def check_bundle(url: str) -> None:
    """
    Check the form of a bundle's address; nothing is opened.

    Raises:
        BadAddress: It is neither a folder nor `s3://BUCKET/PREFIX/`.
    """
    if url.startswith("s3:"):
        bucket_and_prefix(url)
    elif not url or "://" in url:
        raise BadAddress(f"{url!r} is no model bundle; give a folder or s3://BUCKET/PREFIX/")


def check_queue_url(url: str) -> None:
    """
    Check that a URL is that of an SQS queue: `http[s]://HOST/ACCOUNT/NAME`.

    Raises:
        BadAddress: It is not, or the queue is a FIFO queue.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise BadAddress(f"{url!r} is no queue URL ({error}); give it as SQS shows it") from error
    folder, _, name = parts.path.rpartition("/")
    if name.endswith(".fifo"):
        raise BadAddress(f"queue {url!r} is a FIFO queue, which Leadline does not need; give a standard queue")
    if not parts.hostname or parts.query or not folder.strip("/") or not _QUEUE_NAME.fullmatch(name):
        raise BadAddress(f"{url!r} is no queue URL; give https://sqs.REGION.amazonaws.com/ACCOUNT/NAME as SQS shows it")


def queue_region(url: str) -> str | None:
    """Return the region that the host of an SQS queue URL names, if it names one."""
    match = _SQS_HOST.fullmatch(urlsplit(url).hostname or "")
    return match[1] or match[2] if match else None


def queue_endpoint(url: str) -> str | None:
    """Return scheme, host and port of a queue URL that does not lead to Amazon, else None: the SDK knows those."""
    parts = urlsplit(url)
    amazon = (parts.hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))
    return None if amazon else f"{parts.scheme}://{parts.netloc}"


def table_name(url: str) -> str:
    """
    Return the table in `dynamodb://TABLE`.

    Raises:
        BadAddress: That is no name for a table.
    """
    name = url.removeprefix("dynamodb://")
    if not _TABLE_NAME.fullmatch(name):
        raise BadAddress(f"{url!r} names no DynamoDB table; give dynamodb://TABLE, of 3 to 255 letters, digits, _ . -")
    return name


def topic_region(arn: str) -> str:
    """
    Return the region of an SNS topic.

    Raises:
        BadAddress: That is no ARN of a standard SNS topic.
    """
    match = _TOPIC_ARN.fullmatch(arn)
    if match is None:
        raise BadAddress(f"{arn!r} is no ARN of a standard SNS topic; give arn:aws:sns:REGION:ACCOUNT:NAME")
    return match[1]


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """
    Return the bucket and the prefix, which ends in a slash or is empty, of `s3://BUCKET/PREFIX/`.

    Raises:
        BadAddress: That names no bucket.
    """
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise BadAddress(f"{url!r} names no bucket; give a folder or s3://BUCKET/PREFIX/")
    return bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
