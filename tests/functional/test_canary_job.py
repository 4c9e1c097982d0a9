"""The canary, as a job of a release runs it: on SQS, SNS and DynamoDB, with the worker's own code."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import boto3
import pytest
from sklearn.tree import DecisionTreeClassifier

from ports import Unavailable, open_queue, open_store
from propensity.features import FEATURES, matrix_from_columns
from propensity.scoring import score
from schemas.lead import Lead
from tests.bundles import Keys, make_bundle, rewrite_manifest, table
from tests.functional.serial_moto import messages_of, serial_moto
from worker import canary
from worker.flight import World
from worker.inbox import Inbox
from worker.result import Result
from worker.service import Worker

REGION: Final = "eu-west-1"


class Lane(NamedTuple):
    """A lane of its own, and the bundle that is served on it."""

    inbox: str
    queue: str
    quarantine: str
    store: str
    topic: str
    bundle: Path


@pytest.fixture(scope="module")
def golden_bundle(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    """Make a bundle whose model is sure of nobody, with golden rows on both sides of its threshold."""
    columns, takers = table()
    matrix = matrix_from_columns(columns, FEATURES)
    model = DecisionTreeClassifier(max_depth=1, random_state=0).fit(matrix, takers)
    folder = make_bundle(tmp_path_factory.mktemp("golden") / "bundle", model, keys)
    rows = [
        {"row": row, "score": value} for row, value in zip(matrix.tolist(), score(model, matrix).tolist(), strict=True)
    ]
    rewrite_manifest(folder, keys, {"golden": rows})
    return folder


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: Keys, golden_bundle: Path) -> Iterator[Lane]:
    """Set a worker's settings to a lane on moto."""
    with serial_moto() as (_, _, place):
        inbox = boto3.client("sqs", region_name=REGION).get_queue_url(QueueName="leadline-subscriber")["QueueUrl"]
        lane = Lane(inbox, place.queue, place.quarantine, place.store, place.topic, golden_bundle)
        values = {"QUEUE": lane.queue, "QUARANTINE": lane.quarantine, "STORE": lane.store, "TOPIC": lane.topic}
        values |= {"MODEL": str(lane.bundle), "PUBLIC_KEY": str(keys.public), "WAIT_TIME_S": "0"}
        for name, value in values.items():
            monkeypatch.setenv(f"LEADLINE_{name}", value)
        monkeypatch.setattr(canary, "set_up_logs", lambda _: None)  # those of the tests are set up
        monkeypatch.chdir(tmp_path)
        yield lane


@pytest.fixture
def fly(lane: Lane, capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, dict[str, Any]]]:
    """Give a function that runs a canary, and returns its exit code and what it says."""

    def run() -> tuple[int, dict[str, Any]]:
        code = canary.main(["--inbox", lane.inbox, "--json"])
        [line] = capsys.readouterr().out.splitlines()
        said = json.loads(line)
        assert isinstance(said, dict)
        assert code == said["exit_code"]
        return code, said

    return run


class Rushing:
    """A clock that goes on only while somebody waits, by half a minute each time."""

    def __init__(self) -> None:
        self.time = 0.0

    def sleep(self, _: float) -> None:
        self.time += 30

    def world(self) -> World:
        return World(lambda: self.time, self.sleep)


def failed(result: Result) -> str:
    """Return what does not hold, as texts."""
    return "; ".join(f"{check.name}: expected {check.expected}, seen {check.seen}" for check in result.failed)


Fly = Callable[[], tuple[int, dict[str, Any]]]


def test_a_golden_lead_comes_out_and_the_other_row_does_not_however_often_it_runs(lane: Lane, fly: Fly) -> None:
    """The second run finds the first one's rows in the table, and knows its own events all the same."""
    for _ in range(2):
        code, said = fly()
        assert 0 == code, said
        assert "lead A at 0.9" in said["message"]
        assert {"the lead, score", "the other row, is a lead", "store, the other row", "inbox, model", "inbox"} <= {
            check["name"] for check in said["checks"]
        }

    assert [] == messages_of(lane.inbox) == messages_of(lane.queue) == messages_of(lane.quarantine)
    store = open_store(lane.store)
    assert store is not None
    assert 2 == len(list(store.scan()))


def test_what_a_killed_run_has_left_is_cleared_away_and_what_another_waits_for_is_not(lane: Lane, fly: Fly) -> None:
    assert 0 == fly()[0]
    now = datetime.now(UTC)
    topic_copy = Lead.model_validate_json(lead_of(lane, "canary-another-1-1", now))
    left_over = Lead.model_validate_json(lead_of(lane, "canary-killed-1-1", now - timedelta(hours=1)))
    open_queue(lane.inbox).send([one.model_dump_json().encode() for one in (left_over, topic_copy)])

    assert 0 == fly()[0]

    [left] = messages_of(lane.inbox)
    assert "canary-another-1-1" in left.body


