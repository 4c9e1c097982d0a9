"""The direct transport through proxies: what they are asked, what they see, and what comes of those that are none."""

import base64
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from ports import Message, open_queue
from ports.aws.direct.lines import Answer, Lines
from tests.contract.certificates import make_certificate
from tests.contract.raw_service import Listening, read_request

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
DONE: Final = b'{"Successful": [{"Id": "0"}]}'
NAMES: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "no_proxy", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *(name.upper() for name in NAMES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ports.aws.sides.CONNECT_TIMEOUT_S", 5)


def use(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)


@pytest.fixture(params=["http", "https"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator["Service"]:
    """Start a service, over TLS or not, that deletes one message."""
    context = None
    if request.param == "https":
        certificate = make_certificate(tmp_path_factory.mktemp("tls"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with Service(context) as service:
        yield service


class Service(Listening):
    """Answers every request alike."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._answer, tls)
        self.requests: list[bytes] = []

    def _answer(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            self.requests.append(request)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(DONE), DONE))


class Proxy(Listening):
    """Gives what it is told to; and where that is a tunnel, carries bytes there and back."""

    def __init__(self, answer: bytes = ESTABLISHED) -> None:
        super().__init__(self._connect)
        self.asked: list[bytes] = []
        self._answer = answer

    def _connect(self, connection: socket.socket) -> None:
        self.asked.append(asked := read_request(connection))
        if self._answer != ESTABLISHED:
            connection.sendall(self._answer)
            connection.recv(1)
            return
        host, _, port = asked.split()[1].rpartition(b":")
        with socket.create_connection((host.decode(), int(port))) as there:
            connection.sendall(ESTABLISHED)
            threading.Thread(target=_carry, args=(there, connection), daemon=True).start()
            _carry(connection, there)


def _carry(here: socket.socket, there: socket.socket) -> None:
    with suppress(OSError):
        while part := here.recv(65536):
            there.sendall(part)
        there.shutdown(socket.SHUT_WR)


def ask(url: str) -> Answer:
    [answer] = Lines(url).exchange([b"body"], lambda _: b"", lambda a: (a, False), at_most=1, timeout_s=0.2)
    assert answer is not None
    return answer


@pytest.mark.parametrize("who", ["", "reader:p%40ss%3Aword@", "reader@"])
def test_a_proxy_is_asked_for_a_tunnel_and_told_who_asks_and_the_service_is_not(
    service: Service, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    names = {"": [], "reader:p%40ss%3Aword@": [b"reader:p@ss:word"], "reader@": [b"reader:"]}[who]
    with Proxy() as proxy:
        use(monkeypatch, f"http://{who}127.0.0.1:{proxy.port}")
        assert DONE == ask(service.url).body

    there = service.url.partition("//")[2].encode()
    told = [b"Proxy-Authorization: Basic " + base64.b64encode(name) for name in names]
    assert [[b"CONNECT %b HTTP/1.1" % there, b"Host: " + there, *told, b"", b""]] == [
        asked.split(b"\r\n") for asked in proxy.asked
    ]
    [request] = service.requests
    assert request.startswith(b"POST / HTTP/1.1\r\nHost: " + there)
    assert b"proxy" not in request.lower()


def test_a_queue_is_reached_through_a_proxy_over_one_tunnel(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with Proxy() as proxy:
        use(monkeypatch, proxy.url)
        queue = open_queue(f"{service.url}/111122223333/events", wait_time_s=0, transport="direct")

        assert [[], []] == [queue.delete([Message("id", "receipt", b"{}", 1)]) for _ in range(2)]
        assert (1, 2) == (proxy.connections, len(service.requests))


def test_a_proxy_may_be_named_without_a_scheme(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy() as proxy:
        use(monkeypatch, f"127.0.0.1:{proxy.port}")
        assert DONE == ask(service.url).body
        assert 1 == proxy.connections


@pytest.mark.parametrize("exempt", ["localhost,127.0.0.1", "example.org, 127.0.0.1, localhost", "*"])
def test_hosts_that_are_exempt_are_reached_straight(
    service: Service, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    monkeypatch.setenv("NO_PROXY", exempt)
    with Proxy() as proxy:
        use(monkeypatch, proxy.url)
        assert DONE == ask(service.url).body
        assert 0 == proxy.connections


def test_an_address_of_version_six_is_asked_for_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as proxy:
        use(monkeypatch, proxy.url)
        ask("http://[2001:db8::1]:8080")
        assert [b"CONNECT [2001:db8::1]:8080 HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n"] == proxy.asked


REFUSALS: Final = {
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nsorry",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000,
    "more than the head": ESTABLISHED + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_proxy_that_opens_no_tunnel_is_named_as_the_fault_and_nothing_reaches_the_service(
    service: Service, monkeypatch: pytest.MonkeyPatch, refusal: bytes
) -> None:
    with Proxy(refusal) as proxy:
        use(monkeypatch, proxy.url)
        assert "ProxyConnectionError" == ask(service.url).fault
    assert 0 == service.connections
    assert all(b"POST" not in asked for asked in proxy.asked)


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_proxy_that_hangs_up_is_named_as_the_fault(monkeypatch: pytest.MonkeyPatch, words: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(words)

    with Listening(talk) as proxy:
        use(monkeypatch, proxy.url)
        assert "ProxyConnectionError" == ask("http://127.0.0.1:1").fault


def test_a_proxy_that_dribbles_is_left_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ports.aws.sides.CONNECT_TIMEOUT_S", 0.2)
    given_up = threading.Event()

    def dribble(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not given_up.wait(0.01):
            connection.sendall(b"A: b\r\n")

    with Listening(dribble) as proxy:
        use(monkeypatch, proxy.url)
        begun_at = time.monotonic()
        assert "ConnectTimeoutError" == ask("http://127.0.0.1:1").fault
        assert time.monotonic() - begun_at < 2
        given_up.set()


def test_the_time_to_connect_is_not_taken_from_that_for_the_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a call would be sent and given up at once, and what it received would be hidden from all others."""

    class Slow(Proxy):
        def _connect(self, connection: socket.socket) -> None:
            time.sleep(0.3)
            super()._connect(connection)

    with Slow() as proxy:
        use(monkeypatch, proxy.url)
        assert DONE == ask(service.url).body


@pytest.mark.parametrize(
    "proxy",
    [
        "https://127.0.0.1:1",
        "socks5://127.0.0.1:1",
        "http://127.0.0.1:many",
        "http://[",
        "http://",
        "http://127.0.0.1:1",
    ],
)
def test_what_is_no_proxy_or_is_not_there_is_named_as_the_fault(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    use(monkeypatch, proxy)

    assert "ProxyConnectionError" == ask("http://127.0.0.1:1").fault


def test_authorities_that_cannot_be_read_are_named_as_the_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("nobody")
    with Service() as service:
        for path in tmp_path / "none.pem", tmp_path / "lacks.pem", tmp_path:
            monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
            assert "SSLError" == ask(f"https://127.0.0.1:{service.port}").fault
        assert 0 == service.connections
