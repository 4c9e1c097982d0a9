"""What the embedded store and topic promise beyond the contract, when files and disks misbehave."""

import json
import logging
import os
import sqlite3
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
no_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, no_limit[1]))
assert topic.publish([lead, lead]) == [lead, lead]
assert queue.send([b"a" * 100_000]) == [None]
assert [put.outcome for put in store.put([decision])] == ["failed"]
store.settle_withdrawals([decision])
resource.setrlimit(resource.RLIMIT_FSIZE, no_limit)  # for those who write at the end, such as coverage
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


def spoil(path: Path) -> None:
    """Write other things over a database, in its place, while it is open."""
    other = sqlite3.connect(path)
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with path.open("r+b") as file:
        file.write(b"dear diary, " * 1000)


def test_a_store_that_somebody_has_written_over_fails_each_item(
    tmp_path: Path, decide: Callable[..., Decision]
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    assert store is not None
    store.put([decide("1")])
    spoil(tmp_path / "store.db")

    assert [Put("failed", None)] * 2 == store.put([decide("1"), decide("2")])
    store.settle_withdrawals([decide("1")])
    with pytest.raises(Unavailable, match="cannot be read now"):
        store.get("1")


def test_a_queue_that_somebody_has_written_over_is_not_there_and_loses_no_lease(tmp_path: Path) -> None:
    queue = create_queue(f"sqlite:///{tmp_path}/queue.db")
    queue.send([b"a", b"b"])
    messages = queue.receive(1, 0, 60)
    spoil(tmp_path / "queue.db")

    with pytest.raises(Unavailable, match="cannot be used now"):
        queue.receive(1, 0, 60)
    with pytest.raises(Unavailable, match="cannot be used now"):
        queue.depth()
    assert messages == queue.delete(messages)
    assert [] == queue.set_visibility([(message, 60) for message in messages])
    assert [None] == queue.send([b"c"])


def test_a_fault_that_stays_is_told_once(
    tmp_path: Path, decide: Callable[..., Decision], make_lead: MakeLead, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker tries again every few moments: at that rate nobody could read the rest of its log."""
    store, topic = open_store(f"sqlite:///{tmp_path}/store.db"), open_topic(f"file:///{tmp_path}/leads.jsonl")
    assert store is not None
    assert topic is not None
    (tmp_path / "store.db").unlink()
    (tmp_path / "leads.jsonl").unlink()
    (tmp_path / "leads.jsonl").mkdir()

    for _ in range(5):
        store.put([decide()])
        store.settle_withdrawals([decide()])
        topic.publish([make_lead()])

    told = [record.name for record in caplog.records if record.levelno == logging.WARNING]
    assert ["ports.embedded.store", "ports.embedded.store", "ports.embedded.topic"] == told


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
