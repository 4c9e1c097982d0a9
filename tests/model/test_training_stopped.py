"""`leadline train`, stopped from outside while joblib's processes work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bundles import Keys

PATIENCE_S = 60
BUSY_FOR_EVER = """
import os, time, joblib
from training.orphans import end_with

def work(_):
    print("working", flush=True)
    time.sleep(3600)

joblib.Parallel(n_jobs=2, initializer=end_with, initargs=(os.getpid(),))(joblib.delayed(work)(n) for n in range(2))
"""


def of_session(leader: int) -> set[int]:
    """Return the living processes of a session: all that its leader started, and what they started."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # After the name in brackets: state, parent, group, session.
        state, _parent, _group, session = text[text.rindex(")") + 2 :].split()[:4]
        if int(session) == leader and state != "Z":
            found.add(int(stat.parent.name))
    return found


def wait_until_gone(leader: int) -> set[int]:
    """Wait until no process of the session is there; return those that are."""
    deadline = time.monotonic() + PATIENCE_S
    while (left := of_session(leader)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def wait_for_workers(leader: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for process in of_session(leader):
            command = Path(f"/proc/{process}/cmdline")
            if command.exists() and b"popen_loky" in command.read_bytes():
                return
        time.sleep(0.1)
    pytest.fail("joblib has started no process")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_training_that_is_terminated_leaves_neither_processes_nor_files(tmp_path: Path, keys: Keys) -> None:
    out = tmp_path / "deep" / "model"
    command = [sys.executable, "-m", "leadline", "train", "--out", out, "--key", keys.private]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL) as training:
        try:
            wait_for_workers(training.pid)
            training.send_signal(signal.SIGTERM)

            assert 143 == training.wait(PATIENCE_S)
            assert not wait_until_gone(training.pid)
            assert not [*tmp_path.iterdir()]
        finally:
            if of_session(training.pid):
                os.killpg(training.pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_joblibs_processes_end_with_a_training_that_is_killed_without_notice() -> None:
    command = [sys.executable, "-c", BUSY_FOR_EVER]
    with subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as training:
        try:
            assert training.stdout is not None
            assert ["working\n", "working\n"] == [training.stdout.readline(), training.stdout.readline()]
            training.kill()

            assert -signal.SIGKILL == training.wait(PATIENCE_S)
            assert not wait_until_gone(training.pid)
        finally:
            if of_session(training.pid):
                os.killpg(training.pid, signal.SIGKILL)
