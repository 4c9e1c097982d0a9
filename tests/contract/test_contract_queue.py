"""What every queue promises, embedded or on SQS."""

import pytest

from ports import Queue

FIRST, SECOND = b'{"customer": 1}', '{"customer": "Zoë"}'.encode()


def test_a_message_comes_back_byte_for_byte_with_the_id_it_was_sent_under(queue: Queue) -> None:
    ids = queue.send([FIRST, SECOND])

    messages = queue.receive(10, 0, 60)

    assert dict(zip(ids, (FIRST, SECOND), strict=True)) == {m.id: m.body for m in messages}
    assert [1, 1] == [m.receive_count for m in messages]


def test_more_than_ten_are_received_in_one_call_and_never_more_than_the_limit(queue: Queue) -> None:
    ids = queue.send([FIRST] * 23)

    first, rest = queue.receive(15, 0, 60), queue.receive(15, 0, 60)

    assert (15, 8) == (len(first), len(rest))
    assert set(ids) == {m.id for m in first + rest}


def test_an_empty_queue_gives_nothing(queue: Queue) -> None:
    assert [] == queue.receive(10, 0, 60)
    assert [] == queue.receive(10, 1, 60)


def test_who_has_no_room_gets_nothing_and_leases_nothing(queue: Queue) -> None:
    queue.send([FIRST])

    assert [] == queue.receive(0, 0, 60)
    assert (1, 0) == queue.depth()


def test_what_is_under_lease_is_not_given_to_anybody_else(queue: Queue) -> None:
    queue.send([FIRST])
    queue.receive(10, 0, 60)

    assert [] == queue.receive(10, 0, 60)
    assert (0, 1) == queue.depth()


def test_what_is_deleted_never_comes_back(queue: Queue) -> None:
    queue.send([FIRST] * 12)

    assert [] == queue.delete(queue.receive(12, 0, 60))

    assert [] == queue.receive(10, 0, 60)
    assert (0, 0) == queue.depth()


def test_deleting_twice_is_no_failure(queue: Queue) -> None:
    queue.send([FIRST])
    messages = queue.receive(10, 0, 60)
    queue.delete(messages)

    assert [] == queue.delete(messages)


def test_deleting_nothing_sending_nothing_and_extending_nothing_do_nothing(queue: Queue) -> None:
    assert ([], [], []) == (queue.delete([]), queue.send([]), queue.set_visibility([]))


def test_a_message_that_is_released_is_received_again_with_a_higher_count(queue: Queue) -> None:
    queue.send([FIRST, SECOND])
    released, kept = queue.receive(10, 0, 60)

    assert [] == queue.set_visibility([(released, 0), (kept, 120)])

    (again,) = queue.receive(10, 0, 60)
    assert (released.id, 2) == (again.id, again.receive_count)


def test_the_receipt_of_the_latest_receive_deletes(queue: Queue) -> None:
    queue.send([FIRST])
    queue.set_visibility([(queue.receive(1, 0, 60)[0], 0)])

    assert [] == queue.delete(queue.receive(1, 0, 60))
    assert (0, 0) == queue.depth()


def test_the_lease_of_a_deleted_message_is_lost(queue: Queue) -> None:
    queue.send([FIRST, SECOND])
    gone, kept = queue.receive(10, 0, 60)
    queue.delete([gone])

    assert [gone] == queue.set_visibility([(gone, 60), (kept, 60)])


@pytest.mark.parametrize("bad", [b"", b"x" * (1024 * 1024 + 1)], ids=["empty", "over 1 MiB"])
def test_a_body_that_no_queue_takes_does_not_harm_its_neighbours(queue: Queue, bad: bytes) -> None:
    first, refused, last = queue.send([FIRST, bad, SECOND])

    assert refused is None
    assert {first, last} == {m.id for m in queue.receive(10, 0, 60)}


def test_a_body_of_exactly_one_mebibyte_is_taken(queue: Queue) -> None:
    (key,) = queue.send([b"x" * 1024 * 1024])

    assert key is not None
    assert [1024 * 1024] == [len(m.body) for m in queue.receive(1, 0, 60)]


def test_a_message_that_is_received_too_often_becomes_a_dead_letter(
    queue_and_dead_letters: tuple[Queue, Queue],
) -> None:
    queue, dead_letters = queue_and_dead_letters
    (key,) = queue.send([FIRST])
    assert [1, 2] == [queue.receive(1, 0, 0)[0].receive_count for _ in range(2)]

    assert [] == queue.receive(1, 0, 60)

    assert [(key, FIRST)] == [(m.id, m.body) for m in dead_letters.receive(10, 0, 60)]
    assert (0, 0) == queue.depth()


def test_the_url_is_the_one_it_was_opened_by(queue: Queue) -> None:
    assert queue.url.endswith(("/queue.db", "/events"))