def lead_of(lane: Lane, event_id: str, moment: datetime) -> bytes:
    """Return a lead as the inbox gets it, of an event of our own."""
    store = open_store(lane.store)
    assert store is not None
    [decision] = [stored.decision for stored in store.scan() if stored.decision.lead]
    time = moment.isoformat()
    data = {
        **decision.model_dump(include={"customer_id", "score", "tier", "threshold", "campaign", "expires_at"}),
        "lead_id": "x", "event_id": event_id, "event_time": time, "model": decision.model.model_dump(),
    }  # fmt: skip
    kind = "bank.lead.created.v1"
    return json.dumps({"id": event_id, "type": kind, "subject": "x", "time": time, "data": data}).encode()


@pytest.mark.usefixtures("lane")
def test_two_canaries_at_the_same_time_both_hold(lane: Lane) -> None:
    """Each takes events of the other from the queue, and leaves it its leads."""
    results: list[Result] = []

    def run() -> None:
        results.append(canary.Canary(canary.canary_settings(), lane.inbox, 120).fly())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(150)

    assert ["", ""] == [failed(result) for result in results]


@pytest.mark.parametrize(
    ("threshold", "seen"),
    [
        ("1", "the lead, is a lead: expected yes (threshold 0.5), seen no (threshold 1)"),
        ("0.01", "the other row, is a lead: expected no (threshold 0.5), seen yes (threshold 0.01)"),
    ],
)
def test_a_threshold_that_turns_a_golden_row_is_found(
    monkeypatch: pytest.MonkeyPatch, fly: Fly, threshold: str, seen: str
) -> None:
    monkeypatch.setenv("LEADLINE_THRESHOLD", threshold)

    code, said = fly()

    assert (3, True) == (code, seen in said["message"]), said


def test_a_topic_that_swallows_is_found(lane: Lane) -> None:
    sns = boto3.client("sns", region_name=REGION)
    [subscription] = sns.list_subscriptions_by_topic(TopicArn=lane.topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])

    result = canary.Canary(canary.canary_settings(), lane.inbox, 60, Rushing().world()).fly()

    assert "inbox: expected the lead, seen no lead within 60 s" == failed(result)


def test_an_inbox_without_raw_delivery_is_found(lane: Lane) -> None:
    sns = boto3.client("sns", region_name=REGION)
    [subscription] = sns.list_subscriptions_by_topic(TopicArn=lane.topic)["Subscriptions"]
    sns.set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"], AttributeName="RawMessageDelivery", AttributeValue="false"
    )

    result = canary.Canary(canary.canary_settings(), lane.inbox, 60, Rushing().world()).fly()

    assert "is raw message delivery on?" in failed(result)


def test_a_golden_event_that_is_set_aside_is_found(lane: Lane) -> None:
    """The date of the machine is an hour off; the worker's is right."""
    world = World(now=lambda: datetime.now(UTC) + timedelta(hours=1))

    result = canary.Canary(canary.canary_settings(), lane.inbox, 60, world).fly()

    assert "the lead: expected a decision, seen set aside as future_event" in failed(result)
    assert 2 == len(messages_of(lane.quarantine))


