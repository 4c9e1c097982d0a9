"""The way back to the main queue, on embedded queues in virtual time."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import leadline.browse
from leadline.browse import LEASE_S
from leadline.exported import body_as_json, write_jsonl
from leadline.output import Failed
from leadline.redrive import Redrive, Redriven, Wish, World
from leadline.setaside import MANY, Item, read_all, source_of
from leadline.superseded import superseded_by
from leadline.verbs.dlq import KIND as DEAD_LETTERS
from leadline.verbs.quarantine import KIND as QUARANTINE
from leadline.where import parse_where
from ports import Depth, Message, Queue, Unavailable, open_store
from ports.embedded.queue import EmbeddedQueue
from propensity.decision import Case, decide
from tests.bundles import policy
from tests.clock import Clock
from tests.helpers import (
    BEFORE,
    LATER,
    NOW,
    bus_event,
    cloud_event,
    decoded,
    encoded,
    message,
    notification,
    plain_event,
    rejected,
)
from worker.decode import decode
from worker.errors import Reject
from worker.quarantine import quarantine_record

A_WEEK_ON: Final = NOW + timedelta(days=7)


class Killed(BaseException):
    """The process ends here."""


class Place:
    """A quarantine and a main queue in virtual time."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.aside, self.main = (self._queue(folder / name) for name in ("aside.db", "main.db"))

    def _queue(self, path: Path) -> EmbeddedQueue:
        EmbeddedQueue.create(f"sqlite:///{path}", path)
        return EmbeddedQueue(f"sqlite:///{path}", path, clock=self.clock, sleep=self.clock.pass_s)

    def set_aside(self, *bodies: bytes) -> None:
        """Quarantine a message for each body, which are all bad."""
        for number, body in enumerate(bodies):
            self.aside.send([quarantine_record("queue", message(body, f"m-{number}"), 0, rejected(body), NOW)])

    def redrive(
        self,
        *where: str,
        aside: Queue | None = None,
        main: Queue | None = None,
        **wish: Any,  # noqa: ANN401  fields of Wish and World
    ) -> Redriven:
        """Run once."""
        stopping = wish.pop("stopping", lambda: None)
        sleep = wish.pop("sleep", self.clock.pass_s)
        matches = parse_where(where, QUARANTINE).matches
        wished = Wish(matches, wish.pop("is_superseded", lambda _: False), **wish)
        world = World(self.clock, sleep, stopping)
        return Redrive(aside or self.aside, main or self.main, QUARANTINE.reader(), wished, world).run()

    def on_main(self) -> Counter[bytes]:
        """Return what lies on the main queue, without holding it."""
        return bodies_on(self.main)


class Faulty:
    """A queue of which some calls go wrong."""

    def __init__(self, queue: Queue, **calls: Callable[..., Any]) -> None:
        self._queue, self._calls = queue, calls

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  any call of a queue
        return self._calls.get(name) or getattr(self._queue, name)


def bodies_on(queue: Queue) -> Counter[bytes]:
    messages = queue.receive(1000, 0, 60)
    queue.set_visibility([(one, 0) for one in messages])
    return Counter(one.body for one in messages)


def late(name: str) -> bytes:
    """Return an event that lies a day ahead."""
    return encoded(plain_event(name, "2026-01-16T12:00:00Z"))


def wrong(name: str) -> bytes:
    """Return an event with a level out of bounds."""
    return encoded(plain_event(name, level=9))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_is_meant_goes_back_as_it_came_and_the_rest_is_visible_at_once(place: Place) -> None:
    place.set_aside(late("a"), wrong("b"), late("c"))

    done = place.redrive("reason=future_event")

    assert (2, 1, None) == (done.redriven, done.not_matching, done.trouble)
    assert Counter([late("a"), late("c")]) == place.on_main()
    [left] = place.aside.receive(10, 0, 60)
    assert 2 == left.receive_count, "received more than once in the run"
    assert Depth(0, 1) == place.aside.depth()


