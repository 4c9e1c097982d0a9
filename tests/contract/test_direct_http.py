"""What has come on a connection is a whole reply, a part of one, or none: never a guess, never another error."""

import re
from typing import Final
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ports.aws.direct import http
from ports.aws.direct.http import NotHttp, Whole, whole_reply

OK: Final = b"HTTP/1.1 200 OK"
CHUNKED: Final = b"Transfer-Encoding: chunked"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def message(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([*lines, b"", b""]) + body


def of_length(body: bytes, *more: bytes) -> bytes:
    return message(OK, b"Content-Length: %d" % len(body), *more, body=body)


def in_chunks(*parts: bytes, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    return message(OK, CHUNKED, body=chunks + b"0" + extension + b"\r\n" + trailer + b"\r\n")


WHOLE: Final = {
    "a length": (of_length(b"body"), b"body", True),
    "no body": (of_length(b""), b"", True),
    "a reason that is empty": (message(b"HTTP/1.1 200 ", b"Content-Length: 1", body=b"b"), b"b", True),
    "no reason at all": (message(b"HTTP/1.1 200", b"Content-Length: 1", body=b"b"), b"b", True),
    "names in any case and spaces": (message(OK, b"cOnTeNt-LeNgTh: \t 4 \t", body=b"body"), b"body", True),
    "no space before a value": (message(OK, b"Content-Length:4", body=b"body"), b"body", True),
    "a length that is said elsewhere, too": (
        message(OK, b"X-Content-Length: 9", b"X: Content-Length: 9", b"Content-Length: 4", body=b"body"),
        b"body",
        True,
    ),
    "the end of a head in a body": (of_length(b"a\r\n\r\nb"), b"a\r\n\r\nb", True),
    "bytes that are no text": (of_length(bytes(range(256))), bytes(range(256)), True),
    "a head with a NUL": (of_length(b"body", b"X: \0\xff"), b"body", True),
    "chunks": (in_chunks(b"bo", b"dy"), b"body", True),
    "no chunks": (in_chunks(), b"", True),
    "chunks with the end of chunks in them": (in_chunks(b"0\r\n\r\n", b"\r\n\r\n"), b"0\r\n\r\n\r\n\r\n", True),
    "chunks with extensions": (in_chunks(b"body", extension=b' ;a=b;c="d e"'), b"body", True),
    "chunks with trailers": (in_chunks(b"body", trailer=b"A: b\r\nContent-Length: 9\r\n"), b"body", True),
    "chunks whose size has zeros before it": (message(OK, CHUNKED, body=b"0004\r\nbody\r\n000\r\n\r\n"), b"body", True),
    "the last call of a connection": (of_length(b"body", b"Connection: close"), b"body", False),
    "the last call among others": (of_length(b"body", b"Connection: foo, Close"), b"body", False),
    "the last call, said after something else": (
        of_length(b"body", b"Connection: keep-alive", b"connection: close"),
        b"body",
        False,
    ),
    "an older HTTP": (message(b"HTTP/1.0 200 OK", b"Content-Length: 4", body=b"body"), b"body", False),
    "a status without a body": (message(b"HTTP/1.1 204 No Content"), b"", True),
    "a promise before": (CONTINUE + of_length(b"body"), b"body", True),
    "many promises before": (CONTINUE * 2000 + of_length(b"body"), b"body", True),
    "more than the reply": (of_length(b"body") + b"HTTP/1.1 200 OK\r\n", b"body", False),
    "an empty line too many after chunks": (in_chunks(b"body") + b"\r\n", b"body", False),
}


@pytest.mark.parametrize(("came", "body", "stays"), WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_reply_is_read_and_says_whether_another_may_follow(came: bytes, body: bytes, *, stays: bool) -> None:
    reply = whole_reply(came, ended=False)

    assert reply is not None
    assert (body, stays) == (reply.body, reply.stays)
    assert reply == whole_reply(bytearray(came), ended=False)
    assert {bytes} == {type(reply.head), type(reply.body)}


def test_status_and_head_are_those_of_the_reply_and_not_of_a_promise() -> None:
    came = CONTINUE + message(b"HTTP/1.1 403 Forbidden", b"A: b", b"Content-Length: 0")

    head = b"HTTP/1.1 403 Forbidden\r\nA: b\r\nContent-Length: 0"
    assert Whole(403, head, b"", stays=True) == whole_reply(came, ended=False)


@pytest.mark.parametrize(
    ("came", "body"),
    [(message(OK, body=b"body"), b"body"), (message(b"HTTP/1.0 200 OK"), b""), (message(OK, body=b"\r\n"), b"\r\n")],
)
def test_without_a_length_a_reply_ends_with_its_connection(came: bytes, body: bytes) -> None:
    reply = whole_reply(came, ended=True)

    assert whole_reply(came, ended=False) is None
    assert reply is not None
    assert (body, False) == (reply.body, reply.stays)


PARTIAL: Final = {
    "nothing": b"",
    "half a status": b"HTTP/1.1 20",
    "half a head": message(OK, b"Content-Length: 4").removesuffix(b"\r\n"),
    "a head alone": message(OK, b"Content-Length: 4"),
    "half a body": message(OK, b"Content-Length: 4", body=b"bod"),
    "a promise alone": CONTINUE,
    "a promise and half a status": CONTINUE + b"HTTP",
    "chunks that have not begun": message(OK, CHUNKED),
    "a chunk alone": message(OK, CHUNKED, body=b"4\r\nbody\r\n"),
    "a chunk that is cut where it looks whole": message(OK, CHUNKED, body=b"9\r\nab\r\n\r\n"),
    "a chunk of which the end lacks": message(OK, CHUNKED, body=b"4\r\nbody"),
    "a chunk that is larger than all that is taken": message(OK, CHUNKED, body=b"ffffffff\r\nbody\r\n\r\n"),
    "the last chunk without its end": message(OK, CHUNKED, body=b"4\r\nbody\r\n0\r\n"),
    "half a trailer": message(OK, CHUNKED, body=b"4\r\nbody\r\n0\r\nA: b\r\n"),
}


@pytest.mark.parametrize("came", PARTIAL.values(), ids=PARTIAL.keys())
def test_of_a_part_more_is_awaited_and_it_is_no_reply_once_the_connection_has_ended(came: bytes) -> None:
    assert whole_reply(came, ended=False) is None
    assert whole_reply(bytearray(came), ended=False) is None
    with pytest.raises(NotHttp):
        whole_reply(came, ended=True)


def said_length(value: bytes) -> bytes:
    return message(OK, b"Content-Length: " + value, body=b"x" * 50)


def after_chunk(rest: bytes) -> bytes:
    return message(OK, CHUNKED, body=rest + b"0\r\n\r\n")


BAD: Final = {
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "HTTP of the first days": b'{"Messages": []}',
    "HTTP of another day": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "something before it": b"\r\n" + of_length(b""),
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status that is none": b"HTTP/1.1 000 OK\r\n\r\n",
    "NULs": bytes(100),
    "no reply after a promise": CONTINUE + b"220 mail.example ESMTP\r\n",
    "a length with a sign": said_length(b"+5"),
    "a negative length": said_length(b"-5"),
    "a length in hex": said_length(b"0x5"),
    "a length with a fraction": said_length(b"5.0"),
    "a length of another script": said_length("٥".encode()),  # noqa: RUF001  a five
    "a length that is parted": said_length(b"5\r6"),
    "a length on the next line": said_length(b"\r\n 5"),
    "no length": said_length(b""),
    "a huge length": said_length(b"9" * 30),
    "two lengths": message(OK, b"Content-Length: 4", b"Content-Length: 5", body=b"body"),
    "a length twice": message(OK, b"Content-Length: 4", b"content-length: 4", body=b"body"),
    "a length and chunks": message(OK, b"Content-Length: 4", CHUNKED, body=b"4\r\nbody\r\n0\r\n\r\n"),
    "another coding": message(OK, b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunks in chunks": message(OK, CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "a chunk without a size": after_chunk(b"\r\nbody\r\n"),
    "a chunk with a sign": after_chunk(b"+4\r\nbody\r\n"),
    "a chunk with a negative size": after_chunk(b"-4\r\nbody\r\n"),
    "a chunk in Python's hex": after_chunk(b"0x4\r\nbody\r\n"),
    "a chunk with an underscore": after_chunk(b"0_4\r\nbody\r\n"),
    "a chunk of a size without end": after_chunk(b"0" * 30 + b"4\r\nbody\r\n"),
    "a chunk that is longer than it says": after_chunk(b"3\r\nbody\r\n"),
    "a chunk that is shorter than it says": after_chunk(b"5\r\nbody\r\n"),
}


@pytest.mark.parametrize("came", BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_no_reply_while_the_connection_is_open(came: bytes) -> None:
    with pytest.raises(NotHttp):
        whole_reply(came, ended=False)
    with pytest.raises(NotHttp):
        whole_reply(came, ended=True)


@pytest.mark.parametrize(
    "came",
    [
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * http.MAX_HEAD_BYTES,
        CONTINUE * (http.MAX_HEAD_BYTES // len(CONTINUE) + 1),
        b"HTTP/1.1 100 \r\n\r\n" * 100_000,
    ],
)
def test_a_head_without_end_is_no_reply(came: bytes) -> None:
    with pytest.raises(NotHttp):
        whole_reply(came, ended=False)


@pytest.mark.parametrize("framing", [b"Content-Length: 9999", CHUNKED, b"A: b"])
def test_a_body_without_end_is_no_reply(framing: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_REPLY_BYTES", 1000)

    assert whole_reply(message(OK, framing, body=b"x" * 900), ended=False) is None
    with pytest.raises(NotHttp):
        whole_reply(message(OK, framing, body=b"x" * 1000), ended=False)


BODIES: Final = some.binary(max_size=80) | some.lists(some.sampled_from([b"\r\n", b"0", b"a", b";"])).map(b"".join)
VALUES: Final = some.binary(max_size=20).map(lambda value: re.sub(rb"[\r\n]", b"", value))
FIELDS: Final = some.lists(some.tuples(some.sampled_from([b"Date", b"X-Amzn-RequestId", b"X"]), VALUES), max_size=4)


@given(
    some.integers(200, 599).filter(lambda n: n not in {204, 304}), FIELDS, some.lists(BODIES, max_size=4), some.data()
)
def test_a_reply_that_is_cut_anywhere_is_awaited_and_the_whole_one_is_what_was_sent(
    status: int, fields: list[tuple[bytes, bytes]], parts: list[bytes], data: some.DataObject
) -> None:
    body, parts = b"".join(parts), [part for part in parts if part]
    head = [b"HTTP/1.1 %d Some" % status, *(b"%s: %s" % field for field in fields)]
    if data.draw(some.booleans(), label="in chunks"):
        head.insert(data.draw(some.integers(1, len(head))), CHUNKED)
        framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        head.insert(data.draw(some.integers(1, len(head))), b"Content-Length: %d" % len(body))
        framed = body
    promised = CONTINUE * data.draw(some.integers(0, 2), label="promises")
    sent = promised + message(*head, body=framed)

    assert Whole(status, b"\r\n".join(head), body, stays=True) == whole_reply(sent, ended=False)
    for cut in range(len(sent)):
        assert whole_reply(sent[:cut], ended=False) is None
        with pytest.raises(NotHttp):
            whole_reply(sent[:cut], ended=True)


LINES: Final = [
    b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 100 C", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 None", b"Date: x",
    b"Content-Length: 4", b"content-length:4", b"CONTENT-LENGTH: 4", b"Content-Length: 004", b"Content-Length: -4",
    b"Content-Length : 4", b"Content-Length: 4 ", b"Content-Length: 4\nContent-Length: 5", b"X: y\rContent-Length: 5",
    b" Content-Length: 5", b"Content-Type: text", b"Connection: keep-alive", b"Connection: keep-alive, close",
    b"Connection: close", b"connection:keep-alive", b"Transfer-Encodings: chunked", b"Con: 1", b"T: 1",
    CHUNKED, b"c", b"t", b"",
]  # fmt: skip


BEGINNINGS: Final = [b"http/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 100 C"]


@given(
    some.just(OK) | some.sampled_from(BEGINNINGS),
    some.lists(some.sampled_from(LINES), max_size=6),
    some.sampled_from([b"body", b"", b"4\r\nbody\r\n0\r\n\r\n", b"body!"]),
)
def test_what_the_usual_look_reads_reads_the_same_piece_by_piece(first: bytes, lines: list[bytes], body: bytes) -> None:
    def read() -> Whole | str | None:
        try:
            return whole_reply(message(first, *lines, body=body), ended=False)
        except NotHttp:
            return "none"

    as_it_is = read()
    with mock.patch.object(http, "_USUAL", re.compile(rb"(?!)")):
        assert read() == as_it_is


SIGNS: Final = [bytes([sign]) for sign in b"\r\n 05a-+;:\0\xff"]
WORDS: Final = [OK, CHUNKED, b"HTTP/1.0 500 ", b"HTTP/1.1 100 C", b"Content-Length:", b"Connection: close", b"\r\n\r\n"]
TOKENS: Final = some.sampled_from([*WORDS, *SIGNS, b"\r\n", b"body"])


@given(came=some.binary() | some.lists(TOKENS).map(b"".join), ended=some.booleans())
def test_any_bytes_at_all_are_a_reply_or_a_part_of_one_or_none(came: bytes, *, ended: bool) -> None:
    try:
        reply = whole_reply(came, ended=ended)
    except NotHttp:
        return
    assert isinstance(reply, Whole) if ended else reply is None or isinstance(reply, Whole)
    assert whole_reply(bytearray(came), ended=ended) == reply
