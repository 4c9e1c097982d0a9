"""
A worker whose services refuse, throttle, hang, answer garbage or are not there, and come back.

It says so once, its readiness says why, it loses nothing, and it goes on by itself. That its clock jumps is covered by
the simulation (`clock_jumped`: by half a minute to half a day, back or forth, at any receive).
"""

import functools
import logging
import resource
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from leadline.demo.places import Place, embedded, look
from ports import Store, open_queue, open_store
from schemas.lead import Lead
from tests.bundles import Keys, likely_above, make_bundle
from tests.contract.answering import HTML, Answer, Answering, Request, Respond, Silence
from tests.functional.serial_moto import SerialMoto, messages_of, serial_moto
from tests.functional.serving import HURRIED, PATIENCE_S, Serving, hurry, told, wait_for
from tests.functional.workers import Process, clean_environ
from tests.helpers import cloud_event, encoded
from worker.quarantine import read_record
from worker.settings import Settings

Service = str
READ_TIMEOUT_S: Final = 0.8
REASONS: Final[Mapping[Service, str]] = {
    "queue": "cannot be reached",
    "deletes": "the queue deletes nothing",
    "store": "the store takes nothing",
    "topic": "the topic takes nothing",
    "quarantine": "the quarantine takes nothing",
}
SAYS: Final[Mapping[Service, str]] = {**REASONS, "queue": "nothing received"}


def error(json_code: str, xml_code: str, request: Request) -> Answer:
    """Return an error of AWS as the service says it."""
    if request.api.startswith("sns:"):
        code = f"<Error><Type>Sender</Type><Code>{xml_code}</Code><Message>no</Message></Error>"
        return Answer(400, f"<ErrorResponse>{code}<RequestId>r</RequestId></ErrorResponse>".encode())
    return Answer(400, f'{{"__type": "com.amazonaws#{json_code}", "message": "no"}}'.encode())


FAULTS: Final[Mapping[str, Respond]] = {
    "refuses": functools.partial(error, "AccessDeniedException", "AuthorizationError"),
    "throttles": functools.partial(error, "ThrottlingException", "Throttled"),
    "hangs": lambda _: Silence(),
    "hangs up": lambda _: Silence(0),
    "is a proxy's page": lambda _: Answer(200, HTML),
}


class Scene(NamedTuple):
    """A worker on moto, and what stands between the two."""

    serving: Serving
    between: Answering
    moto: SerialMoto
    place: Place
    store: Store

    def break_down(self, service: Service, fault: Respond) -> None:
        """Let a service answer by the fault; all others work."""
        moto = self.moto
        queue, quarantine = (f'"QueueUrl": "{url}"'.encode() for url in (self.place.queue, self.place.quarantine))
        broken: Mapping[Service, Callable[[Request], bool]] = {
            "queue": lambda request: queue in request.body,
            "deletes": lambda request: queue in request.body and request.api == "sqs:DeleteMessageBatch",
            "store": lambda request: request.api.startswith("dynamodb:"),
            "topic": lambda request: request.api.startswith("sns:"),
            "quarantine": lambda request: quarantine in request.body,
        }
        self.between.respond = lambda request: (fault if broken[service](request) else moto)(request)

    def mend(self) -> None:
        """Let everything work."""
        self.between.respond = self.moto

    def check_that_all_is_there(self, name: str, ids: Sequence[str | None]) -> None:
        """Wait for the end, and find four customers stored, three of them on the topic, and two records set aside."""
        self.serving.wait_for(200)
        until(lambda: messages_of(self.place.queue) == [], "an empty queue")
        assert all(self.store.get(f"{name}-{letter}") is not None for letter in "abcd")
        bodies = {message.body for message in messages_of(self.place.queue.replace("events", "subscriber"))}
        who = Counter(Lead.model_validate_json(body).data.customer_id for body in bodies)
        assert [1, 1, 1, 0] == [who[f"{name}-{letter}"] for letter in "abcd"]
        records = {read_record(message.body.encode()).message_id for message in messages_of(self.place.quarantine)}
        assert set(ids[4:]) <= records