def test_times_and_several_reasons_choose_too(place: Place) -> None:
    place.set_aside(late("a"), wrong("b"), b"{")

    assert 0 == place.redrive("after=2026-01-15T12:00:01Z").redriven
    assert 0 == place.redrive("before=2026-01-15T12:00:00Z").redriven
    assert 2 == place.redrive("after=2026-01-15T13:00:00+01:00", "reason=not_json", "reason=out_of_bounds").redriven
    assert 1 == sum(place.aside.depth())


def test_copies_under_one_key_go_back_once_wherever_they_lie(place: Place) -> None:
    place.set_aside(late("a"))
    place.set_aside(*(wrong(str(number)) for number in range(150)))
    place.set_aside(late("a"))

    done = place.redrive("reason=future_event")

    assert (1, 1, 150) == (done.redriven, done.copies, done.not_matching)
    assert Counter([late("a")]) == place.on_main()
    assert 150 == sum(place.aside.depth())


def test_bad_events_that_each_hold_their_whole_pack_send_it_once(place: Place) -> None:
    """An event that cannot be written by itself is kept as its pack; else every redrive would multiply the bad ones."""
    pack = b'{"detail-type": "x", "detail": [{"level": NaN}, {"level": Infinity}, {"level": -Infinity}]}'
    rejects = [found for found in decoded(pack) if isinstance(found, Reject)]
    place.aside.send([quarantine_record("q", message(pack), i, reject, NOW) for i, reject in enumerate(rejects)])
    assert 3 == len(rejects)

    done = place.redrive()

    assert (1, 2) == (done.redriven, done.copies)
    assert Counter([pack]) == place.on_main()
    assert Depth(0, 0) == place.aside.depth()


def test_a_dry_run_counts_the_same_and_changes_nothing(place: Place) -> None:
    place.set_aside(late("a"), late("a"), wrong("b"))
    before = bodies_on(place.aside)

    tried = place.redrive("reason=future_event", dry_run=True, rate=0.001)

    assert Depth(0, 0) == place.main.depth()
    assert Depth(3, 0) == place.aside.depth()
    assert before == bodies_on(place.aside)
    assert tried == place.redrive("reason=future_event")


def test_a_limit_is_kept_and_the_next_run_goes_on(place: Place) -> None:
    place.set_aside(*(late(str(number)) for number in range(7)))

    assert 3 == place.redrive(limit=3).redriven
    assert (Depth(4, 0), 3) == (place.aside.depth(), sum(place.main.depth()))
    assert 4 == place.redrive(limit=10).redriven
    assert {late(str(number)): 1 for number in range(7)} == place.on_main()


def test_a_delete_that_fails_leaves_a_copy_and_loses_nothing(place: Place) -> None:
    place.set_aside(late("a"), late("b"))

    done = place.redrive(aside=Faulty(place.aside, delete=list))
    again = place.redrive()

    assert (2, 2) == (done.redriven, done.undeleted)
    assert (2, 0) == (again.redriven, again.undeleted)
    assert Counter({late("a"): 2, late("b"): 2}) == place.on_main()
    assert Depth(0, 0) == place.aside.depth()


@pytest.mark.parametrize("call", ["before the send", "after the send", "after the delete"])
def test_a_kill_at_any_call_loses_nothing(place: Place, call: str) -> None:
    """Even without the goodbye: the messages of the dead process come back when their lease ends."""
    place.set_aside(late("a"), late("b"))

    def die(*_: object) -> None:
        raise Killed

    def send_and_die(bodies: Sequence[bytes]) -> None:
        place.main.send(bodies)
        raise Killed

    def delete_and_die(messages: Sequence[Message]) -> None:
        place.aside.delete(messages[:1])
        raise Killed

    aside = {"delete": delete_and_die} if call == "after the delete" else {}
    main = {"before the send": {"send": die}, "after the send": {"send": send_and_die}}.get(call, {})
    with pytest.raises(Killed):
        place.redrive(aside=Faulty(place.aside, set_visibility=die, **aside), main=Faulty(place.main, **main))
    held_by_the_dead = place.aside.receive(10, 0, 60)
    place.clock.pass_s(LEASE_S + 1)
    place.redrive()

    assert [] == held_by_the_dead
    assert {late("a"), late("b")} == set(place.on_main())
    assert max(place.on_main().values()) <= 2
    assert Depth(0, 0) == place.aside.depth()