def test_a_topic_that_is_away_is_no_verdict_on_the_release(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worker would try for long; here it takes one step at a time."""
    monkeypatch.setenv("LEADLINE_TOPIC", f"{lane.topic}-gone")
    monkeypatch.setattr(Worker, "run", lambda worker, tell, **_: tell(worker._lanes._lanes[0].step() or []))

    with pytest.raises(Unavailable, match="not done within 60 s: topic did not take them"):
        canary.Canary(canary.canary_settings(), lane.inbox, 60, Rushing().world()).fly()

    assert 75 == canary.main(["--inbox", lane.inbox, "--deadline-s", "1"])
    assert "canary could not run: the golden events were not done within 1 s" in capsys.readouterr().out


def test_a_service_that_was_away_for_a_moment_fails_no_release(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    work, failures = Worker.run, [Unavailable("the topic is away")]

    def run(worker: Worker, **how: Any) -> None:  # noqa: ANN401  as it is called
        if failures:
            raise failures.pop()
        work(worker, **how)

    monkeypatch.setattr(Worker, "run", run)

    assert "" == failed(canary.Canary(canary.canary_settings(), lane.inbox, 60).fly())
    assert [] == failures


def test_an_event_that_was_overtaken_is_sent_once_more(lane: Lane, fly: Fly) -> None:
    """Another canary has stored a newer one of the same row meanwhile."""
    assert 0 == fly()[0]
    times = [datetime.now(UTC) - timedelta(hours=1)] * 2

    result = canary.Canary(
        canary.canary_settings(), lane.inbox, 60, World(now=lambda: times.pop() if times else datetime.now(UTC))
    ).fly()

    assert "" == failed(result)


def test_a_newer_row_of_a_clock_that_was_ahead_is_told_within_the_deadline(lane: Lane) -> None:
    """No attempt can overtake it: the canary sends few more, and does not go on for ever."""
    ahead = World(now=lambda: datetime.now(UTC) + timedelta(minutes=4))
    assert "" == failed(canary.Canary(canary.canary_settings(), lane.inbox, 60, ahead).fly())

    with pytest.raises(Unavailable, match=r"not done within 60 s: the table holds a newer row; is a clock wrong\?"):
        canary.Canary(canary.canary_settings(), lane.inbox, 60, Rushing().world()).fly()

    assert [] == messages_of(lane.queue)
    alarms = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert [] == [alarm for alarm in alarms if not alarm.finished.is_set()], "an alarm outlives its run"
    assert 75 == canary.main(["--inbox", lane.inbox, "--deadline-s", "1"])


def test_the_bundle_that_a_release_names_flies(lane: Lane, capsys: pytest.CaptureFixture[str]) -> None:
    expected = ["--expect-model", sha256_of(lane, "model.pkl"), "--expect-manifest", sha256_of(lane, "manifest.json")]

    assert 0 == canary.main(["--inbox", lane.inbox, *expected]), capsys.readouterr().out


@pytest.mark.parametrize(("option", "name"), [("model", "model.pkl"), ("manifest", "manifest.json")])
def test_another_bundle_than_the_release_names_does_not_fly(
    lane: Lane, capsys: pytest.CaptureFixture[str], option: str, name: str
) -> None:
    assert 3 == canary.main(["--inbox", lane.inbox, f"--expect-{option}", "0" * 64])

    seen = sha256_of(lane, name)
    assert f"{name} in the image: expected {'0' * 64}, seen {seen}" in capsys.readouterr().out
    assert [] == messages_of(lane.queue)
    store = open_store(lane.store)
    assert store is not None
    assert [] == list(store.scan())


def sha256_of(lane: Lane, name: str) -> str:
    """Return the digest of a file of the bundle."""
    return hashlib.sha256((lane.bundle / name).read_bytes()).hexdigest()


def test_a_lead_for_the_other_row_is_found(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    take = Inbox.take

    def with_another(inbox: Inbox, *how: Any) -> list[Lead]:  # noqa: ANN401  as it is called
        leads = take(inbox, *how)
        other = {"event_id": leads[0].data.event_id[:-1] + "2"} if leads else {}
        return leads + [lead.model_copy(update={"data": lead.data.model_copy(update=other)}) for lead in leads]

    monkeypatch.setattr(Inbox, "take", with_another)

    result = canary.Canary(canary.canary_settings(), lane.inbox, 60).fly()

    assert "inbox: expected no lead for the other row, seen a lead for it" == failed(result)


def test_a_queue_that_takes_nothing_is_no_verdict(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADLINE_QUEUE", f"{lane.queue}-gone")

    assert 75 == canary.main(["--inbox", lane.inbox])
    assert "did not take the golden events" in capsys.readouterr().out


def test_a_bundle_without_a_golden_lead_is_found(lane: Lane, fly: Fly, keys: Keys, tmp_path: Path) -> None:
    bundle = tmp_path / "none"
    shutil.copytree(lane.bundle, bundle)
    rewrite_manifest(bundle, keys, {"threshold": 0.999})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADLINE_MODEL", str(bundle))
        code, said = fly()

    assert (3, True) == (code, "golden rows: expected one that is a lead" in said["message"])


def test_a_bundle_that_was_altered_does_not_fly(
    lane: Lane, fly: Fly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(lane.bundle, altered)
    manifest = json.loads((altered / "manifest.json").read_text())
    (altered / "manifest.json").write_text(json.dumps({**manifest, "threshold": 0.4}))
    monkeypatch.setenv("LEADLINE_MODEL", str(altered))

    code, said = fly()

    assert 3 == code
    assert "was not made with the key" in said["message"]
    assert [] == messages_of(lane.queue)


@pytest.mark.parametrize("name", ["TOPIC", "STORE", "QUARANTINE"])
def test_half_a_lane_is_a_wrong_configuration(fly: Fly, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(f"LEADLINE_{name}")

    code, said = fly()

    assert 78 == code
    assert f"LEADLINE_{name} is not set" in said["message"]
