"""From a URL to the port that it names."""

# boto3 takes half a second of CPU to import: only an address on AWS should pay for it.

from pathlib import Path
from typing import Final

from ports.addresses import check_bundle, check_queue, check_store, check_topic, file_path
from ports.protocols import (
    BadAddress,
    CountCall,
    Deployments,
    Objects,
    Queue,
    SigningKey,
    Store,
    Topic,
    Transport,
    not_counted,
)

CALLS_IN_FLIGHT: Final[int | None] = None
"""How many calls one port makes to AWS at a time; None: what suits the transport."""

PATIENCE_S: Final = 50
"""How long a port waits at most for a service that hangs, with all attempts, however many items there are."""


def open_queue(
    url: str,
    *,
    wait_time_s: int = 20,
    in_flight: int | None = CALLS_IN_FLIGHT,
    on_call: CountCall = not_counted,
    transport: Transport = "boto3",
) -> Queue:
    """
    Open a queue that exists: an SQS queue URL, or `sqlite:///FILE`.

    Args:
        url: Which queue.
        wait_time_s: The longest that a receive will wait; on SQS it times out five seconds later.
        in_flight: How many calls to make at a time, None for what suits the transport; the embedded queue makes one.
        on_call: Told of every call to AWS.
        transport: How calls to AWS are made: `boto3`, or `direct` over sockets of our own.

    Raises:
        BadAddress: The URL is none of these, or there is no such file.
    """
    check_queue(url)
    if url.startswith("sqlite:"):
        from ports.embedded.queue import EmbeddedQueue

        return EmbeddedQueue(url, file_path(url, "sqlite"))
    from ports.aws.queue import open_sqs

    return open_sqs(url, wait_time_s=wait_time_s, in_flight=in_flight, on_call=on_call, transport=transport)


def create_queue(url: str, *, dead_letters: str | None = None, max_receive_count: int = 20) -> Queue:
    """
    Create an embedded queue, and the one for its dead letters, unless they exist; for the demo and for tests.

    Args:
        url: `sqlite:///FILE`.
        dead_letters: The same for messages that were received `max_receive_count` times; None keeps them for ever.
        max_receive_count: How often a message is received before it counts as dead.

    Raises:
        BadAddress: The URL is none of these, its folder does not exist, or the queue exists with another policy.
    """
    from ports.embedded.queue import EmbeddedQueue

    grave = None if dead_letters is None else file_path(dead_letters, "sqlite")
    if dead_letters is not None and grave is not None:
        EmbeddedQueue.create(dead_letters, grave)
    return EmbeddedQueue.create(url, file_path(url, "sqlite"), dead_letters=grave, max_receive_count=max_receive_count)


def open_store(
    url: str,
    *,
    campaign: str = "default",
    in_flight: int | None = CALLS_IN_FLIGHT,
    on_call: CountCall = not_counted,
    transport: Transport = "boto3",
) -> Store | None:
    """
    Open a store: `dynamodb://TABLE`, `sqlite:///FILE` (made if its folder exists), or None for `none`.

    Args:
        url: Which store.
        campaign: Whose leads `newest` and `best` show.
        in_flight: How many calls to make at a time, None for what suits the transport; the embedded store makes one.
        on_call: Told of every call to AWS.
        transport: How calls to AWS are made: `boto3`, or `direct` over sockets of our own.

    Raises:
        BadAddress: The URL is none of these, or the file cannot be opened.
    """
    check_store(url)
    if url == "none":
        return None
    if url.startswith("sqlite:"):
        from ports.embedded.store import EmbeddedStore

        return EmbeddedStore(file_path(url, "sqlite"), campaign=campaign)
    from ports.aws.store import open_dynamodb

    return open_dynamodb(url, campaign=campaign, in_flight=in_flight, on_call=on_call, transport=transport)


def open_topic(
    url: str,
    *,
    in_flight: int | None = CALLS_IN_FLIGHT,
    on_call: CountCall = not_counted,
    transport: Transport = "boto3",
) -> Topic | None:
    """
    Open a topic: an SNS ARN, `file:///F.jsonl` (made if its folder exists), `-` for stdout, or None for `none`.

    Args:
        url: Which topic.
        in_flight: How many calls to make at a time, None for what suits the transport; the others make one.
        on_call: Told of every call to AWS.
        transport: How calls to AWS are made: `boto3`, or `direct` over sockets of our own.

    Raises:
        BadAddress: The URL is none of these, or the file cannot be opened.
    """
    check_topic(url)
    if url == "none":
        return None
    if url == "-" or url.startswith("file:"):
        from ports.embedded.topic import FileTopic, StdoutTopic

        return StdoutTopic() if url == "-" else FileTopic(file_path(url, "file"))
    from ports.aws.topic import open_sns

    return open_sns(url, in_flight=in_flight, on_call=on_call, transport=transport)


def open_kms_key(name: str) -> SigningKey:
    """
    Open a key of AWS KMS by its ID, ARN or alias (`alias/NAME`).

    Raises:
        BadAddress: Nobody names a region.
    """
    from ports.aws.kms import KmsKey

    return KmsKey(name)


def open_objects(url: str, *, on_call: CountCall = not_counted) -> Objects:
    """
    Open a bucket: `s3://BUCKET/`.

    Raises:
        BadAddress: The URL is no bucket's, or nobody names a region.
    """
    if not url.startswith("s3://"):
        raise BadAddress(f"{url!r} is no bucket; give s3://BUCKET/")
    from ports.aws.objects import open_s3

    return open_s3(url, on_call=on_call)


def open_deployments(application: str, group: str, *, on_call: CountCall = not_counted) -> Deployments:
    """
    Open a deployment group of AWS CodeDeploy.

    Raises:
        BadAddress: Nobody names a region.
    """
    from ports.aws.deployments import open_codedeploy

    return open_codedeploy(application, group, on_call=on_call)


def fetch_bundle(url: str, into: Path) -> Path:
    """
    Return the folder that holds a model bundle: a folder as it is, `s3://BUCKET/PREFIX/` downloaded into `into`.

    Nothing is verified here but that the manifest is one; who loads the bundle checks signature and digests.

    Raises:
        BadAddress: The URL is neither.
        BadBundle: There is no manifest, it is not valid, or a file that it names is missing or too large.
        Unavailable: S3 did not answer, or refused.
    """
    check_bundle(url)
    if url.startswith("s3:"):
        from ports.aws.bundle import fetch_from_s3

        return fetch_from_s3(url, into)
    return Path(url)