def test_what_the_main_queue_does_not_take_stays_and_its_neighbours_go(place: Place) -> None:
    place.set_aside(late("a"), late("b"), late("c"))

    def send(bodies: Sequence[bytes]) -> list[str | None]:
        return [None if body == late("b") else place.main.send([body])[0] for body in bodies]

    done = place.redrive(main=Faulty(place.main, send=send))

    assert (2, 1, None) == (done.redriven, done.failed, done.trouble)
    assert Counter([late("a"), late("c")]) == place.on_main()
    assert Depth(1, 0) == place.aside.depth()


def test_a_main_queue_that_takes_nothing_ends_it_soon(place: Place) -> None:
    place.set_aside(*(late(str(number)) for number in range(1000)))
    sends: list[int] = []

    def refuse(bodies: Sequence[bytes]) -> list[None]:
        sends.append(len(bodies))
        return [None] * len(bodies)

    done = place.redrive(main=Faulty(place.main, send=refuse))

    assert "takes nothing" in str(done.trouble)
    assert 3 == len(sends)
    assert Depth(1000, 0) == place.aside.depth()


def test_a_queue_that_does_not_answer_ends_it_with_the_rest_given_back(place: Place) -> None:
    place.set_aside(late("a"), wrong("b"))
    answers = iter([place.aside.receive])

    def receive(*arguments: Any) -> list[Message]:  # noqa: ANN401  passed on
        try:
            return next(answers)(*arguments)
        except StopIteration:
            raise Unavailable("away") from None

    done = place.redrive("reason=future_event", aside=Faulty(place.aside, receive=receive))

    assert (1, "away") == (done.redriven, done.trouble)
    assert Depth(1, 0) == place.aside.depth()


def test_the_rate_is_kept_and_the_leases_of_what_waits_are_too(place: Place) -> None:
    """300 messages at one a second: longer than two leases, and nobody else receives any of them meanwhile."""
    place.set_aside(*(late(str(number)) for number in range(300)))
    started, sent, stolen = place.clock(), list[float](), list[Message]()

    def send(bodies: Sequence[bytes]) -> list[str | None]:
        sent.extend([place.clock() - started] * len(bodies))
        return place.main.send(bodies)

    def sleep(seconds: float) -> None:
        place.clock.pass_s(seconds)
        if len(sent) > 200:  # the last hundred were received then, and are all in hand
            stolen.extend(place.aside.receive(1, 0, 60))

    done = place.redrive(rate=1, main=Faulty(place.main, send=send), sleep=sleep)

    assert (300, 0) == (done.redriven, done.undeleted)
    assert all(at >= number - 1e-3 for number, at in enumerate(sent))
    assert 299 <= sent[-1] < 302
    assert [] == stolen
    assert set(place.on_main().values()) == {1}


def test_a_high_rate_goes_in_parts_of_a_tenth_of_a_second(place: Place) -> None:
    place.set_aside(*(late(str(number)) for number in range(100)))
    started, sent = place.clock(), list[tuple[float, int]]()

    def send(bodies: Sequence[bytes]) -> list[str | None]:
        sent.append((place.clock() - started, len(bodies)))
        return place.main.send(bodies)

    place.redrive(rate=50, main=Faulty(place.main, send=send))

    assert {5} == {count for _, count in sent}
    assert 1.9 - 1e-3 <= sent[-1][0] < 2.0


