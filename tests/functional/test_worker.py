"""A real `python -m worker` on the embedded ports: it works, answers, drains, and its exit code says what is wrong."""

import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Self

import pytest

from ports import Depth, create_queue, open_queue, open_store
from tests.bundles import Keys, likely_above, make_bundle
from tests.helpers import cloud_event, encoded, leads_in, plain_event
from worker.configuration import load_settings
from worker.quarantine import read_record
from worker.service import Worker

PATIENCE_S: Final = 120


class Place:
    """A folder with everything that a worker needs, and the environment that names it."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        make_bundle(folder / "model", likely_above(100), keys)
        self.queue = create_queue(f"sqlite:///{folder}/queue.db")
        self.quarantine = create_queue(f"sqlite:///{folder}/quarantine.db")
        self.settings = {
            "LEADLINE_QUEUE": self.queue.url,
            "LEADLINE_QUARANTINE": self.quarantine.url,
            "LEADLINE_STORE": f"sqlite:///{folder}/store.db",
            "LEADLINE_TOPIC": f"file:///{folder}/leads.jsonl",
            "LEADLINE_MODEL": f"{folder}/model",
            "LEADLINE_PUBLIC_KEY": str(keys.public),
            "LEADLINE_HTTP_PORT": "0",
            "LEADLINE_WAIT_TIME_S": "1",
        }

    def environ(self, **changes: str) -> dict[str, str]:
        """Return the environment of a worker, and of nothing else that is ours."""
        ours = ("LEADLINE_", "LOG_", "KUBERNETES_", "COV_")
        rest = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**rest, **self.settings, **changes}

    def stored(self) -> dict[str, str]:
        """Return the newest event of each customer."""
        store = open_store(self.settings["LEADLINE_STORE"])
        assert store is not None
        return {row.decision.customer_id: row.decision.event_id for row in store.scan()}

    def leads(self) -> set[str]:
        """Return the customers who are a lead."""
        return {lead.data.customer_id for lead in leads_in(self.folder / "leads.jsonl")}


class Running:
    """A worker in a process of its own, whose log is read as it comes."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker"], env=environ, cwd=folder, stderr=subprocess.PIPE, text=True
        )
        self.log: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = int(self.wait_for(r"probes on port (\d+)")[1])

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.log.append(line)
                self._lines.put(line)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the match of the next line of the log that has one."""
        while True:
            if match := re.search(pattern, self._lines.get(timeout=PATIENCE_S)):
                return match

    def get(self, path: str) -> tuple[int, str]:
        """Ask a probe."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def end(self, number: int) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()


@pytest.fixture
def place(tmp_path: Path, keys: Keys) -> Place:
    """Set everything up, with an empty queue."""
    return Place(tmp_path, keys)


@pytest.fixture
def running(place: Place) -> Iterator[Running]:
    """Start a worker."""
    with Running(place.environ(), place.folder) as worker:
        yield worker


