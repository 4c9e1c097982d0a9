"""The canary's golden rows, and `python -m worker.check` on embedded services."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ports import create_queue, open_queue
from propensity.bundle import Bundle
from schemas.manifest import GoldenRow
from tests.bundles import Keys
from tests.helpers import NOW, accepted
from tests.unit.test_light import AWS, HEAVY, loaded_by
from worker import canary, check
from worker.golden import golden_pair, probe
from worker.settings import Settings

NAMED = {"--expect-model": "model.pkl", "--expect-manifest": "manifest.json"}


def with_golden(bundle: Bundle, *rows: GoldenRow) -> Bundle:
    """Return the bundle with other golden rows."""
    return bundle._replace(manifest=bundle.manifest.model_copy(update={"golden": rows}))


def row(bundle: Bundle, score: float, **changes: float) -> GoldenRow:
    """Return a golden row that is a valid customer, but for the changes."""
    fields = {"hidden_score": 2.0, "level": 2.0, **changes}
    return GoldenRow(row=tuple(fields.get(name, 0.0) for name in bundle.feature_names), score=score)


def test_the_clearest_of_both_sides_are_taken_and_no_row_that_no_customer_could_be(bundle: Bundle) -> None:
    """Half a level, and a flag of one half, are what training makes of a row that would be a customer's."""
    rows = row(bundle, 0.6), row(bundle, 0.99, level=2.5), row(bundle, 0.9, highest_spend=7.25), row(bundle, 0.2)
    lead, other = golden_pair(with_golden(bundle, *rows, row(bundle, 0.01, security=0.5)).manifest)

    assert (0.9, 0.2) == (lead and lead.row.score, other and other.row.score)


def test_a_side_without_a_row_is_none(bundle: Bundle) -> None:
    lead, other = golden_pair(with_golden(bundle, row(bundle, 0.49)).manifest)

    assert lead is None
    assert other is not None
    assert golden_pair(with_golden(bundle, row(bundle, 0.5)).manifest)[1] is None


def test_a_golden_event_is_one_that_a_worker_accepts_with_the_row_in_it(bundle: Bundle) -> None:
    lead, _ = golden_pair(with_golden(bundle, row(bundle, 0.9, highest_spend=7.25)).manifest)
    assert lead is not None

    one = probe(lead, bundle.manifest, Settings(require_consent=True), "canary-1", NOW)

    case = accepted(one.body)
    assert ("canary-1", 7.25, 2) == (case.event_id, case.customer.highest_spend, case.customer.level)
    assert f"canary-{bundle.manifest.id.sha256[:12]}-1" == case.customer.customer_id == one.expected.customer_id
    assert (True, "A", 0.9) == (one.expected.lead, one.expected.tier, one.expected.score)


def test_the_jobs_of_a_release_are_as_light_as_a_worker() -> None:
    assert not loaded_by("import worker.canary, worker.check").intersection((*HEAVY, *AWS))