def test_a_stop_ends_it_between_two_sends_and_the_next_run_does_the_rest(place: Place) -> None:
    place.set_aside(*(late(str(number)) for number in range(20)))

    done = place.redrive(rate=10, stopping=lambda: sum(place.main.depth()) >= 4)

    assert 4 == done.redriven
    assert (Depth(16, 0), 4) == (place.aside.depth(), sum(place.main.depth()))
    assert 16 == place.redrive().redriven
    assert {late(str(number)): 1 for number in range(20)} == place.on_main()


def test_a_queue_of_something_else_is_refused_and_nothing_is_taken(place: Place) -> None:
    place.aside.send([encoded(cloud_event(customer_id="canary"))] * 3)

    with pytest.raises(Failed, match="is it the right queue") as refused:
        place.redrive()

    assert "canary" not in str(refused.value)
    assert (Depth(3, 0), Depth(0, 0)) == (place.aside.depth(), place.main.depth())


def test_a_wrong_queue_is_refused_before_much_of_it_is_held(place: Place) -> None:
    place.aside.send([encoded(cloud_event())] * 1000)

    with pytest.raises(Failed, match="is it the right queue"):
        place.redrive()
    with pytest.raises(Failed, match="is it the right queue"):
        list(read_all(place.aside, QUARANTINE.reader(), []))

    received = Counter(one.receive_count - 1 for one in place.aside.receive(1000, 0, 60))
    assert received[0] >= 800


def test_a_stray_message_at_the_front_does_not_stop_the_others(place: Place) -> None:
    """SQS may give the one stray first, and by itself."""
    place.aside.send([b"a stray"])
    place.set_aside(late("a"))

    done = place.redrive(aside=Faulty(place.aside, receive=lambda _, *rest: place.aside.receive(1, *rest)))

    assert (1, 1) == (done.redriven, done.foreign)
    assert Depth(1, 0) == place.aside.depth()


def test_records_of_the_quarantine_among_dead_letters_are_not_sent_as_events(place: Place) -> None:
    place.set_aside(wrong("a"))
    place.aside.send([late("b")])
    wish = Wish(lambda _: True, lambda _: False)

    done = Redrive(place.aside, place.main, DEAD_LETTERS.reader(), wish, World(place.clock, place.clock.pass_s)).run()

    assert (1, 1) == (done.redriven, done.foreign)
    assert Counter([late("b")]) == place.on_main()
    assert Depth(1, 0) == place.aside.depth()


def test_no_more_is_held_than_a_queue_gives(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadline.browse, "MAX_HELD", 150)
    place.set_aside(*(wrong(str(number)) for number in range(200)))

    done = place.redrive("reason=future_event")

    assert (0, 150) == (done.redriven, done.not_matching)
    assert "are held" in str(done.trouble)
    assert Depth(200, 0) == place.aside.depth()


def test_what_is_set_aside_again_at_once_is_not_sent_for_ever(place: Place) -> None:
    """The cause is not mended, and a worker is quick: each event is sent once in a run, and stays after that."""
    place.set_aside(late("a"), late("b"))

    def send_and_work(bodies: Sequence[bytes]) -> list[str | None]:
        ids = place.main.send(bodies)
        for bad in place.main.receive(10, 0, 60):
            place.aside.send([quarantine_record("queue", bad, 0, rejected(bad.body), NOW)])
            place.main.delete([bad])
        return ids

    done = place.redrive(main=Faulty(place.main, send=send_and_work))

    assert (2, 2) == (done.redriven, done.came_back)
    assert (Depth(2, 0), Depth(0, 0)) == (place.aside.depth(), place.main.depth())


def test_a_queue_that_goes_back_to_itself_loses_nothing_and_comes_to_an_end(place: Place) -> None:
    """One queue of SQS has several addresses, so that the settings may not show that two are the same."""
    place.aside.send([late("a"), late("b")])
    wish = Wish(lambda _: True, lambda _: False)

    done = Redrive(place.aside, place.aside, DEAD_LETTERS.reader(), wish, World(place.clock, place.clock.pass_s)).run()

    assert (2, 2) == (done.redriven, done.came_back)
    assert {late("a"): 1, late("b"): 1} == bodies_on(place.aside)


