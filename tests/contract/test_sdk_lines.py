"""Connections that do less work send the same, in one piece."""

import http.client
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.httpsession import URLLib3Session

from ports.aws.sdk_lines import quicken
from tests.contract.answering import Answer, Answering, Request


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
