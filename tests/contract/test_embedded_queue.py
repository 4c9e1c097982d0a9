"""What the embedded queue promises beyond the contract: leases to the second, receipts, dead letters, bad disks."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from ports import BadAddress, Unavailable, create_queue, open_queue
from ports.embedded.queue import EmbeddedQueue


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_768_471_200.0
        self.sleeps = 0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps += 1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock) -> EmbeddedQueue:
    url = f"sqlite:///{tmp_path}/queue.db"
    create_queue(url, dead_letters=f"sqlite:///{tmp_path}/dead.db")
    return EmbeddedQueue(url, tmp_path / "queue.db", clock=clock.read, sleep=clock.sleep)


def test_a_message_is_visible_again_when_its_timeout_ends_and_not_before(queue: EmbeddedQueue, clock: Clock) -> None:
    queue.send([b"a"])
    (first,) = queue.receive(1, 0, 60)

    clock.now += 59.9
    assert [] == queue.receive(1, 0, 60)
    clock.now += 0.1
    (second,) = queue.receive(1, 0, 60)

    assert (first.id, 2) == (second.id, second.receive_count)
    assert first.receipt != second.receipt


def test_a_receive_waits_for_the_first_message_but_no_longer(queue: EmbeddedQueue, clock: Clock) -> None:
    queue.send([b"a"])
    queue.receive(1, 0, 3)
    start = clock.now

    assert [] == queue.receive(1, 2, 60)
    assert 2 == pytest.approx(clock.now - start)
    assert 1 == len(queue.receive(1, 20, 60))
    assert 3 == pytest.approx(clock.now - start, abs=0.1)


def test_a_clock_that_is_set_back_does_not_prolong_a_wait(tmp_path: Path, queue: EmbeddedQueue, clock: Clock) -> None:
    def sleep_in_a_falling_hour(seconds: float) -> None:
        clock.sleep(seconds - 3600)

    waiting = EmbeddedQueue(queue.url, tmp_path / "queue.db", clock=clock.read, sleep=sleep_in_a_falling_hour)

    assert [] == waiting.receive(1, 1, 60)
    assert clock.sleeps <= 21


def test_messages_come_in_the_order_they_were_sent(queue: EmbeddedQueue, clock: Clock) -> None:
    bodies = [str(number).encode() for number in range(250)]
    queue.send(bodies[:100])
    clock.now += 1
    queue.send(bodies[100:])

    assert bodies == [m.body for m in queue.receive(100, 0, 60) + queue.receive(1000, 0, 60)]


def test_a_stale_receipt_neither_deletes_nor_extends(queue: EmbeddedQueue, clock: Clock) -> None:
    queue.send([b"a"])
    (stale,) = queue.receive(1, 0, 10)
    clock.now += 10
    (fresh,) = queue.receive(1, 0, 60)

    assert [stale] == queue.delete([stale])
    assert [stale] == queue.set_visibility([(stale, 0)])
    assert (0, 1) == queue.depth()
    assert [] == queue.delete([fresh])


def test_a_late_receipt_still_does_if_nobody_received_the_message_since(queue: EmbeddedQueue, clock: Clock) -> None:
    queue.send([b"a", b"b"])
    first, second = queue.receive(2, 0, 10)
    clock.now += 60

    assert [] == queue.set_visibility([(first, 30)])
    assert [] == queue.delete([second])
    assert (0, 1) == queue.depth()


def test_a_message_is_received_twenty_times_and_then_it_is_a_dead_letter(queue: EmbeddedQueue, tmp_path: Path) -> None:
    (key,) = queue.send([b"poison"])

    assert list(range(1, 21)) == [queue.receive(1, 0, 0)[0].receive_count for _ in range(20)]
    assert [] == queue.receive(1, 0, 0)

    (dead,) = open_queue(f"sqlite:///{tmp_path}/dead.db").receive(10, 0, 60)
    assert (key, b"poison", 1) == (dead.id, dead.body, dead.receive_count)
    assert (0, 0) == queue.depth()


def test_the_dead_do_not_hide_the_living_behind_them(queue: EmbeddedQueue, tmp_path: Path) -> None:
    queue.send([b"poison"] * 3)
    for _ in range(20):
        assert 3 == len(queue.receive(3, 0, 0))
    (key,) = queue.send([b"healthy"])

    assert [key] == [m.id for m in queue.receive(3, 0, 60)]
    assert (3, 0) == open_queue(f"sqlite:///{tmp_path}/dead.db").depth()


def test_a_kill_between_the_two_steps_of_a_burial_leaves_one_dead_letter(queue: EmbeddedQueue, tmp_path: Path) -> None:
    queue.send([b"poison"])
    for _ in range(20):
        queue.receive(1, 0, 0)
    before = tmp_path / "before"
    before.mkdir()
    for file in tmp_path.glob("queue.db*"):
        shutil.copy(file, before)
    shutil.copy(tmp_path / "dead.db", before)
    queue.receive(1, 0, 0)
    shutil.copy(tmp_path / "dead.db-wal", before)  # the letter is in both files now, as after such a kill

    assert [] == open_queue(f"sqlite:///{before}/queue.db").receive(1, 0, 0)

    assert (0, 0) == open_queue(f"sqlite:///{before}/queue.db").depth()
    assert [b"poison"] == [m.body for m in open_queue(f"sqlite:///{before}/dead.db").receive(10, 0, 60)]


def test_dead_letters_that_cannot_be_moved_stay_and_do_not_stop_the_living(
    queue: EmbeddedQueue, tmp_path: Path, clock: Clock
) -> None:
    queue.send([b"poison"])
    for _ in range(20):
        queue.receive(1, 0, 0)
    queue.send([b"healthy"])
    (tmp_path / "dead.db").unlink()

    assert [b"healthy"] == [m.body for m in queue.receive(2, 0, 60)]
    clock.now += 30
    assert (0, 2) == queue.depth()
    clock.now += 31
    with pytest.raises(Unavailable, match="dead letters cannot be moved"):
        queue.receive(1, 0, 60)


def test_queue_and_dead_letters_can_be_moved_together(queue: EmbeddedQueue, tmp_path: Path) -> None:
    queue.send([b"poison"])
    for _ in range(20):
        queue.receive(1, 0, 0)
    del queue
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in tmp_path.glob("*.db*"):
        file.rename(moved / file.name)

    assert [] == open_queue(f"sqlite:///{moved}/queue.db").receive(1, 0, 60)

    assert (1, 0) == open_queue(f"sqlite:///{moved}/dead.db").depth()


def test_without_dead_letters_a_message_is_received_for_ever(tmp_path: Path) -> None:
    queue = create_queue(f"sqlite:///{tmp_path}/plain.db", max_receive_count=2)
    queue.send([b"a"])

    assert list(range(1, 31)) == [queue.receive(1, 0, 0)[0].receive_count for _ in range(30)]


def test_creating_a_queue_again_opens_it_but_another_policy_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/queue.db"
    create_queue(url).send([b"a"])

    assert (1, 0) == create_queue(url).depth()
    with pytest.raises(BadAddress, match="with the policy"):
        create_queue(url, max_receive_count=3)


def test_a_queue_that_was_removed_takes_and_gives_nothing_more(queue: EmbeddedQueue, tmp_path: Path) -> None:
    queue.send([b"a"])
    (message,) = queue.receive(1, 0, 60)
    (tmp_path / "queue.db").unlink()

    assert [None] == queue.send([b"b"])
    assert [message] == queue.delete([message])
    with pytest.raises(Unavailable, match="removed or replaced"):
        queue.receive(1, 0, 60)
    with pytest.raises(Unavailable, match="removed or replaced"):
        queue.depth()


def test_a_queue_that_is_locked_too_long_fails_for_now_and_no_lease_counts_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ports.embedded.sqlite.BUSY_TIMEOUT_S", 0.01)
    queue = create_queue(f"sqlite:///{tmp_path}/queue.db")
    queue.send([b"a", b"b"])
    (message,) = queue.receive(1, 0, 60)
    other = sqlite3.connect(tmp_path / "queue.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert [None] == queue.send([b"c"])
    assert [message] == queue.delete([message])
    assert [] == queue.set_visibility([(message, 60)])
    with pytest.raises(Unavailable, match="locked"):
        queue.receive(1, 0, 60)

    other.close()
    assert [] == queue.delete([message])