def test_looking_comes_to_an_end_while_a_producer_goes_on(place: Place) -> None:
    """All that was there at first is seen; a trickle of new records is not waited for."""
    place.set_aside(*(wrong(str(number)) for number in range(25)))
    count = 25

    def receive(limit: int, *rest: Any) -> list[Message]:  # noqa: ANN401  passed on
        nonlocal count
        received = place.aside.receive(min(limit, 4), *rest)
        count += 1
        place.set_aside(wrong(str(count)))
        return received

    seen = list(read_all(Faulty(place.aside, receive=receive), QUARANTINE.reader(), []))
    done = place.redrive("reason=future_event", aside=Faulty(place.aside, receive=receive))

    assert 25 <= len(seen) < 60
    assert 25 <= done.not_matching < 90
    assert Depth(count, 0) == place.aside.depth()


def test_what_lost_its_lease_and_comes_again_hides_nothing_behind_it(place: Place) -> None:
    """After twelve hours SQS takes every message back: what is held comes first then, and once more."""
    place.set_aside(*(wrong(str(number)) for number in range(250)), late("a"))
    receives = 0

    def receive(*arguments: Any) -> list[Message]:  # noqa: ANN401  passed on
        nonlocal receives
        receives += 1
        if receives == 3:
            place.aside.set_visibility([(one, LEASE_S + 1) for one in place.aside.receive(100, 0, 60)])
            place.clock.pass_s(LEASE_S + 1)
        return place.aside.receive(*arguments)

    done = place.redrive("reason=future_event", aside=Faulty(place.aside, receive=receive))

    assert (1, 250) == (done.redriven, done.not_matching)
    assert Depth(250, 0) == place.aside.depth()


def test_a_slow_store_neither_costs_the_leases_nor_delays_a_stop(place: Place) -> None:
    place.set_aside(*(late(str(number)) for number in range(20)))
    stolen, asked = list[Message](), list[bytes]()

    def is_superseded(body: bytes) -> bool:
        asked.append(body)
        place.clock.pass_s(30)
        stolen.extend(place.aside.receive(1, 0, 60))
        return True

    done = place.redrive(is_superseded=is_superseded, stopping=lambda: len(asked) == 15)

    assert [] == stolen
    assert (15, 15, 0) == (len(asked), done.superseded, done.undeleted)
    assert Depth(5, 0) == place.aside.depth()


def test_time_in_which_nothing_could_be_sent_is_not_caught_up(place: Place) -> None:
    """The rate is what the services behind the main queue can bear, at every moment."""
    place.set_aside(*(late(str(number)) for number in range(30)))
    sent = list[float]()

    def send(bodies: Sequence[bytes]) -> list[str | None]:
        if len(sent) == 10:
            place.clock.pass_s(50)
        sent.extend([place.clock()] * len(bodies))
        return place.main.send(bodies)

    place.redrive(rate=1, main=Faulty(place.main, send=send))

    assert 30 == len(sent)
    assert sent[-1] - sent[10] >= 18


def test_an_export_that_breaks_off_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("before\n")
    item = QUARANTINE.reader()(Message("m", "r", quarantine_record("q", message(b"{"), 0, rejected(b"{"), NOW), 1))

    def breaking_off() -> Iterator[Item]:
        yield item
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        write_jsonl(file, breaking_off(), bodies=True)

    assert "before\n" == file.read_text()
    assert [file] == list(tmp_path.iterdir())


def test_a_body_that_is_no_text_is_exported_all_the_same() -> None:
    assert {"body_base64": "/w=="} == body_as_json(b"\xff")


