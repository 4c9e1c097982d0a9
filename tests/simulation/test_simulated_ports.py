"""What the simulated queue does of its own: leases that end in virtual time, stale receipts, faults, copies."""

import random
from collections.abc import Sequence

import pytest

from ports import Unavailable
from simulation.faults import Api, Fault, Kind
from simulation.link import Killed, Link
from simulation.queue import QueueState, SimulatedQueue
from simulation.world import World


class Script:
    """What goes wrong with the calls to come, one after the other; then nothing."""

    def __init__(self, *faults: Fault | None) -> None:
        self._faults = list(faults)

    def draw(self, api: Api, entries: int, now: float) -> Fault | None:  # noqa: ARG002  as the protocol has it
        return self._faults.pop(0) if self._faults else None


def queue_with(*faults: Fault | Kind | None) -> SimulatedQueue:
    """Return a queue of three messages, and what goes wrong with its calls."""
    script = Script(*(Fault(fault) if isinstance(fault, str) else fault for fault in faults))
    world = World(0, random.Random(1), script, events=100)  # noqa: S311  it must repeat itself
    state = QueueState(world, "events")
    for body in (b"a", b"b", b"c"):
        state.add(body, world.now)
    state.on_delete = lambda _: None
    return SimulatedQueue(Link(world, "w1", 60), state)


def bodies(queue: SimulatedQueue, timeout_s: int = 60) -> Sequence[bytes]:
    return sorted(message.body for message in queue.receive(10, 0, timeout_s))


def test_a_lease_ends_in_virtual_time_and_its_receipt_is_stale_then() -> None:
    queue = queue_with()
    stale = queue.receive(10, 0, 30)

    again = queue.receive(10, 31, 60)

    assert [2, 2, 2] == [message.receive_count for message in again]
    assert list(stale) == queue.delete(stale)
    assert list(stale) == queue.set_visibility([(message, 60) for message in stale])
    assert (0, 3) == queue.depth()
    assert [] == queue.delete(again)


def test_a_receive_whose_reply_is_lost_has_leased_its_messages() -> None:
    queue = queue_with("reply_lost")

    with pytest.raises(Unavailable):
        queue.receive(10, 0, 60)

    assert (0, 3) == queue.depth()


def test_a_refused_receive_has_leased_nothing() -> None:
    queue = queue_with("refused")

    with pytest.raises(Unavailable):
        queue.receive(10, 0, 60)

    assert [b"a", b"b", b"c"] == bodies(queue)


def test_what_is_delivered_twice_is_in_two_hands_and_only_the_newer_receipt_deletes() -> None:
    queue = queue_with("delivered_twice")
    first, second = queue.receive(10, 0, 60), queue.receive(10, 0, 60)

    assert len(first) == len(second) == 3
    assert list(first) == queue.delete(first)
    assert [] == queue.delete(second)


def test_a_deleted_message_can_come_again() -> None:
    queue = queue_with(None, "came_back")

    assert [] == queue.delete(queue.receive(10, 0, 60))

    assert [2, 2, 2] == sorted(m.receive_count for _ in range(9) for m in queue.receive(10, 20, 600))


def test_a_process_that_dies_inside_a_batch_has_done_a_part_of_it_and_never_does_anything_again() -> None:
    queue = queue_with(None, Fault("killed", cut=2))
    messages = queue.receive(10, 0, 60)

    with pytest.raises(Killed):
        queue.delete(messages)

    assert (0, 1) == queue.depth()
    with pytest.raises(Killed):
        queue.receive(10, 0, 60)


@pytest.mark.parametrize(("fault", "left"), [("refused", 3), ("reply_lost", 0)])
def test_a_delete_that_failed_says_so_of_every_message_whether_it_is_there_or_not(fault: Kind, left: int) -> None:
    queue = queue_with(None, fault)
    messages = queue.receive(10, 0, 60)

    assert messages == queue.delete(messages)
    assert (0, left) == queue.depth()


def test_a_visibility_that_could_not_be_set_loses_no_lease() -> None:
    queue = queue_with(None, "refused")
    messages = queue.receive(10, 0, 60)

    assert [] == queue.set_visibility([(message, 0) for message in messages])
    assert (0, 3) == queue.depth()
