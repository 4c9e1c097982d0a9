"""What is taken out of a message: its events, each as it came."""

import json

import pytest

from tests.helpers import bus_event, decoded, encoded, notification, plain_event, reasons
from worker.errors import Reject

BAD = (
    b'{"event_id": "b", "level": NaN}',
    b'{ "event_id" :"b",\t"event_id": "b" }',
    b'{"event_id": "\\ud800"}',
    b'{"event_id": "b", "x": ' + b"9" * 5000 + b"}",
    '{"event_id": "é ] , [ \'"}'.encode(),
    b"[[]]",
    b"-0.0e-7",
)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("space", [b"", b" \n\t\r"])
def test_a_bad_event_of_a_pack_is_set_aside_alone_byte_for_byte(bad: bytes, space: bytes) -> None:
    good = encoded(plain_event())
    parts = [good, bad, good]
    body = space + b"[" + space + (space + b"," + space).join(parts) + space + b"]" + space

    first, reject, last = decoded(body)

    assert isinstance(reject, Reject)
    assert bad == reject.body
    assert not isinstance(first, Reject)
    assert first == last


def test_inside_an_sns_notification_it_is_the_event_too() -> None:
    """EventBridge says `detail` is an object; of an array in it the message is kept whole."""
    pack = f"[{json.dumps(plain_event())}, {{}}]"

    assert [None, b"{}"] == [found.body if isinstance(found, Reject) else None for found in decoded(notification(pack))]
    assert [None, None] == [
        found.body if isinstance(found, Reject) else None for found in decoded(bus_event(json.loads(pack)))
    ]


def test_a_message_of_one_bad_event_is_kept_whole() -> None:
    for body in (b" {} ", b" [ {} ] "):
        [reject] = decoded(body)
        assert isinstance(reject, Reject)
        assert reject.body is None


@pytest.mark.parametrize(
    "body", [b"[,]", b"[1,]", b"[1 2]", b"[1", b"[", b"[]]", b"[1],", b"[1] 2", b"[\x0b1]", b"[1}"]
)
def test_an_array_that_is_not_well_formed_is_no_json(body: bytes) -> None:
    assert ["not_json"] == reasons(body)


def test_the_place_where_json_breaks_is_told() -> None:
    [reject] = decoded(b'[{"event_id": "a"},\n  {"event_id" "b"}]')

    assert "line 2, column 15" in str(reject)


def test_of_far_too_many_events_no_more_is_read_than_tells_so() -> None:
    assert ["too_many_events"] == reasons(b"[" + b"0," * 1001 + b"and what else there may be")
