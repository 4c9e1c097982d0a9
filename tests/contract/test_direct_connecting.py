"""Connections of the direct transport that break, come too late or lead through a proxy: nothing is lost or doubled."""

import errno
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

from ports.aws.direct.lines import Answer, Lines
from tests.contract.certificates import make_certificate
from tests.contract.raw_service import Listening, Talk, read_request

PATIENCE_S: Final = 10
SURROUNDINGS: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
LARGE: Final = bytes(range(256)) * 1000
HANG_UP_HARD: Final = struct.pack("ii", 1, 0)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    """Say whether the service speaks over TLS, and with what."""
    if request.param == "http":
        return None
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    return server_context(certificate)


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def nobody() -> str:
    """Return a URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"http://127.0.0.1:{gone.getsockname()[1]}"


def ask(lines: Lines, *bodies: bytes, at_most: int = 8, timeout_s: float = PATIENCE_S) -> list[Answer | None]:
    return lines.exchange(bodies, lambda _: b"A: b\r\n", lambda a: (a, False), at_most=at_most, timeout_s=timeout_s)


def faults(answers: Sequence[Answer | None]) -> list[str | None]:
    return [answer.fault if answer else "not begun" for answer in answers]


def bodies(answers: Sequence[Answer | None]) -> list[bytes]:
    assert [None] * len(answers) == faults(answers)
    return [answer.body for answer in answers if answer]


def body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


def reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def echo(connection: socket.socket) -> None:
    """Answer each request with its body."""
    while request := read_request(connection):
        connection.sendall(reply(body_of(request)))


class Turns:
    """Answers requests as `echo` does; at the request number `odd` of a connection it acts, and hangs up."""

    def __init__(self, odd: int, act: Callable[[socket.socket], object]) -> None:
        self.odd, self.act, self.requests = odd, act, []

    requests: list[bytes]

    def __call__(self, connection: socket.socket) -> None:
        turn = 1
        while request := read_request(connection):
            self.requests.append(body_of(request))
            if turn == self.odd:
                self.act(connection)
                return
            connection.sendall(reply(body_of(request)))
            turn += 1


def hang_up(_: socket.socket) -> None:
    """Return: that closes the connection in order."""


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HANG_UP_HARD)


def at_first(talk: Talk) -> Talk:
    """Talk so with the first who connects, and echo for all others."""
    talks = iter([talk])

    def choose(connection: socket.socket) -> None:
        next(talks, echo)(connection)

    return choose


def once(*pieces: bytes) -> Talk:
    """Read a request, answer it with these pieces, and wait for the other side to hang up."""

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        for piece in pieces:
            connection.sendall(piece)
        connection.recv(1)

    return talk


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208  names are all that is asked for


def until(is_so: Callable[[], bool]) -> bool:
    """Wait for something that happens in another thread."""
    end = time.monotonic() + PATIENCE_S
    while not is_so() and time.monotonic() < end:
        time.sleep(0.005)
    return is_so()


def until_readable(lines: Lines) -> None:
    """Wait until something has come on a connection that is not in use."""
    assert select.select([line.socket for line in lines._idle], [], [], PATIENCE_S)[0]


def test_calls_in_flight_that_are_answered_in_another_order_get_each_its_own_reply(tls: ssl.SSLContext | None) -> None:
    all_asked = threading.Barrier(5)

    def late(connection: socket.socket) -> None:
        request = read_request(connection)
        all_asked.wait(PATIENCE_S)
        time.sleep(0.01 * (5 - int(body_of(request))))
        connection.sendall(reply(body_of(request)))

    numbers = [b"%d" % number for number in range(5)]
    with Listening(late, tls) as service:
        assert numbers == bodies(ask(Lines(service.url), *numbers))


def test_no_more_calls_are_in_flight_than_may_be_and_connections_are_used_again(tls: ssl.SSLContext | None) -> None:
    numbers = [b"%d" % number for number in range(100)]
    with Listening(echo, tls) as service:
        lines = Lines(service.url)

        assert numbers == bodies(ask(lines, *numbers, at_most=3))
        assert numbers == bodies(ask(lines, *numbers, at_most=2))
        assert 3 == service.connections


def test_a_large_request_goes_out_whole_to_one_who_reads_slowly_and_a_large_reply_comes_back(
    tls: ssl.SSLContext | None,
) -> None:
    def read_slowly(connection: socket.socket) -> None:
        head, got = b"", b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        while len(got) < len(LARGE):
            time.sleep(0.001)
            got += connection.recv(8192)
        connection.sendall(reply(got))

    with Listening(read_slowly, tls) as service:
        service.shrink_buffers()
        assert [LARGE, LARGE] == bodies(ask(Lines(service.url), LARGE, LARGE))


def test_a_reply_that_comes_before_the_request_has_gone_out_is_taken_and_the_connection_is_left(
    tls: ssl.SSLContext | None,
) -> None:
    over = threading.Event()

    def refuse(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(reply(b"", b"413 Content Too Large"))
        over.wait(PATIENCE_S)

    with Listening(at_first(refuse), tls) as service:
        service.shrink_buffers()
        lines = Lines(service.url)

        [answer] = ask(lines, LARGE * 20)
        assert answer is not None
        assert (None, 413) == (answer.fault, answer.status)
        assert [b"next"] == bodies(ask(lines, b"next"))
        assert 2 == service.connections
        over.set()


def test_a_connection_that_was_closed_while_nothing_was_under_way_is_replaced(tls: ssl.SSLContext | None) -> None:
    turns = Turns(1, lambda connection: connection.sendall(reply(b"once")))
    with Listening(turns, tls) as service:
        lines = Lines(service.url)
        ask(lines, b"1")
        until_readable(lines)

        assert [b"once"] == bodies(ask(lines, b"2"))
        assert [b"1", b"2"] == turns.requests


@pytest.mark.parametrize("leave", [hang_up, reset])
def test_a_call_on_a_used_connection_that_ends_without_a_byte_is_sent_once_more_and_on_a_new_one(
    tls: ssl.SSLContext | None, leave: Callable[[socket.socket], object]
) -> None:
    """Others that have been used may have been given up as well."""
    turns = Turns(2, leave)
    with Listening(turns, tls) as service:
        lines = Lines(service.url)
        ask(lines, b"1", b"2", b"3")
        assert 3 == len(lines._idle)

        assert [b"again"] == bodies(ask(lines, b"again"))
        assert [b"again", b"again"] == turns.requests[3:]
        assert 4 == service.connections


@pytest.mark.parametrize("leave", [hang_up, reset])
def test_a_call_on_a_new_connection_that_ends_without_a_byte_is_not_sent_again(
    tls: ssl.SSLContext | None, leave: Callable[[socket.socket], object]
) -> None:
    turns = Turns(1, leave)
    with Listening(turns, tls) as service:
        assert ["ConnectionClosedError"] == faults(ask(Lines(service.url), b"1"))
        assert [b"1"] == turns.requests


@pytest.mark.parametrize("leave", [hang_up, reset])
def test_a_call_of_which_a_part_of_the_reply_has_come_is_not_sent_again(
    tls: ssl.SSLContext | None, leave: Callable[[socket.socket], object]
) -> None:
    def half(connection: socket.socket) -> None:
        connection.sendall(b"H")
        time.sleep(0.01)
        leave(connection)

    turns = Turns(2, half)
    with Listening(turns, tls) as service:
        lines = Lines(service.url)
        ask(lines, b"1")

        assert ["BadReply"] == faults(ask(lines, b"2"))
        assert [b"1", b"2"] == turns.requests


def test_a_reply_that_ends_with_its_connection_does_not_end_with_a_reset() -> None:
    def talk(connection: socket.socket) -> None:
        if read_request(connection) and service.connections == 2:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nbo")
            time.sleep(0.05)
            reset(connection)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nbody")

    with Listening(talk) as service:
        lines = Lines(service.url)
        assert [b"body"] == bodies(ask(lines, b"1"))
        assert ["BadReply"] == faults(ask(lines, b"2"))


@pytest.mark.parametrize("surplus", [b"HTTP", reply(b"not yours"), b"\r\n"])
def test_what_comes_beyond_a_reply_is_never_taken_for_the_next(surplus: bytes, tls: ssl.SSLContext | None) -> None:
    with Listening(at_first(once(reply(b"1") + surplus)), tls) as service:
        lines = Lines(service.url)

        assert [b"1"] == bodies(ask(lines, b"?"))
        assert [b"2"] == bodies(ask(lines, b"2"))
        assert 2 == service.connections


def test_nor_is_what_comes_after_a_reply_in_a_piece_of_its_own(tls: ssl.SSLContext | None) -> None:
    with Listening(at_first(once(reply(b"1"), reply(b"not yours"))), tls) as service:
        lines = Lines(service.url)
        ask(lines, b"?")
        if lines._idle:  # else both pieces have come at once
            until_readable(lines)

        assert [b"2", b"3"] == bodies(ask(lines, b"2", b"3", at_most=1))
        assert 2 == service.connections


def test_a_reply_that_comes_after_the_time_limit_is_never_taken_for_the_next(tls: ssl.SSLContext | None) -> None:
    given_up = threading.Event()

    def late(connection: socket.socket) -> None:
        read_request(connection)
        given_up.wait(PATIENCE_S)
        connection.sendall(reply(b"not yours"))

    with Listening(at_first(late), tls) as service:
        lines = Lines(service.url)
        assert ["ReadTimeoutError"] == faults(ask(lines, b"1", timeout_s=0.05))
        given_up.set()
        assert [b"2"] == bodies(ask(lines, b"2"))


def test_a_flood_of_promises_is_no_reply() -> None:
    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    with Listening(flood) as service:
        assert ["BadReply"] == faults(ask(Lines(service.url), b""))


def test_a_flood_of_chunks_is_left_after_the_time_limit(tls: ssl.SSLContext | None) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"2\r\n\r\n\r\n" * 1820)  # each piece looks like the end

    with Listening(flood, tls) as service:
        begun_at = time.monotonic()
        assert ["ReadTimeoutError"] == faults(ask(Lines(service.url), b"", timeout_s=0.1))
        assert time.monotonic() - begun_at < 5


@pytest.mark.parametrize("where", ["headers", "read"])
def test_an_error_of_the_caller_leaves_no_call_behind_whose_reply_another_could_get(where: str) -> None:
    def write(body: bytes) -> bytes:
        if where == "headers" and body == b"2":
            raise KeyError(body)
        return b""

    def read(answer: Answer) -> tuple[bytes, bool]:
        if where == "read":
            raise KeyError(answer.body)
        return answer.body, False

    with Listening(echo) as service:
        lines = Lines(service.url)
        with pytest.raises(KeyError):
            lines.exchange([b"0", b"1", b"2"], write, read, at_most=3, timeout_s=PATIENCE_S)

        assert len(lines._lines) == len(lines._idle)
        assert [b"3", b"4", b"5", b"6"] == bodies(ask(lines, b"3", b"4", b"5", b"6"))


def test_where_no_descriptor_is_left_to_wait_with_there_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with Listening(echo) as server:
        lines = Lines(server.url)
        with monkeypatch.context() as patch:
            patch.setattr("select.epoll", none_left, raising=False)
            patch.setattr("select.poll", none_left)
            before = descriptors()
            assert ["EndpointConnectionError"] == faults(ask(lines, b"1"))
            assert until(lambda: descriptors() <= before)
        assert [b"2"] == bodies(ask(lines, b"2"))


def test_after_five_hundred_calls_that_fail_no_descriptor_is_left(
    monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    """Neither where nobody listens, nor for bad replies, time limits, certificates or proxies."""
    with (
        Listening(hang_up) as leaving,
        Listening(lambda connection: connection.sendall(b"220 mail.example ESMTP\r\n")) as stranger,
        Listening(once()) as silent,
        Listening(echo, server_context(certificate)) as unknown,
    ):
        urls = [nobody(), leaving.url, stranger.url, silent.url, unknown.url, f"https://127.0.0.1:{stranger.port}"]
        all_lines = [Lines(url) for url in urls]
        for proxy in leaving, stranger:
            monkeypatch.setenv("http_proxy", proxy.url)
            all_lines.append(Lines(silent.url))
        before = descriptors()

        for _ in range(63):
            for lines in all_lines:
                [answer] = ask(lines, b"", timeout_s=0.02)
                assert answer is not None
                assert answer.fault is not None
        assert until(lambda: descriptors() <= before + len(all_lines)), "but for that which each waits with"
        assert [0] * len(all_lines) == [len(lines._lines) for lines in all_lines]


def test_a_connection_that_is_not_in_use_holds_neither_request_nor_reply() -> None:
    with Listening(echo) as service:
        lines = Lines(service.url)
        ask(lines, LARGE, LARGE)

        assert [(b"", b"", b"")] * 2 == [(line.request, line.unsent, line.came) for line in lines._idle]


def test_connections_are_closed_with_what_they_belong_to() -> None:
    ended = threading.Event()

    def listen(connection: socket.socket) -> None:
        echo(connection)
        ended.set()

    with Listening(listen) as service:
        lines = Lines(service.url)
        ask(lines, b"1")
        assert not ended.is_set()
        del lines
        assert ended.wait(PATIENCE_S)