@pytest.fixture(scope="module")
def bundle_and_key(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> tuple[Path, Path]:
    """Make a bundle whose model is sure of those who spend more than 100."""
    return make_bundle(tmp_path_factory.mktemp("bad") / "model", likely_above(100), keys), keys.public


@pytest.fixture(scope="module", params=["boto3", "direct"])
def scene(request: pytest.FixtureRequest, bundle_and_key: tuple[Path, Path]) -> Iterator[Scene]:
    """Start a worker on moto, with little patience. It lives through all that happens in these tests."""
    with pytest.MonkeyPatch.context() as patch, serial_moto() as (moto, clean, place), Answering(moto) as between:
        hurry(patch)
        patch.setattr("ports.aws.client.ATTEMPTS", 1)
        patch.setattr("ports.aws.sides.RECEIVE_MARGIN_S", READ_TIMEOUT_S)
        store = open_store(place.store)
        assert store is not None
        patch.setattr("ports.aws.sides.READ_TIMEOUT_S", READ_TIMEOUT_S)
        patch.setenv("AWS_ENDPOINT_URL", between.url)
        settings = settings_of(place, *bundle_and_key)
        serving = Serving(settings.model_copy(update={"transport": request.param}))
        patch.setenv("AWS_ENDPOINT_URL", clean.url)
        with serving:
            yield Scene(serving, between, moto, place, store)


def settings_of(place: Place, bundle: Path, public_key: Path) -> Settings:
    return Settings(
        queue=place.queue,
        quarantine=place.quarantine,
        store=place.store,
        topic=place.topic,
        model=str(bundle),
        public_key=public_key,
        wait_time_s=0,
        visibility_timeout_s=6,
        retry_cap_s=1,
        http_port=0,
    )


def events(name: str) -> list[bytes]:
    """Return three leads, one customer who is none, and two events that are set aside."""
    spends = {f"{name}-a": 180, f"{name}-b": 190, f"{name}-c": 200, f"{name}-d": 20}
    good = [cloud_event(f"evt-{who}", customer_id=who, highest_spend=spend) for who, spend in spends.items()]
    return [*map(encoded, good), b"{", b"]"]


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    for _ in range(PATIENCE_S * 50):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError(f"it never came to this: {what}")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", REASONS)
def test_a_worker_says_once_what_is_wrong_loses_nothing_and_comes_back(
    scene: Scene, service: Service, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    name = f"{service}-{fault}".replace(" ", "-").replace("'", "")
    scene.serving.wait_for(200)
    scene.break_down(service, FAULTS[fault])
    ids = open_queue(scene.place.queue).send(events(name))

    assert REASONS[service] in scene.serving.wait_for(503)

    scene.mend()
    scene.check_that_all_is_there(name, ids)
    lines = told(caplog.records)
    assert any(SAYS[service] in line for line in lines), lines
    assert {1} == set(lines.values()), lines


@pytest.mark.parametrize("service", ["store", "topic", "quarantine", "deletes"])
def test_what_a_service_does_without_saying_so_is_done_once_more_and_harms_nobody(
    scene: Scene, service: Service
) -> None:
    """Every reply is lost. What was stored is found to be equal; what was published has copies that are equal."""

    def reply_lost(request: Request) -> Silence:
        scene.moto(request)
        return Silence(0)

    scene.serving.wait_for(200)
    scene.break_down(service, reply_lost)
    ids = open_queue(scene.place.queue).send(events(f"{service}-lost"))
    assert REASONS[service] in scene.serving.wait_for(503)
    scene.mend()
    scene.check_that_all_is_there(f"{service}-lost", ids)


def test_when_all_of_aws_is_gone_a_worker_waits_for_it(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens at its address for a while. Counted by API and result, every attempt can be seen."""
    scene.serving.wait_for(200)
    ids = open_queue(scene.place.queue).send(events("gone"))
    with scene.between.away():
        assert "cannot be reached" in scene.serving.wait_for(503)
    scene.check_that_all_is_there("gone", ids)
    assert {1} == set(told(caplog.records).values())
    assert 'leadline_calls_total{api="sqs:ReceiveMessage",result="EndpointConnectionError"}' in scene.serving.metrics


def moved(files: Sequence[Path]) -> Callable[[], None]:
    """Move files away, and return what puts them back."""
    away = [file.rename(file.with_name(f"away-{file.name}")) for file in files]

    def put_back() -> None:
        for file in away:
            file.replace(file.with_name(file.name.removeprefix("away-")))

    return put_back


@contextmanager
def removed(folder: Path, name: str) -> Iterator[None]:
    """Meanwhile a database is not there, nor what SQLite keeps beside it."""
    put_back = moved(sorted(folder.glob(f"{name}.db*")))
    yield
    put_back()


@contextmanager
def replaced(folder: Path, name: str) -> Iterator[None]:
    """Meanwhile another database of the same kind lies there: what is stored in it would be missed later."""
    put_back = moved(sorted(folder.glob(f"{name}.db*")))
    assert open_store(f"sqlite:///{folder}/{name}.db") is not None
    yield
    put_back()


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Meanwhile somebody holds the right to write, and does not let go."""
    other = sqlite3.connect(folder / f"{name}.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.close()


@contextmanager
def a_folder(folder: Path, name: str) -> Iterator[None]:
    """Meanwhile the topic's file is a folder."""
    file = folder / f"{name}.jsonl"
    put_back = moved([file])
    file.mkdir()
    yield
    file.rmdir()
    put_back()


@pytest.mark.parametrize(
    ("service", "harm", "name"),
    [
        ("queue", removed, "queue"),
        ("store", removed, "store"),
        ("store", replaced, "store"),
        ("store", locked, "store"),
        ("topic", a_folder, "leads"),
        ("quarantine", removed, "quarantine"),
        ("quarantine", locked, "quarantine"),
    ],
)
def test_files_may_vanish_change_or_be_locked_and_come_back(
    bundle_and_key: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    service: Service,
    harm: Callable[[Path, str], AbstractContextManager[None]],
    name: str,
) -> None:
    caplog.set_level(logging.INFO)
    hurry(monkeypatch)
    monkeypatch.setattr("ports.embedded.sqlite.BUSY_TIMEOUT_S", 0.05)
    place = embedded(tmp_path)
    queue = open_queue(place.queue)
    with Serving(settings_of(place, *bundle_and_key)) as serving:
        first = queue.send(events("first"))
        until(lambda: sum(queue.depth()) == 0, "an empty queue")
        second: list[str | None] = []
        with harm(tmp_path, name):
            if service != "queue":
                second = queue.send(events("second"))
            assert REASONS[service] in serving.wait_for(503)
        second = second or queue.send(events("second"))
        serving.wait_for(200)
        until(lambda: sum(queue.depth()) == 0, "an empty queue")
    found = look(place)
    assert {f"{part}-{letter}" for part in ("first", "second") for letter in "abcd"} == found.stored.keys()
    leads = Counter(lead.data.customer_id for lead in found.leads)
    assert {f"{part}-{letter}": 1 for part in ("first", "second") for letter in "abc"} == leads
    assert {*first[4:], *second[4:]} == {record.message_id for record in found.quarantined}
    lines = told(caplog.records)
    assert any(SAYS[service] in line for line in lines), lines
    assert {1} == set(lines.values()), lines


@pytest.mark.parametrize("harm", [removed, locked])
def test_a_queue_that_is_away_in_the_middle_of_the_work_and_comes_back_loses_nothing(
    bundle_and_key: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path, str], AbstractContextManager[None]],
) -> None:
    """What was in hand is deleted when the file can be used again: nothing is published a second time."""
    hurry(monkeypatch)
    monkeypatch.setattr("ports.embedded.sqlite.BUSY_TIMEOUT_S", 0.2)
    place = embedded(tmp_path)
    queue = open_queue(place.queue)
    everybody = [f"c-{number}" for number in range(2000)]
    with Serving(settings_of(place, *bundle_and_key)) as serving:
        queue.send([encoded(cloud_event(f"evt-{who}", customer_id=who, highest_spend=180)) for who in everybody])
        until(lambda: 0 < sum(queue.depth()) < 2000, "some work")
        with harm(tmp_path, "queue"):
            assert "queue" in serving.wait_for(503)
        serving.wait_for(200)
        until(lambda: sum(queue.depth()) == 0, "an empty queue")
    found = look(place)
    assert set(everybody) == found.stored.keys()
    assert Counter(everybody) == Counter(lead.data.customer_id for lead in found.leads)


def test_a_full_disk_holds_a_worker_up_until_there_is_room(bundle_and_key: tuple[Path, Path], tmp_path: Path) -> None:
    """
    The disk is full, in that the system lets the worker's process write nothing beyond the first kilobytes of a file.

    It cannot note what it receives, so it receives nothing; it stays alive, and goes on when there is room.
    """
    place, (bundle, public_key) = embedded(tmp_path), bundle_and_key
    queue = open_queue(place.queue)
    environ = clean_environ(
        **{
            f"LEADLINE_{name.upper()}": str(value)
            for name, value in settings_of(place, bundle, public_key).model_dump(exclude_defaults=True).items()
        }
    )
    worker = Process(environ, tmp_path / "worker.log", ("-c", HURRIED))
    try:
        worker.wait_until_ready()
        port = int(worker.log.partition("probes on port ")[2].split()[0])
        no_limit = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
        room = (tmp_path / "worker.log").stat().st_size + 4096
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (room, no_limit[1]))
        ids = queue.send(events("full"))
        assert REASONS["queue"] in wait_for(port, 503)
        assert queue.depth().visible == len(ids)
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, no_limit)
        wait_for(port, 200)
        until(lambda: sum(queue.depth()) == 0, "an empty queue")
        assert 1 == worker.log.count("nothing received")
        assert "answers again" in worker.log
        worker.terminate()
        assert 0 == worker.exit_code()
    finally:
        worker.kill()
    found = look(place)
    assert {f"full-{letter}" for letter in "abcd"} == found.stored.keys()
    assert 3 == len(found.leads)
    assert set(ids[4:]) == {record.message_id for record in found.quarantined}
