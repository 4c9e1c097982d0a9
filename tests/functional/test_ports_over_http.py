"""The AWS ports against a server on this machine: what `leadline demo --aws` and a laptop use."""

import socket
from collections.abc import Iterator
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ports import Transport, Unavailable, open_queue, open_store
from ports.aws.table import table_definition


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set credentials that are good for nothing, and no endpoint."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


@pytest.fixture
def endpoint(credentials: None) -> Iterator[str]:
    """Start a server, and give its address."""
    assert credentials is None
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST"), timeout=10):
        pass  # its state lives as long as the process
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("transport", ["boto3", "direct"])
def test_a_queue_url_on_this_machine_needs_no_endpoint_setting(endpoint: str, transport: Transport) -> None:
    sqs = boto3.client("sqs", region_name="eu-west-1", endpoint_url=endpoint)
    queue = open_queue(
        sqs.create_queue(QueueName="events")["QueueUrl"], wait_time_s=1, in_flight=1, transport=transport
    )
    ids = queue.send([b"a"] * 12)

    messages = queue.receive(20, 1, 60)

    assert set(ids) == {message.id for message in messages}
    assert [] == queue.set_visibility([(message, 120) for message in messages])
    assert [] == queue.delete(messages)
    assert (0, 0) == queue.depth()
    sqs.close()


@pytest.mark.parametrize("transport", ["boto3", "direct"])
def test_the_store_finds_the_endpoint_in_the_environment(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    client = boto3.client("dynamodb", region_name="eu-west-1")
    client.create_table(**table_definition("decisions"))
    store = open_store("dynamodb://decisions", transport=transport)
    assert store is not None

    assert store.get("nobody") is None
    client.close()


@pytest.mark.parametrize("transport", ["boto3", "direct"])
@pytest.mark.usefixtures("credentials")
def test_a_server_that_is_not_there_is_unavailable(transport: Transport) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        queue = open_queue(f"http://127.0.0.1:{nobody.getsockname()[1]}/123456789012/events", transport=transport)

        with pytest.raises(Unavailable, match=r"EndpointConnectionError.*AWS_ENDPOINT_URL"):
            queue.receive(10, 0, 60)