def run(environ: Mapping[str, str], folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a worker that cannot start, and return exit code and what it says."""
    command = [sys.executable, "-m", "worker", *arguments]
    done = subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def until_done(place: Place, messages: int) -> None:
    """Wait until no more than so many messages are left."""
    for _ in range(PATIENCE_S * 20):
        if sum(place.queue.depth()) <= messages:
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"{place.queue.depth()} messages are left")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_worker_serves_answers_and_leaves_with_0(place: Place, running: Running, number: int) -> None:
    events = [cloud_event(f"evt-{who}", customer_id=str(who), highest_spend=80 + who) for who in range(60)]
    place.queue.send([encoded(event) for event in events[:30]] + [encoded(events[30:]), b"{", encoded(events[:1])])
    until_done(place, 0)
    assert place.stored() == {str(who): f"evt-{who}" for who in range(60)}
    assert place.leads() == {str(who) for who in range(21, 60)}
    assert [read_record(record.body).reason for record in place.quarantine.receive(10, 0, 60)] == ["not_json"]
    assert running.get("/livez") == running.get("/readyz") == (200, "ok\n")
    assert json.loads(running.get("/version")[1])["model"]["name"] == "tiny"
    assert running.end(number) == 0
    assert "draining" in "".join(running.log)
    assert "Traceback" not in "".join(running.log)


def test_a_worker_that_comes_later_knows_what_was_done_and_counts_it_as_a_duplicate(place: Place) -> None:
    for outcome in ("applied", "duplicate"):
        with Running(place.environ(), place.folder) as worker:
            place.queue.send([encoded(plain_event("evt-1", highest_spend=180))])
            until_done(place, 0)
            for _ in range(PATIENCE_S * 20):
                if f'leadline_events_total{{outcome="{outcome}"}} 1.0' in worker.get("/metrics")[1]:
                    break
                threading.Event().wait(0.05)
            else:
                raise AssertionError(f"never counted as {outcome}")
    assert len({lead.id for lead in leads_in(place.folder / "leads.jsonl")}) == 1


def test_a_stop_in_the_middle_leaves_nothing_in_hand_and_nothing_lost(place: Place, running: Running) -> None:
    """What was done is stored, what was not is visible at once, and there is no third."""
    place.queue.send([encoded(plain_event(f"evt-{who}", customer_id=str(who))) for who in range(6000)])
    until_done(place, 5800)
    assert running.end(signal.SIGTERM) == 0
    assert place.queue.depth() == Depth(visible=6000 - len(place.stored()), in_flight=0)


def test_a_worker_that_is_stopped_while_the_queue_is_away_leaves_with_0(place: Place, running: Running) -> None:
    for file in place.folder.glob("queue.db*"):
        file.unlink()
    running.wait_for("nothing received")
    assert running.get("/livez")[0] == 200
    assert running.end(signal.SIGTERM) == 0


def test_the_log_is_json_when_asked_and_quotes_no_customer(place: Place) -> None:
    with Running(place.environ(LOG_FORMAT="json", LOG_LEVEL="DEBUG"), place.folder) as worker:
        canary: dict[str, Any] = {"customer_id": "canary-4711", "highest_spend": 4711.4711}
        place.queue.send([encoded(plain_event("evt-1", **canary)), encoded(plain_event("evt-2", level=9, **canary))])
        until_done(place, 0)
        assert worker.end(signal.SIGTERM) == 0
    lines = [json.loads(line) for line in worker.log]
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert any("set aside as out_of_bounds" in line["message"] for line in lines)
    assert "4711" not in "".join(worker.log)


def test_wrong_settings_are_78_with_every_fault_on_a_line(place: Place) -> None:
    environ = place.environ(LEADLINE_THRESHOLD="2", LEADLINE_QEUE="x", LEADLINE_DRAIN_TIMEOUT_S="5", LOG_LEVEL="LOUD")
    code, said = run(environ, place.folder)
    assert code == 78
    assert len(said.splitlines()) == 4
    for name in ("LEADLINE_THRESHOLD", "LEADLINE_QUEUE?", "LEADLINE_DRAIN_TIMEOUT_S", "LOG_LEVEL"):
        assert name in said


@pytest.mark.parametrize(
    ("name", "value", "thing"),
    [
        ("LEADLINE_QUEUE", "sqlite:///missing.db", "missing.db"),
        ("LEADLINE_QUEUE", "amqp://queue", "amqp://queue"),
        ("LEADLINE_QUARANTINE", "sqlite:///missing.db", "missing.db"),
        ("LEADLINE_STORE", "sqlite:///missing/store.db", "missing/store.db"),
        ("LEADLINE_STORE", "redis://store", "redis://store"),
        ("LEADLINE_TOPIC", "file:///missing/leads.jsonl", "missing/leads.jsonl"),
        ("LEADLINE_TOPIC", "kafka", "kafka"),
        ("LEADLINE_PUBLIC_KEY", "missing.pem", "missing.pem"),
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1", "refused inside Kubernetes"),
    ],
)
def test_what_cannot_be_opened_is_78_and_named(name: str, value: str, thing: str, place: Place) -> None:
    code, said = run(place.environ(**{name: value}), place.folder)
    assert (code, thing in said) == (78, True), said


def test_a_bundle_that_is_refused_is_3_and_no_message_is_touched(place: Place, tmp_path: Path) -> None:
    place.queue.send([encoded(plain_event())])
    shutil.copytree(place.folder / "model", tmp_path / "altered")
    (tmp_path / "altered" / "model.pkl").write_bytes(b"altered")
    shutil.copytree(place.folder / "model", tmp_path / "unsigned")
    (tmp_path / "unsigned" / "manifest.sig").unlink()
    for folder, reason in (("altered", "is not the file"), ("unsigned", "manifest.sig"), ("missing", "manifest.json")):
        code, said = run(place.environ(LEADLINE_MODEL=str(tmp_path / folder)), place.folder)
        assert (code, reason in said) == (3, True), said
    [message] = place.queue.receive(10, 0, 60)
    assert message.receive_count == 1


def test_a_port_that_is_taken_is_1_and_an_argument_is_2(place: Place) -> None:
    with socket.create_server(("", 0)) as taken:
        code, said = run(place.environ(LEADLINE_HTTP_PORT=str(taken.getsockname()[1])), place.folder)
    assert (code, "0 for any free one" in said) == (1, True), said
    code, said = run(place.environ(), place.folder, "--fast")
    assert (code, "takes no arguments" in said) == (2, True), said


def test_once_ends_with_the_queue_and_max_messages_before_it(place: Place) -> None:
    settings = load_settings({**place.settings, "LEADLINE_WAIT_TIME_S": "0"}, for_worker=True).settings
    place.queue.send([encoded(plain_event(f"evt-{who}", customer_id=str(who))) for who in range(450)])
    told: list[int] = []
    with Worker(settings) as worker:
        worker.run(max_messages=250, tell=lambda outcomes: told.append(len(outcomes)))
        assert sum(told) == 250
        assert open_queue(place.queue.url).depth() == Depth(visible=200, in_flight=0)
        worker.run(once=True)
    assert len(place.stored()) == 450
    assert place.queue.depth() == Depth(0, 0)


def test_a_worker_that_is_told_to_stop_finishes_its_batch_and_takes_no_other(place: Place) -> None:
    settings = load_settings({**place.settings, "LEADLINE_BATCH_MAX_SIZE": "100"}, for_worker=True).settings
    place.queue.send([encoded(plain_event(f"evt-{who}", customer_id=str(who))) for who in range(450)])
    with Worker(settings) as worker:
        worker.run(tell=lambda _: worker.stop())
    assert len(place.stored()) in range(1, 101)
    assert place.queue.depth() == Depth(visible=450 - len(place.stored()), in_flight=0)


def test_a_stop_during_the_start_is_not_lost(place: Place) -> None:
    """As process 1 of a container a worker gets no signal that it has no handler for, so the handler comes first."""
    place.queue.send([encoded(cloud_event())])
    early = (
        "import os, signal, worker.__main__ as door, worker.service as service\n"
        "load = service.load\n"
        f"service.load = lambda *a: (os.kill(os.getpid(), {signal.SIGTERM}), load(*a))[1]\n"
        "print(door.serve())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", early],
        env=place.environ(),
        cwd=place.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "{}") == (ran.returncode, ran.stdout.strip()), ran.stderr
    assert place.queue.depth() == Depth(1, 0)


def test_once_on_a_queue_that_cannot_be_reached_is_75(place: Place) -> None:
    unreachable = {
        "LEADLINE_QUEUE": "http://127.0.0.1:9/123456789012/events",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    command = [sys.executable, "-m", "leadline", "worker", "--once", "--json"]
    ran = subprocess.run(
        command, env=place.environ(**unreachable), cwd=place.folder, capture_output=True, text=True, check=False
    )

    assert 75 == ran.returncode, ran.stderr
    assert 75 == json.loads(ran.stdout.splitlines()[-1])["exit_code"]
