"""Connections that do less work send and read the same: in one piece, and headers as `http.client` reads them."""

import http.client
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.httpsession import URLLib3Session

from ports.aws.sdk_lines import parse_headers, quicken
from tests.contract.answering import Answer, Answering, Request

HEADS = {
    "usual": b"x-amzn-RequestId: 5e2b\r\nDate: Thu, 15 Jan 2026 10:00:00 GMT\r\nContent-Length: 5\r\n\r\n",
    "none": b"\r\n",
    "twice the same": b"a: 1\r\nA: 2\r\n\r\n",
    "spaces": b"a:  b c \t\r\nb:\r\nc:\t\r\n\r\n",
    "other letters": "a: ä\r\n\r\n".encode("latin-1") + b"rest",
    "bytes that are no text": b"a: \xff\x00\x85\x0b\x0c\x1c\r\n\r\n",
    "line feeds": b"a: b\nc: d\n\n",
    "a line that goes on": b"a: b\r\n c\r\nd: e\r\n\r\n",
    "no header": b"a: b\r\nnothing\r\nc: d\r\n\r\n",
    "no name": b": b\r\nc: d\r\n\r\n",
    "a name with a space": b"a b: c\r\nd : e\r\n\r\n",
    "a carriage return": b"a: b\rc: d\r\ne: f\r\n\r\n",
    "broken off": b"a: b\r\nc: d",
    "nothing": b"",
    "99": b"a: b\r\n" * 99 + b"\r\n",
    "100": b"a: b\r\n" * 100 + b"\r\n",
    "many": b"a: b\r\n" * 1000 + b"\r\n",
    "long": b"a: " + b"b" * 65_531 + b"\r\n\r\n",
    "too long": b"a: " + b"b" * 65_532 + b"\r\n\r\n",
}


def outcome(parse: Any, head: bytes) -> object:  # noqa: ANN401
    """Return what comes of a head, and what is left to read."""
    lines = BytesIO(head)
    try:
        message = parse(lines)
    except http.client.HTTPException as error:
        return type(error), str(error)
    return message.items(), message.get("A"), bool(message.defects), message.get_payload() or None, lines.read()


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_headers_are_those_that_http_client_reads(head: bytes) -> None:
    assert outcome(http.client.parse_headers, head) == outcome(parse_headers, head)


@pytest.fixture
def asked() -> list[Request]:
    """Collect what was asked."""
    return []


@pytest.fixture
def service(asked: list[Request]) -> Iterator[Answering]:
    """Start what answers every call."""

    def respond(request: Request) -> Answer:
        asked.append(request)
        return Answer(200, b"done", {"X-Said": "a"})

    with Answering(respond) as answering:
        yield answering


def request(url: str, body: bytes | None) -> AWSPreparedRequest:
    headers: Any = HeadersDict({"X-Amz-Target": b"AmazonSQS.A", "Content-Length": str(len(body or b""))})
    return AWSPreparedRequest("POST", url, headers, body, stream_output=False)


def test_head_and_body_go_together_and_the_next_request_has_nothing_of_it(
    service: Answering, asked: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test also says when an urllib3 of tomorrow does not use what is given to it."""
    pieces: list[bytes] = []
    send = http.client.HTTPConnection.send

    def noted(connection: http.client.HTTPConnection, data: bytes) -> None:
        pieces.append(data)
        send(connection, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", noted)
    session = URLLib3Session()
    quicken(session)

    answers = [session.send(request(f"{service.url}/", body)) for body in (b"some", None)]

    assert [b"some", b""] == [one.body for one in asked]
    assert [b"done"] * 2 == [one.content for one in answers]
    assert ["a"] * 2 == [one.headers["x-said"] for one in answers]
    assert len(asked) == len(pieces)
    assert pieces[0].endswith(b"\r\n\r\nsome")


def test_what_only_a_python_of_tomorrow_asks_for_is_left_to_it() -> None:
    """As `_class` is asked for by servers of today."""
    message = parse_headers(BytesIO(HEADS["usual"]), _class=http.client.HTTPMessage)

    assert "5" == message["content-length"]


def test_python_still_asks_for_headers_by_the_name_that_is_replaced() -> None:
    assert "parse_headers" in http.client.HTTPResponse.begin.__code__.co_names
