"""What was set aside, and its way back: `leadline quarantine` and `leadline dlq`, as an engineer on call uses them."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from leadline.demo.places import local_aws
from ports import Depth, Queue, create_queue, open_store
from tests.functional.command import Leadline, Ran
from tests.helpers import cloud_event, encoded, message, plain_event
from tests.trained import DemoModel
from worker.decode import decode
from worker.errors import Reject
from worker.quarantine import quarantine_record, read_record

CANARY: Final = "canary-5731"
YESTERDAY: Final = datetime.now(UTC) - timedelta(days=1)
PATIENCE_S: Final = 60


class Place:
    """A folder with a queue, its dead-letter queue and a quarantine, and the command in it."""

    def __init__(self, leadline: Leadline) -> None:
        self.folder, self._leadline = leadline.folder, leadline
        self.dlq, self.quarantine = self._queue("dlq"), self._queue("quarantine")
        dead_letters = f"sqlite:///{self.folder}/dlq.db"
        self.main = create_queue(f"sqlite:///{self.folder}/queue.db", dead_letters=dead_letters, max_receive_count=1)
        self.environ = {
            "LEADLINE_QUEUE": "sqlite:///queue.db",
            "LEADLINE_QUARANTINE": "sqlite:///quarantine.db",
            "LEADLINE_DLQ": "sqlite:///dlq.db",
            "LEADLINE_STORE": "sqlite:///store.db",
        }

    def __call__(self, *arguments: str | Path) -> Ran:
        return self._leadline(*arguments, **self.environ)

    def start(self, *arguments: str | Path) -> Any:  # noqa: ANN401  a process
        return self._leadline.start(*arguments, **self.environ)

    def work(self) -> dict[str, int]:
        """Let a worker do what there is. Return its outcomes."""
        settings = {
            "LEADLINE_TOPIC": "file:///leads.jsonl",
            "LEADLINE_MODEL": str(self._leadline.model.bundle),
            "LEADLINE_PUBLIC_KEY": str(self._leadline.model.public_key),
            "LEADLINE_WAIT_TIME_S": "0",
            "LEADLINE_HTTP_PORT": "0",
        }
        return said(self._leadline("worker", "--once", "--json", **self.environ, **settings))

    def set_aside(self, verb: str, *bodies: bytes) -> None:
        """Have messages in the quarantine, or among the dead letters."""
        if verb == "quarantine":
            self.quarantine.send(records(bodies))
        else:
            self.main.send(bodies)
            for _ in range(2):  # received once more than there may be
                self.main.set_visibility([(one, 0) for one in self.main.receive(1000, 0, 60)])

    def _queue(self, name: str) -> Queue:
        return create_queue(f"sqlite:///{self.folder}/{name}.db")


def records(bodies: tuple[bytes, ...]) -> list[bytes]:
    """Return the records that a worker of yesterday wrote."""
    found: list[bytes] = []
    for number, body in enumerate(bodies):
        try:
            [reject] = decode(body, (), YESTERDAY)
        except Reject as error:
            reject = error
        assert isinstance(reject, Reject)
        found.append(quarantine_record("queue", message(body, f"m-{number}"), 0, reject, YESTERDAY))
    return found


def said(ran: Ran) -> Any:  # noqa: ANN401  JSON
    """Return the one object on the last line."""
    assert 0 == ran.returncode, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def held(queue: Queue) -> Counter[str]:
    """Return the ids of the customers whose events lie on a queue, without holding them."""
    messages = queue.receive(10_000, 0, 60)
    queue.set_visibility([(one, 0) for one in messages])
    return Counter(json.loads(one.body)["customer_id"] for one in messages)


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    for _ in range(PATIENCE_S * 500):
        if holds():
            return
        time.sleep(0.002)
    raise AssertionError("it never came to that")


def early(customer_id: str, **changes: Any) -> bytes:  # noqa: ANN401  of any field
    """Return an event that lay ahead yesterday, and does not today."""
    at = (YESTERDAY + timedelta(hours=1)).isoformat(timespec="seconds")
    return encoded(plain_event(f"evt-{customer_id}", at, customer_id=customer_id, **changes))


@pytest.fixture
def place(demo_model: DemoModel, tmp_path: Path) -> Place:
    return Place(Leadline(demo_model, tmp_path))


@pytest.mark.parametrize("verb", ["quarantine", "dlq"])
def test_no_value_of_a_customer_is_shown_unless_it_is_asked_for(place: Place, verb: str) -> None:
    """Whatever the verb, in text and JSON, on stdout and stderr, and in the file; nor does looking change anything."""
    bad = encoded(cloud_event("evt-1", customer_id=CANARY, level=9, highest_spend=CANARY))
    place.set_aside(verb, bad, f'{{"{CANARY}": {CANARY}'.encode(), encoded([{CANARY: CANARY}]))
    aside = place.quarantine if verb == "quarantine" else place.dlq

    listed = place(verb, "ls", "--json")
    name = "key" if verb == "quarantine" else "message_id"
    [key] = [record[name] for record in said(listed)["records"] if record["event_id"] == "evt-1"]
    shown = place(verb, "show", key, "--json")
    looks = [
        listed,
        shown,
        place(verb, "ls"),
        place(verb, "stats", "--json"),
        place(verb, "stats", "--by", "source"),
        place(verb, "show", key),
        place(verb, "redrive", "--dry-run", "--json"),
        place(verb, "export", "without.jsonl", "--json"),
    ]
    asked = [place(verb, "show", key, "--body"), place(verb, "export", "with.jsonl", "--bodies")]

    assert [0] * 10 == [ran.returncode for ran in looks + asked], [ran.stderr for ran in looks + asked]
    without, with_bodies = ((place.folder / name) for name in ("without.jsonl", "with.jsonl"))
    assert CANARY not in "".join(ran.stdout + ran.stderr for ran in looks) + without.read_text()
    assert CANARY in asked[0].stdout
    assert bad.decode() in [json.loads(line)["body"] for line in with_bodies.read_text().splitlines()]
    assert 0o600 == with_bodies.stat().st_mode & 0o777
    assert 3 == len(without.read_text().splitlines()) == len(with_bodies.read_text().splitlines())
    assert (Depth(3, 0), Depth(0, 0)) == (aside.depth(), place.main.depth())
    assert {"/data/highest_spend", "/data/level"} == {fault["pointer"] for fault in said(shown)["faults"]}
    assert {"wrong_type": 1, "not_json": 1, "missing_field": 1} == said(looks[3])["counts"]
    assert "/core-banking/customers" in looks[4].stdout
    assert 3 == said(looks[6])["redriven"]


def test_once_the_cause_is_mended_what_was_set_aside_for_it_is_applied(place: Place) -> None:
    """What has another cause stays; an event that a newer one has superseded is not sent at all."""
    place.set_aside("quarantine", early("1"), early("2"), early("stale"), early("3", level=9), b"{")
    place.main.send([encoded(plain_event("evt-new", datetime.now(UTC).isoformat(), customer_id="stale"))])
    place.main.send([b'{"set aside": "by the worker"}'])
    before = place.work()

    redriven = said(place("quarantine", "redrive", "--where", "reason=future_event", "--rate", "50", "--json"))
    after = place.work()
    left = said(place("quarantine", "stats", "--by", "reason", "--json"))

    assert {"applied": 1, "quarantined": 1} == before
    assert (2, 1, 3) == (redriven["redriven"], redriven["superseded"], redriven["not_matching"])
    assert {"applied": 2} == after
    assert {"not_json": 1, "missing_field": 1, "out_of_bounds": 1} == left["counts"]
    store = open_store(f"sqlite:///{place.folder}/store.db")
    assert store is not None
    assert {"1": "evt-1", "2": "evt-2", "stale": "evt-new"} == {
        row.decision.customer_id: row.decision.event_id for row in store.scan()
    }


def test_dead_letters_go_back_by_reason_and_each_ends_applied_or_in_the_quarantine(place: Place) -> None:
    """A letter that is still bad is set aside with its reason: it does not come back to the dead letters."""
    place.set_aside("dlq", early("1"), early("2", highest_spend=-1), b"{")

    tried = said(place("dlq", "redrive", "--where", "reason=undelivered", "--dry-run", "--json"))
    redriven = said(place("dlq", "redrive", "--where", "reason=undelivered", "--json"))
    bad = said(place("dlq", "redrive", "--where", "reason=out_of_bounds", "--json"))
    worked = place.work()

    assert (1, 2, 2) == (redriven["redriven"], redriven["not_matching"], redriven["remaining"])
    assert tried | {"dry_run": False, "seconds": redriven["seconds"]} == redriven
    assert (1, 1, 1) == (bad["redriven"], bad["not_matching"], bad["remaining"])
    assert {"applied": 1, "quarantined": 1} == worked
    assert (Depth(1, 0), Depth(1, 0)) == (place.dlq.depth(), place.quarantine.depth())


@pytest.mark.parametrize("verb", ["quarantine", "dlq"])
def test_a_redrive_that_is_stopped_loses_nothing_and_goes_on_when_it_is_run_again(place: Place, verb: str) -> None:
    """It says so, with an exit code of its own; what it had in hand is visible at once."""
    place.set_aside(verb, *(early(str(number)) for number in range(60)))
    aside = place.quarantine if verb == "quarantine" else place.dlq

    process = place.start(verb, "redrive", "--all", "--rate", "20", "--json")
    wait_until(lambda: place.main.depth().visible > 0)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate()
    sent, left = place.main.depth(), aside.depth()
    again = said(place(verb, "redrive", "--all", "--json"))

    assert 128 + signal.SIGTERM == process.returncode, errors
    result = json.loads(output.splitlines()[-1])
    assert ("SIGTERM", sent.visible, left.visible) == (result["stopped"], result["redriven"], result["remaining"])
    assert (60, 0, 0) == (sent.visible + left.visible, sent.in_flight, left.in_flight)
    assert 0 < again["redriven"] == left.visible
    assert {str(number): 1 for number in range(60)} == held(place.main)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_export_that_is_stopped_gives_all_back_and_leaves_no_file(place: Place, number: signal.Signals) -> None:
    place.set_aside("quarantine", *(early(str(count)) for count in range(5000)))

    process = place.start("quarantine", "export", "out.jsonl", "--bodies")
    wait_until(lambda: place.quarantine.depth().in_flight > 0)
    process.send_signal(number)
    process.communicate()

    assert 128 + number == process.returncode
    assert Depth(5000, 0) == place.quarantine.depth()
    assert [] == [file for file in place.folder.iterdir() if "out.jsonl" in file.name]


def test_an_empty_queue_is_no_fault(place: Place) -> None:
    ran = [
        place("quarantine", "ls", "--json"),
        place("dlq", "stats", "--json"),
        place("quarantine", "redrive", "--all", "--json"),
        place("dlq", "export", "out.jsonl", "--json"),
    ]

    results = [said(one) for one in ran]

    assert (0, 0, 0, 0) == (results[0]["count"], results[1]["count"], results[2]["redriven"], results[3]["written"])
    assert "" == (place.folder / "out.jsonl").read_text()


def test_a_queue_that_no_setting_names_is_wrong_configuration(demo_model: DemoModel, tmp_path: Path) -> None:
    """Both of a redrive are told at once; no queue is made."""
    leadline = Leadline(demo_model, tmp_path)

    listed = leadline("quarantine", "ls", "--json")
    redriven = leadline("dlq", "redrive", "--all", LEADLINE_QUARANTINE="sqlite:///quarantine.db")
    absent = leadline("quarantine", "ls", LEADLINE_QUARANTINE="sqlite:///quarantine.db")

    assert [78, 78, 78] == [listed.returncode, redriven.returncode, absent.returncode]
    assert "LEADLINE_QUARANTINE is not set" in json.loads(listed.stdout)["error"]
    assert "LEADLINE_DLQ is not set" in redriven.stderr
    assert "LEADLINE_QUEUE is not set" in redriven.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_queue_that_holds_something_else_is_told_so_and_left(place: Place) -> None:
    place.quarantine.send([encoded(plain_event(customer_id=CANARY))])
    place.dlq.send(records((early("1"),)))

    ran = [place(verb, *rest) for verb in ("quarantine", "dlq") for rest in (["ls"], ["redrive", "--all"])]

    assert [1] * 4 == [one.returncode for one in ran]
    assert all("is it the right queue" in one.stderr for one in ran)
    assert CANARY not in "".join(one.stdout + one.stderr for one in ran)
    assert [Depth(1, 0), Depth(1, 0), Depth(0, 0)] == [q.depth() for q in (place.quarantine, place.dlq, place.main)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["quarantine", "redrive"], "--all"),
        (["quarantine", "redrive", "--all", "--where", "reason=not_json", "--dry-run"], "not both"),
        (["quarantine", "redrive", "--where", "reason=late"], "future_event"),
        (["quarantine", "redrive", "--where", "after=yesterday"], "RFC 3339"),
        (["dlq", "redrive", "--where", "before=2026-01-15T00:00:00Z"], "reason=..."),
        (["dlq", "stats", "--by", "day"], "give reason or source"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(place: Place, arguments: list[str], told: str) -> None:
    place.set_aside("quarantine", early("1"))

    ran = place(*arguments)

    assert 2 == ran.returncode
    assert told in " ".join(ran.stderr.split())
    assert Depth(1, 0) == place.quarantine.depth()


def test_a_key_that_is_not_there_is_told_so(place: Place) -> None:
    ran = place("quarantine", "show", "nothing")

    assert 1 == ran.returncode
    assert "there is no record nothing" in ran.stderr


def test_it_goes_the_same_way_through_sqs_and_dynamodb(demo_model: DemoModel, tmp_path: Path) -> None:
    leadline = Leadline(demo_model, tmp_path)
    with local_aws() as aws:
        environ = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        environ |= {"LEADLINE_QUEUE": aws.queue, "LEADLINE_QUARANTINE": aws.quarantine, "LEADLINE_STORE": aws.store}
        aside, main = aws.open(aws.quarantine), aws.open(aws.queue)
        aside.send(records((early("1"), early("2"), b"{")))

        done = said(leadline("quarantine", "redrive", "--where", "reason=future_event", "--json", **environ))

        assert (2, 1, 0) == (done["redriven"], done["not_matching"], done["undeleted"])
        assert {"1": 1, "2": 1} == held(main)
        assert ["not_json"] == [read_record(one.body).reason for one in aside.receive(10, 0, 60)]
