"""The embedded ports with several processes, and with processes that are killed."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ports import create_queue, open_queue, open_store
from schemas.lead import Lead

EVENTS = 60

WORKER = Path(__file__).with_name("mortal_worker.py")


def start(folder: Path, deadly_step: str = "never", visibility_timeout_s: int = 600) -> "subprocess.Popen[str]":
    arguments = [str(folder), deadly_step, str(visibility_timeout_s)]
    return subprocess.Popen([sys.executable, str(WORKER), *arguments], stdout=subprocess.PIPE, text=True)


def finish(worker: "subprocess.Popen[str]") -> int:
    worker.communicate()
    return worker.returncode


def published(folder: Path) -> Counter[str]:
    return Counter(Lead.model_validate_json(line).id for line in (folder / "leads.jsonl").read_text().splitlines())


@pytest.fixture
def ids(tmp_path: Path) -> list[str | None]:
    """Put numbered events on a new queue, and return their ids."""
    return create_queue(f"sqlite:///{tmp_path}/queue.db").send([str(number).encode() for number in range(EVENTS)])


@pytest.mark.parametrize("deadly_step", ["received", "stored", "published", "deleted"])
def test_a_kill_between_two_steps_loses_nothing(tmp_path: Path, ids: list[str | None], deadly_step: str) -> None:
    assert -signal.SIGKILL == finish(start(tmp_path, deadly_step, visibility_timeout_s=1))
    left = sum(open_queue(f"sqlite:///{tmp_path}/queue.db").depth())
    assert len(ids) - left == (30 if deadly_step == "deleted" else 20)

    queue = open_queue(f"sqlite:///{tmp_path}/queue.db")
    while sum(queue.depth()):
        assert finish(start(tmp_path)) == 0

    store = open_store(f"sqlite:///{tmp_path}/store.db")
    assert store is not None
    everybody = {str(number) for number in range(EVENTS)}
    assert everybody == {stored.decision.customer_id for stored in store.scan()} == set(published(tmp_path))
    assert EVENTS + (10 if deadly_step == "published" else 0) == published(tmp_path).total()


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path, ids: list[str | None]) -> None:
    """Each worker is killed in the middle of whatever it does after its first batch."""
    queue = open_queue(f"sqlite:///{tmp_path}/queue.db")
    for _ in range(3):
        worker = start(tmp_path, visibility_timeout_s=0)
        assert worker.stdout is not None
        worker.stdout.readline()
        worker.kill()
        worker.communicate()

    while sum(queue.depth()):
        assert finish(start(tmp_path)) == 0

    assert len(ids) == len(published(tmp_path))


def test_two_processes_never_receive_one_message_at_once(tmp_path: Path, ids: list[str | None]) -> None:
    first, second = start(tmp_path), start(tmp_path)

    done = Counter(first.communicate()[0].split() + second.communicate()[0].split())

    assert dict.fromkeys(ids, 1) == done
    assert 0 == first.returncode == second.returncode


def test_processes_that_create_one_store_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    code = f"from ports import open_store; print(open_store('sqlite:///{tmp_path}/new.db').get('1'))"

    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]

    assert ["None\n"] * 4 == [run.communicate()[0] for run in runs]
