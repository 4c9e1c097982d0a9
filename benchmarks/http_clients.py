"""
`python -m benchmarks.http_clients`: CPU time of one ReceiveMessage of ten messages, by the client that makes the call.

Rounds of all clients are interleaved, against the stand-in of `benchmarks.bench` in a process of its own; medians are
printed. `awscrt` and `pycurl` take part where they are installed; with awscrt, botocore signs by it, which alters its
figures. Each client signs, keeps its connection, and parses the reply.
"""

import argparse
import http.client
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3

from benchmarks.bench.stand_in import REGION, StandIn, stand_in
from ports import Transport, open_queue
from ports.aws.direct.credentials import Keys
from ports.aws.direct.signing import Signer

MESSAGE_BYTES: Final = 285
TEN: Final = 10
HEADERS: Final = [
    ("content-type", "application/x-amz-json-1.0"),
    ("x-amz-target", "AmazonSQS.ReceiveMessage"),
    ("x-amzn-query-mode", "true"),
]
KEYS: Final = Keys("AKIAEXAMPLE", "secret")

Receive = Callable[[], int]
"""Makes one call, and returns how many messages came."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500, help="calls of each client in a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.update(AWS_ACCESS_KEY_ID=KEYS.access, AWS_SECRET_ACCESS_KEY=KEYS.secret, AWS_REGION=REGION)
    count = (arguments.calls + 1) * arguments.rounds * TEN * len(CLIENTS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "messages"
        file.write_text("".join(json.dumps({"id": f"{n:08d}"}).ljust(MESSAGE_BYTES) + "\n" for n in range(count)))
        with stand_in(file) as aws:
            os.environ["AWS_ENDPOINT_URL"] = aws.url
            for name, ms in measure(aws, arguments.calls, arguments.rounds).items():
                print(f"{name:36} {ms:8.3f} ms")
    print(f"load average {os.getloadavg()[0]:.2f}")


def measure(aws: StandIn, calls: int, rounds: int) -> dict[str, float]:
    """Return each client's median over the rounds: CPU milliseconds a call."""
    clients = {name: make(aws) for name, make in CLIENTS.items()}
    spent: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(rounds):
        for name, receive in clients.items():
            receive()
            begun = time.process_time()
            if sum(receive() for _ in range(calls)) != calls * TEN:
                raise SystemExit(f"{name} has not received all: nothing was measured")
            spent[name].append((time.process_time() - begun) / calls * 1000)
    return {name: statistics.median(times) for name, times in spent.items()}


def by_boto3(aws: StandIn) -> Receive:
    """Call as most consumers do."""
    sqs = boto3.client("sqs", region_name=REGION)
    return lambda: len(sqs.receive_message(**request(aws))["Messages"])


def by_port(transport: Transport, aws: StandIn) -> Receive:
    """Call as Leadline does, from its own port, down to messages."""
    queue = open_queue(aws.queue, transport=transport)
    return lambda: len(queue.receive(TEN, 0, 60))


def by_libcurl(aws: StandIn) -> Receive:
    """Let libcurl sign."""
    pycurl = import_module("pycurl")
    curl, reply = pycurl.Curl(), bytearray()
    curl.setopt(pycurl.URL, aws.url)
    curl.setopt(pycurl.AWS_SIGV4, f"aws:amz:{REGION}:sqs")
    curl.setopt(pycurl.USERPWD, f"{KEYS.access}:{KEYS.secret}")
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS] + ["Expect:"])
    curl.setopt(pycurl.WRITEFUNCTION, reply.extend)

    def receive() -> int:
        reply.clear()
        curl.setopt(pycurl.POSTFIELDS, json.dumps(request(aws)))
        curl.perform()
        return len(json.loads(reply)["Messages"])

    return receive


def by_http_client(aws: StandIn) -> Receive:
    """Call by the standard library, with the signer of the direct transport."""
    connection = http.client.HTTPConnection(urlsplit(aws.url).netloc, timeout=10)
    signer = Signer(aws.url, "sqs", REGION, HEADERS)

    def receive() -> int:
        body = json.dumps(request(aws)).encode()
        lines = signer.sign(body, KEYS, time.time()).decode().splitlines()
        connection.request("POST", "/", body, dict(line.split(": ", 1) for line in lines))
        return len(json.loads(connection.getresponse().read())["Messages"])

    return receive


def by_awscrt(aws: StandIn) -> Receive:
    """Call by the signer and the HTTP client of the AWS Common Runtime."""
    auth, io, crt = (import_module(f"awscrt.{name}") for name in ("auth", "io", "http"))

    parts = urlsplit(aws.url)
    group = io.EventLoopGroup(1)
    bootstrap = io.ClientBootstrap(group, io.DefaultHostResolver(group))
    connection = crt.HttpClientConnection.new(parts.hostname, parts.port, bootstrap).result()
    provider = auth.AwsCredentialsProvider.new_static(KEYS.access, KEYS.secret)
    config = auth.AwsSigningConfig(
        algorithm=auth.AwsSigningAlgorithm.V4, credentials_provider=provider, region=REGION, service="sqs"
    )

    def receive() -> int:
        body, reply = json.dumps(request(aws)).encode(), bytearray()
        about = [("host", parts.netloc), ("content-length", str(len(body))), *HEADERS]
        asked = crt.HttpRequest("POST", "/", crt.HttpHeaders(about), BytesIO(body))
        signed = auth.aws_sign_request(asked, config).result()
        stream = connection.request(signed, on_body=lambda chunk, **_: reply.extend(chunk))
        stream.activate()
        stream.completion_future.result()
        return len(json.loads(reply)["Messages"])

    return receive


def request(aws: StandIn) -> Mapping[str, Any]:
    """Return what each client asks for."""
    return {
        "QueueUrl": aws.queue,
        "MaxNumberOfMessages": TEN,
        "WaitTimeSeconds": 0,
        "VisibilityTimeout": 60,
        "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
    }


CLIENTS: Final[dict[str, Callable[[StandIn], Receive]]] = {
    "boto3": by_boto3,
    "boto3, as the worker calls it": partial(by_port, "boto3"),
    "http.client and our signer": by_http_client,
    "the direct transport": partial(by_port, "direct"),
}
if find_spec("awscrt"):
    CLIENTS["awscrt"] = by_awscrt
if find_spec("pycurl"):
    CLIENTS["pycurl, signed by libcurl"] = by_libcurl

if __name__ == "__main__":
    main()
