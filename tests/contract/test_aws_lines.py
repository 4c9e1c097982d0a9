"""Bad lines, bad servers and bad certificates, over both transports: an error or another try, never a loss or hang."""

import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from ports import Message, Queue, Transport, Unavailable, open_queue
from tests.contract.certificates import make_certificate
from tests.contract.raw_service import RawService

MESSAGES: Final = [Message(f"id-{n}", f"receipt-{n}", b"{}", 1) for n in range(2)]
DONE: Final = b'{"Successful": [{"Id": "0"}, {"Id": "1"}]}'
EMPTY: Final = b'{"Messages": []}'
ATTEMPTS: Final = 3


@pytest.fixture(params=["boto3", "direct"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Say how calls are made."""
    name: Transport = request.param
    return name


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr("ports.aws.client.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("ports.aws.sides.READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr("ports.aws.sides.RECEIVE_MARGIN_S", 0.5)


def queue_on(service: RawService, transport: Transport, host: str = "127.0.0.1", scheme: str = "http") -> Queue:
    return open_queue(f"{scheme}://{host}:{service.port}/111122223333/events", wait_time_s=0, transport=transport)


def reply(body: bytes, status: str = "200 OK", *more: str, length: int | None = None) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *more, "", ""]
    return "\r\n".join(head).encode() + body


def in_pieces(connection: socket.socket) -> None:
    for byte in reply(DONE):
        connection.sendall(bytes([byte]))


def chunked(connection: socket.socket) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (DONE[:7], DONE[7:]))
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")


@pytest.mark.parametrize("write", [in_pieces, chunked])
def test_a_reply_in_pieces_is_a_reply(transport: Transport, write: Callable[[socket.socket], None]) -> None:
    with RawService(write) as service:
        assert [] == queue_on(service, transport).delete(MESSAGES)
        assert 1 == service.requests


BROKEN: Final = {
    "hangs up": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "a head alone": reply(b"", length=len(DONE)),
    "half a body": reply(DONE[:20], length=len(DONE)),
    "a length that is too short": reply(DONE, length=len(DONE) - 5),
    "half of the chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(DONE), DONE),
    "no HTTP": b"220 mail.example ESMTP\r\n" * 20,
    "HTTP of the first days": DONE,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 42\r\n\r\n" + DONE,
    "500": reply(b"", "500 Internal Server Error"),
    "503": reply(b"<html>busy</html>", "503 Service Unavailable"),
    "204": reply(b"", "204 No Content"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_tried_again_and_nothing_is_done_by_it(transport: Transport, answer: bytes) -> None:
    with RawService(lambda connection: connection.sendall(answer)) as service:
        queue = queue_on(service, transport)

        assert MESSAGES == queue.delete(MESSAGES)
        assert ATTEMPTS == service.requests
        with pytest.raises(Unavailable, match="ReceiveMessage failed"):
            queue.receive(10, 0, 60)


def test_a_length_that_is_no_number_is_no_reply() -> None:
    """Boto3 reads to the end of the line then, and takes what it finds."""
    with RawService(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + DONE)) as service:
        assert MESSAGES == queue_on(service, "direct").delete(MESSAGES)


def test_a_redirect_is_not_followed(transport: Transport) -> None:
    with RawService(lambda connection: connection.sendall(reply(DONE))) as other:
        there = f"Location: http://127.0.0.1:{other.port}/"
        moved = reply(b"", "307 Temporary Redirect", there)
        with RawService(lambda connection: connection.sendall(moved)) as service:
            assert MESSAGES == queue_on(service, transport).delete(MESSAGES)
        assert 0 == other.requests


def test_a_service_that_dribbles_is_left_after_the_time_limit_and_loses_no_lease() -> None:
    """Only the direct transport limits the whole of an exchange; boto3 waits for each piece anew."""
    over = threading.Event()

    def dribble(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not over.wait(0.05):
            connection.sendall(b" ")

    with RawService(dribble) as service:
        queue = queue_on(service, "direct")
        assert [] == queue.set_visibility([(message, 60) for message in MESSAGES])
        assert MESSAGES == queue.delete(MESSAGES)
        with pytest.raises(Unavailable, match="ReadTimeoutError"):
            queue.receive(10, 0, 60)
        over.set()


def test_a_signal_that_comes_while_a_call_waits_does_not_end_it(transport: Transport) -> None:
    """Python's own handler runs in this thread, which waits for the reply."""
    asked, seen = threading.Event(), threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.set())

    def interrupt(connection: socket.socket) -> None:
        asked.set()
        os.kill(os.getpid(), signal.SIGUSR1)
        seen.wait(0.2)
        connection.sendall(reply(DONE))

    try:
        with RawService(interrupt) as service:
            assert [] == queue_on(service, transport).delete(MESSAGES)
            assert 1 == service.requests
        assert asked.is_set()
        assert seen.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_reply_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ports.aws.direct.http.MAX_REPLY_BYTES", 100_000)

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")

    with RawService(flood) as service, pytest.raises(Unavailable, match="BadReply"):
        queue_on(service, "direct").receive(10, 0, 60)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for `localhost` alone."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def over_tls(certificate: Path) -> Iterator[RawService]:
    """Serve deletes over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with RawService(lambda connection: connection.sendall(reply(DONE)), context) as service:
        yield service


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_who_vouches_for_certificates_is_read_from_the_environment(
    over_tls: RawService, certificate: Path, transport: Transport, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))

    assert [] == queue_on(over_tls, transport, "localhost", "https").delete(MESSAGES)


def test_a_certificate_for_another_host_is_refused_before_anything_is_sent(
    over_tls: RawService, certificate: Path, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    queue = queue_on(over_tls, transport, "127.0.0.1", "https")

    with pytest.raises(Unavailable, match=r"SSLError .*the certificate is of another host"):
        queue.receive(10, 0, 60)
    assert MESSAGES == queue.delete(MESSAGES)
    assert 0 == over_tls.requests


def test_a_certificate_that_nobody_vouches_for_is_refused(over_tls: RawService, transport: Transport) -> None:
    with pytest.raises(Unavailable, match="SSLError"):
        queue_on(over_tls, transport, "localhost", "https").receive(10, 0, 60)
    assert 0 == over_tls.requests
