"""`leadline simulate`: the figures, the failing seeds, and how one is replayed."""

import json
import subprocess
import sys
from functools import partial

import pytest

from leadline.verbs.simulate import simulate as verb
from simulation import crashes, many, seeds
from tests.simulation.broken_orders import BROKEN


def call(*arguments: str) -> int:
    code = verb.main(list(arguments), standalone_mode=False)
    assert isinstance(code, int)
    return code


def test_it_says_what_was_injected_and_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == call("--seeds", "5", "--events", "40", "--jobs", "1")

    shown = capsys.readouterr().out
    for text in ("killed", "reply lost", "superseded", "dead-lettered", "5 seeds of 40 events", "every promise kept"):
        assert text in shown


def test_json_goes_to_the_last_line_and_adds_up() -> None:
    command = [sys.executable, "-m", "leadline", "simulate", "--seeds", "4", "--events", "30", "--json", "--jobs", "2"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 0 == ran.returncode, ran.stderr
    result = json.loads(ran.stdout.splitlines()[-1])
    assert (4, 120, 0, []) == (result["seeds"], result["events"], result["first_seed"], result["violations"])
    assert 4 == sum(result["services"].values())
    assert result["found"]["applied"] > 0


def test_a_broken_promise_is_exit_3_with_the_seed_the_story_and_the_replay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = partial(seeds.simulate, variant=BROKEN["delete first"]())
    monkeypatch.setattr(many, "simulate", broken)

    assert 3 == call("--seeds", "2", "--first-seed", "7", "--fault-rate", "0.1", "--jobs", "1", "--json")

    out, err = capsys.readouterr()
    replay = "leadline simulate --trace --first-seed 7 --events 100 --fault-rate 0.1"
    assert [7, 8] == [violation["seed"] for violation in json.loads(out)["violations"]]
    assert replay == json.loads(out)["violations"][0]["replay"]
    assert f"replay it: {replay}" in err
    assert "is deleted before its event" in err
    assert "promises broken under 2 seeds" in err


def test_a_trace_is_the_same_whenever_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    traces = []
    for _ in range(2):
        assert 0 == call("--trace", "--first-seed", "0", "--events", "20")
        traces.append(capsys.readouterr().out)

    assert traces[0] == traces[1]
    assert all(f" {api} " in traces[0] for api in ("receive", "put", "delete"))


def test_a_broken_seed_shows_its_trace_and_what_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = partial(seeds.simulate, variant=BROKEN["delete first"]())
    monkeypatch.setattr("leadline.verbs.simulate.simulate_seed", broken)

    assert 3 == call("--trace", "--first-seed", "7")

    assert capsys.readouterr().out.splitlines()[-1].startswith("seed 7: message ")


def test_crashes_everywhere_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(crashes, "crash_everywhere", partial(crashes.crash_everywhere, one_in=100))

    assert 0 == call("--crash-everywhere", "--json")

    counts = json.loads(capsys.readouterr().out)
    assert {"calls", "points", "pairs"} == set(counts)
    assert counts["pairs"] > counts["points"] > 0


def test_a_crash_that_changes_the_ending_is_exit_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = partial(crashes.crash_everywhere, variant=BROKEN["publish only when applied"]())
    monkeypatch.setattr(crashes, "crash_everywhere", broken)

    assert 3 == call("--crash-everywhere", "--json")

    assert "crashes at call" in json.loads(capsys.readouterr().out)["broken"]