@pytest.mark.parametrize(
    ("content", "source"),
    [
        (cloud_event(), "/core-banking/customers"),
        (plain_event(), "plain"),
        (notification(encoded(cloud_event()).decode()), "/core-banking/customers"),
        (notification(encoded(bus_event([cloud_event(), cloud_event()])).decode()), "/core-banking/customers"),
        ([cloud_event(), plain_event()], MANY),
        ({"source": "x\x1b[31m", "specversion": "1.0"}, "x?[31m"),
        (notification("{"), "unreadable"),
        (b"\xff", "unreadable"),
        ([], "unknown"),
        (7, "unknown"),
    ],
)
def test_a_source_is_found_in_whatever_a_producer_sends(content: object, source: str) -> None:
    assert source == source_of(encoded(content))


def stored(tmp_path: Path, *events: dict[str, Any]) -> Callable[[bytes], bool]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    assert store is not None
    cases = [case for event in events for case in decode(encoded(event), (), A_WEEK_ON) if isinstance(case, Case)]
    store.put(decide(cases, np.full(len(events), 0.9), policy()))
    return superseded_by(store, lambda: A_WEEK_ON)


def test_what_a_newer_event_superseded_is_taken_away_and_not_sent(tmp_path: Path) -> None:
    """Only where the worker would say so too; a message goes whole unless that holds for all of its events."""
    newer = stored(tmp_path, cloud_event("evt-9", LATER, customer_id="a"), cloud_event("evt-1", customer_id="b"))
    pack = [cloud_event("evt-5", customer_id="a"), cloud_event("evt-6", LATER, customer_id="c")]

    assert newer(encoded(cloud_event("evt-5", BEFORE, customer_id="a")))
    assert newer(encoded([pack[0], pack[0]]))
    assert not newer(encoded(cloud_event("evt-95", LATER, customer_id="a"))), "the greater id is the newer"
    assert not newer(encoded(cloud_event("evt-5", "2026-01-16T12:00:00Z", customer_id="a")))
    assert not newer(encoded(cloud_event("evt-5", customer_id="c"))), "a customer whom the store does not know"
    assert not newer(encoded(pack))
    assert not newer(encoded(cloud_event("evt-5", customer_id="a", level=9))), "a worker must judge it"
    assert not newer(b"{")


def test_what_is_stored_is_sent_all_the_same_since_it_may_not_have_been_published(tmp_path: Path) -> None:
    """A topic that was away leaves stored events among the dead letters: only a worker can publish their leads."""
    newer = stored(tmp_path, cloud_event("evt-9", LATER, customer_id="a"))

    assert not newer(encoded(cloud_event("evt-9", LATER, customer_id="a")))
    assert not newer(encoded(cloud_event("evt-9", BEFORE, customer_id="a"))), "one id with two contents is a conflict"


def test_superseded_events_leave_the_quarantine(place: Place, tmp_path: Path) -> None:
    newer = stored(tmp_path, plain_event("evt-9", "2026-01-18T00:00:00Z", customer_id="1"))
    place.set_aside(late("a"), late("a"), encoded(plain_event("b", "2026-01-16T12:00:00Z", customer_id="2")))

    tried = place.redrive(is_superseded=newer, dry_run=True)
    done = place.redrive(is_superseded=newer)

    assert (1, 2, 0) == (done.redriven, done.superseded + done.copies, done.undeleted)
    assert tried == done
    assert ["2"] == [json.loads(body)["customer_id"] for body in place.on_main()]
    assert Depth(0, 0) == place.aside.depth()


def test_a_store_that_does_not_answer_ends_it_and_nothing_is_taken(place: Place) -> None:
    place.set_aside(late("a"))

    def away(_: bytes) -> bool:
        raise Unavailable("the store is away")

    done = place.redrive(is_superseded=away)

    assert (0, "the store is away") == (done.redriven, done.trouble)
    assert (Depth(1, 0), Depth(0, 0)) == (place.aside.depth(), place.main.depth())
