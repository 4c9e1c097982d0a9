"""The record of an event that was set aside."""

import base64
import gzip
import json

import pytest

from tests.helpers import BEFORE, NOW, encoded, message, plain_event, rejected
from worker.quarantine import quarantine_record, read_record


def test_a_record_of_the_quarantine_gives_the_event_back_and_its_key_is_that_of_the_event() -> None:
    taken = message(b"not json", "m-9", receive_count=3)
    reject = rejected(taken.body)
    record = quarantine_record("queue", taken, 0, reject, NOW)
    read = read_record(record)
    assert (read.reason, read.message_id, read.index, read.body) == ("not_json", "m-9", 0, b"not json")
    assert read.quarantined_at == "2026-01-15T12:00:00Z"
    again = quarantine_record("queue", taken._replace(receipt="another", receive_count=4), 0, reject, NOW)
    assert read_record(again).key == read.key
    assert read_record(quarantine_record("queue", taken, 1, reject, NOW)).key != read.key
    assert read_record(quarantine_record("other", taken, 0, reject, NOW)).key != read.key


def test_an_event_id_of_a_mebibyte_does_not_swell_the_record() -> None:
    body = encoded(plain_event("é" * 500_000))
    assert len(quarantine_record("queue", message(body), 0, rejected(body), NOW)) < 10_000


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"{}", b"7", encoded(plain_event()), b"\xff",
        encoded({"key": "k", "reason": "r", "faults": [], "event_id": None, "queue": "q", "message_id": "m", "index": 0,
                 "quarantined_at": BEFORE, "body_gzip_base64": "AAAA"}),
        encoded({"key": "k", "reason": "r", "faults": [], "event_id": None, "queue": "q", "message_id": "m", "index": 0,
                 "quarantined_at": BEFORE, "body_gzip_base64": "H4sIAAAAAAAC//////8="}),
    ],
)  # fmt: skip
def test_what_is_no_record_of_the_quarantine_is_told_so(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever its text: callers show it beside the message's id
        read_record(body)


def test_a_record_holds_the_body_compressed() -> None:
    body = encoded(plain_event(level=9)).ljust(100_000)
    record = quarantine_record("queue", message(body), 0, rejected(body), NOW)
    assert len(record) < 2_000
    assert read_record(record).body == body


def test_a_forged_record_unpacks_to_no_more_than_a_message_can_hold() -> None:
    """A mebibyte of gzip could become a gigabyte."""
    record = json.loads(quarantine_record("queue", message(b"x"), 0, rejected(b"x"), NOW))
    record["body_gzip_base64"] = base64.b64encode(gzip.compress(b"x" * (2**20 + 1))).decode()
    with pytest.raises(ValueError, match="larger than a message"):
        read_record(encoded(record))
    record["body_gzip_base64"] = base64.b64encode(gzip.compress(b"x" * 2**20)).decode()
    assert read_record(encoded(record)).body == b"x" * 2**20