@pytest.mark.parametrize("argument", ["0", "601", "x"])
def test_a_deadline_out_of_bounds_is_wrong_usage(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        canary.main(["--inbox", "sqlite:///x.db", "--deadline-s", argument])
    assert 2 == left.value.code
    assert "--deadline-s" in capsys.readouterr().err


@pytest.mark.parametrize("command", [canary, check])
@pytest.mark.parametrize("argument", ["", "0" * 63, "A" * 64, "sha256:" + "0" * 64])
def test_a_digest_out_of_form_is_wrong_usage(
    command: ModuleType, argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(["--expect-model", argument])
    assert 2 == left.value.code
    assert "is no SHA-256: give 64 hex digits" in capsys.readouterr().err


@pytest.fixture
def place(tmp_path: Path, bundle_folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a worker's settings to embedded services in a folder, with one dead letter."""
    dead = f"sqlite:///{tmp_path}/dlq.db"
    create_queue(f"sqlite:///{tmp_path}/queue.db", dead_letters=dead)
    create_queue(f"sqlite:///{tmp_path}/quarantine.db")
    open_queue(dead).send([b"old"])
    names = {name.upper(): f"sqlite:///{tmp_path}/{name}.db" for name in ("queue", "quarantine", "dlq", "store")}
    names |= {"MODEL": str(bundle_folder), "PUBLIC_KEY": str(keys.public), "TOPIC": f"file:///{tmp_path}/leads.jsonl"}
    for name, value in names.items():
        monkeypatch.setenv(f"LEADLINE_{name}", value)
    monkeypatch.setattr(check, "set_up_logs", lambda _: None)  # those of the tests are set up
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Time:
    """A clock that goes on by five seconds a sleep, and something that happens meanwhile."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self.now, self._happens = 0.0, list(happens)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self._happens:
            self._happens.pop(0)()


def checked(time: Time, watch_s: float = 60) -> list[str]:
    """Check the place of the settings. Return what does not hold."""
    result = check.check(check.check_settings(), watch_s, lambda: time.now, time.sleep)
    return [one.seen for one in result.failed]


@pytest.mark.usefixtures("place")
def test_old_dead_letters_do_not_stop_a_release_and_the_whole_time_is_watched() -> None:
    time = Time()

    assert [] == checked(time)
    assert 60 == time.now


def test_dead_letters_that_become_more_stop_it_as_soon_as_that_is_sure(place: Path) -> None:
    time = Time(lambda: None, lambda: open_queue(f"sqlite:///{place}/dlq.db").send([b"new"]))

    assert ["1 became 2: `leadline dlq ls` shows them"] == checked(time)
    assert 15 == time.now


def test_a_count_that_was_too_high_once_does_not(place: Path) -> None:
    """SQS counts roughly."""
    dead = open_queue(f"sqlite:///{place}/dlq.db")
    time = Time(lambda: dead.send([b"new"]), lambda: dead.delete(dead.receive(1, 0, 60)))

    assert [] == checked(time)


def test_a_count_that_is_too_high_at_the_end_is_looked_at_once_more(place: Path) -> None:
    time = Time(lambda: None, lambda: open_queue(f"sqlite:///{place}/dlq.db").send([b"new"]))

    assert ["1 became 2: `leadline dlq ls` shows them"] == checked(time, watch_s=10)


@pytest.mark.usefixtures("place")
def test_the_command_says_in_one_line_what_it_has_seen() -> None:
    command = [sys.executable, "-m", "worker.check", "--watch-s", "0"]

    ran = subprocess.run(command, capture_output=True, text=True, check=True)

    [line] = ran.stdout.splitlines()
    assert line.startswith("check holds: model tiny 1 loads; queue, dead letters, store answer; topic and quarantine")


@pytest.mark.parametrize(
    ("name", "value", "code", "said"),
    [
        ("DLQ", None, 78, "LEADLINE_DLQ is not set"),
        ("DLQ", "sqlite:///gone.db", 78, "gone.db"),
        ("TOPIC", "https://x", 78, "is no topic"),
        ("MODEL", "nowhere", 3, "cannot be read"),
        ("QUARANTINE", "sqlite:///gone.db", 78, "gone.db"),
    ],
)
def test_what_is_missing_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    name: str, value: str | None, code: int, said: str,
) -> None:  # fmt: skip
    assert place.exists()
    if value is None:
        monkeypatch.delenv(f"LEADLINE_{name}")
    else:
        monkeypatch.setenv(f"LEADLINE_{name}", value)

    assert code == check.main(["--watch-s", "0", "--json"])
    [line] = capsys.readouterr().out.splitlines()
    assert said in json.loads(line)["message"]
    assert not json.loads(line)["ok"]


@pytest.mark.usefixtures("place")
def test_the_bundle_that_a_release_names_passes(bundle_folder: Path) -> None:
    digests = {name: hashlib.sha256((bundle_folder / name).read_bytes()).hexdigest() for name in NAMED.values()}
    expected = [word for option, name in NAMED.items() for word in (option, digests[name])]

    assert 0 == check.main(["--watch-s", "0", *expected])


@pytest.mark.parametrize("option", NAMED)
def test_another_bundle_than_a_release_names_stops_it_before_anything_else_is_looked_at(
    place: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "queue.db").unlink()

    assert 3 == check.main(["--watch-s", "0", option, "0" * 64])
    assert f"check FAILED: {NAMED[option]} in the image: expected {'0' * 64}, seen " in capsys.readouterr().out


@pytest.mark.usefixtures("place")
def test_a_model_that_was_altered_stops_it(bundle_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (bundle_folder / "model.pkl").open("ab") as file:
        file.write(b"x")

    assert 3 == check.main(["--watch-s", "0"])
    assert "check FAILED" in capsys.readouterr().out
