"""What the embedded store and topic promise beyond the contract, when files and disks misbehave."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ports import BadAddress, Put, Unavailable, create_queue, open_store, open_topic
from schemas.decision import Decision
from schemas.lead import Lead

MakeLead = Callable[..., Lead]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leads.jsonl"


def test_a_half_written_last_line_is_cut_off_when_the_topic_is_opened(path: Path, make_lead: MakeLead) -> None:
    whole = make_lead(1).model_dump_json() + "\n"
    path.write_text(whole + make_lead(2).model_dump_json()[:100])

    topic = open_topic(f"file:///{path}")
    assert whole == path.read_text()

    assert topic is not None
    topic.publish([make_lead(3)])
    assert ["1", "3"] == [json.loads(line)["subject"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("half", ["x", "x" * 200_000])
def test_a_half_line_that_somebody_else_leaves_later_is_cut_off_before_the_next_lead(
    path: Path, make_lead: MakeLead, half: str
) -> None:
    topic = open_topic(f"file:///{path}")
    assert topic is not None
    topic.publish([make_lead(1)])
    with path.open("a") as file:
        file.write(half)

    topic.publish([make_lead(2)])

    assert ["1", "2"] == [json.loads(line)["subject"] for line in path.read_text().splitlines()]


def test_a_file_of_nothing_but_half_a_line_becomes_empty(path: Path) -> None:
    path.write_text("{" * 100_000)

    open_topic(f"file:///{path}")

    assert "" == path.read_text()


def test_a_file_that_is_moved_away_is_made_anew(path: Path, make_lead: MakeLead) -> None:
    topic = open_topic(f"file:///{path}")
    assert topic is not None
    topic.publish([make_lead(1)])
    path.rename(path.with_suffix(".1"))

    assert [] == topic.publish([make_lead(2)])

    assert ["2"] == [json.loads(line)["subject"] for line in path.read_text().splitlines()]


def test_a_topic_whose_folder_is_gone_gives_its_leads_back(tmp_path: Path, make_lead: MakeLead) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    topic = open_topic(f"file:///{folder}/leads.jsonl")
    assert topic is not None
    folder.joinpath("leads.jsonl").unlink()
    folder.rmdir()

    leads = [make_lead(1), make_lead(2)]
    assert leads == topic.publish(leads)


def test_stdout_gets_a_line_for_each_lead(capsys: pytest.CaptureFixture[str], make_lead: MakeLead) -> None:
    topic = open_topic("-")
    assert topic is not None

    assert [] == topic.publish([make_lead(1), make_lead(2)])

    assert ["1", "2"] == [json.loads(line)["subject"] for line in capsys.readouterr().out.splitlines()]


def test_stdout_that_nobody_reads_gives_the_leads_back(make_lead: MakeLead, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    broken = os.fdopen(write, "w", buffering=1)
    monkeypatch.setattr(sys, "stdout", broken)
    topic = open_topic("-")
    assert topic is not None

    assert [make_lead()] == topic.publish([make_lead()])

    with pytest.raises(BrokenPipeError):
        broken.close()


FULL_DISK = """
import resource, sys
from ports import create_queue, open_store, open_topic
from schemas.decision import Decision
from schemas.lead import Lead

folder, lead, decision = sys.argv[1], Lead.model_validate_json(sys.argv[2]), Decision.model_validate_json(sys.argv[3])
topic = open_topic(f"file:///{folder}/leads.jsonl")
store, queue = open_store(f"sqlite:///{folder}/store.db"), create_queue(f"sqlite:///{folder}/queue.db")
assert topic.publish([lead]) == []
limit = len(lead.model_dump_json()) + 100
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
assert topic.publish([lead, lead]) == [lead, lead]
assert queue.send([b"a" * 100_000]) == [None]
assert [put.outcome for put in store.put([decision])] == ["failed"]
store.settle_withdrawals([decision])
print("no crash")
"""


def test_a_full_disk_fails_each_item_and_leaves_no_half_line(
    tmp_path: Path, make_lead: MakeLead, decide: Callable[..., Decision]
) -> None:
    """The disk is full, in that the system lets this process make no file any larger."""
    arguments = [str(tmp_path), make_lead().model_dump_json(), decide().model_dump_json()]

    run = subprocess.run([sys.executable, "-c", FULL_DISK, *arguments], capture_output=True, text=True, check=False)

    assert "no crash" in run.stdout, run.stderr
    assert [make_lead()] == [
        Lead.model_validate_json(line) for line in (tmp_path / "leads.jsonl").read_text().splitlines()
    ]
    assert (0, 0) == create_queue(f"sqlite:///{tmp_path}/queue.db").depth()


def test_a_store_that_was_removed_fails_each_item(tmp_path: Path, decide: Callable[..., Decision]) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    assert store is not None
    (tmp_path / "store.db").unlink()

    assert [Put("failed", None)] * 2 == store.put([decide("1"), decide("2")])
    with pytest.raises(Unavailable, match="removed or replaced"):
        store.get("1")


def test_a_store_keeps_what_it_holds_when_it_is_opened_again(tmp_path: Path, decide: Callable[..., Decision]) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    first = open_store(url)
    assert first is not None
    first.put([decide()])

    second = open_store(url)

    assert second is not None
    assert first.get("1") == second.get("1")


def test_a_scan_of_many_customers_sees_what_is_put_meanwhile_without_locking_it_out(
    tmp_path: Path, decide: Callable[..., Decision]
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    assert store is not None
    store.put([decide(f"{number:05d}") for number in range(2500)])

    scan = store.scan()
    seen = [next(scan).decision.customer_id]
    assert ["applied"] == [put.outcome for put in store.put([decide("99999")])]
    seen += [stored.decision.customer_id for stored in scan]

    assert 2501 == len(seen) == len(set(seen))


@pytest.mark.parametrize("kind", ["queue", "store"])
def test_a_file_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("dear diary, " * 1000)
    create_queue(f"sqlite:///{tmp_path}/queue.db")
    open_store(f"sqlite:///{tmp_path}/store.db")
    opener = create_queue if kind == "queue" else open_store

    with pytest.raises(BadAddress, match=r"notes\.txt"):
        opener(f"sqlite:///{text}")
    with pytest.raises(BadAddress, match="a file of its own"):
        opener(f"sqlite:///{tmp_path}/{'store' if kind == 'queue' else 'queue'}.db")

    assert text.read_text().startswith("dear diary, ")
