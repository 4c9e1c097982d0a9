"""AWS on this machine, for the demo and for tests: a moto server with everything that a worker needs."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple
from urllib.request import Request, urlopen

import boto3

from ports.aws.table import table_definition

_NAME: Final = "leadline"
_REGION: Final = "eu-west-1"
_MAX_RECEIVE_COUNT: Final = 20


class Made(NamedTuple):
    """The addresses of what was made. `subscriber` is a queue that gets what is published to the topic."""

    queue: str
    quarantine: str
    dlq: str
    store: str
    topic: str
    subscriber: str


@contextmanager
def serve_moto() -> Iterator[Made]:
    """Serve moto on a free port of 127.0.0.1 while in the context, with the AWS_* variables set to reach it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request says nothing here
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    before = dict(os.environ)
    try:
        host, port = server.get_host_and_port()
        _forget_all(f"http://{host}:{port}")
        os.environ.update(
            AWS_ENDPOINT_URL=f"http://{host}:{port}",
            AWS_REGION=_REGION,
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",  # noqa: S106  moto takes any
        )
        yield make_resources()
    finally:
        server.stop()
        os.environ.clear()
        os.environ.update(before)


def _forget_all(url: str) -> None:
    """Moto keeps its state in the process, where another server may have been before."""
    with urlopen(Request(f"{url}/moto-api/reset", method="POST"), timeout=10):  # noqa: S310  it is our own
        pass


def make_resources() -> Made:
    """Make queues, topic and table as a worker needs them, at the endpoint that the environment names."""
    sqs = boto3.client("sqs", region_name=_REGION)
    sns = boto3.client("sns", region_name=_REGION)
    dlq = sqs.create_queue(QueueName=f"{_NAME}-dlq")["QueueUrl"]
    redrive = {"deadLetterTargetArn": _arn("sqs", f"{_NAME}-dlq"), "maxReceiveCount": str(_MAX_RECEIVE_COUNT)}
    queue = sqs.create_queue(QueueName=f"{_NAME}-events", Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]
    topic = sns.create_topic(Name=f"{_NAME}-leads")["TopicArn"]
    subscriber = sqs.create_queue(QueueName=f"{_NAME}-subscriber")["QueueUrl"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=_arn("sqs", f"{_NAME}-subscriber"),
        Attributes={"RawMessageDelivery": "true"},
    )
    boto3.client("dynamodb", region_name=_REGION).create_table(**table_definition(f"{_NAME}-decisions"))
    return Made(
        queue=queue,
        quarantine=sqs.create_queue(QueueName=f"{_NAME}-quarantine")["QueueUrl"],
        dlq=dlq,
        store=f"dynamodb://{_NAME}-decisions",
        topic=topic,
        subscriber=subscriber,
    )


def _arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{_REGION}:123456789012:{name}"
