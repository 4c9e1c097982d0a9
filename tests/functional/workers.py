"""Real workers: processes of their own that are started ahead of time, killed, stopped, and read by their logs."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

PATIENCE_S: Final = 120
LEASE_S: Final = 6
"""The shortest that the settings allow: what a killed worker held is visible again so soon."""
RETRY_CAP_S: Final = 1


def clean_environ(**settings: str) -> dict[str, str]:
    """Return this process's environment with these settings, and with no other that is ours."""
    ours = ("LEADLINE_", "LOG_", "KUBERNETES_", "COV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | settings


class Process:
    """One `python -m worker`, whose log goes to a file."""

    def __init__(self, environ: Mapping[str, str], log: Path, command: Sequence[str] = ("-m", "worker")) -> None:
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen([sys.executable, *command], env=environ, stderr=file)
        self.pid = self._process.pid

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until its log holds the text."""
        for _ in range(PATIENCE_S * 200):
            if text in self.log:
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.005)
        raise AssertionError(f"it never said {text!r}, but:\n{self.log}")

    def wait_until_ready(self) -> None:
        """Wait until it takes messages."""
        self.wait_for("is served")

    def kill(self) -> bool:
        """Kill it. Return whether it was alive."""
        alive = self._process.poll() is None
        self._process.kill()
        self._process.wait()
        return alive

    def terminate(self) -> None:
        """Tell it to stop."""
        self._process.send_signal(signal.SIGTERM)

    def exit_code(self, within_s: float = PATIENCE_S) -> int:
        """Wait for its end, and return the exit code."""
        return self._process.wait(within_s)


class Fleet:
    """So many workers at a time: with more than one, the next is ready, or works already, when one is ended."""

    def __init__(self, environ: Mapping[str, str], logs: Path, at_once: int) -> None:
        logs.mkdir()
        self._environ, self._logs, self._at_once = environ, logs, at_once
        self._started: list[Process] = []
        self._alive: deque[Process] = deque()

    def oldest(self) -> Process:
        """Start workers until there are enough, and take out the one that was started first, once it is ready."""
        while len(self._alive) < self._at_once:
            self._alive.append(Process(self._environ, self._logs / f"{len(self._started)}.log"))
            self._started.append(self._alive[-1])
        worker = self._alive.popleft()
        worker.wait_until_ready()
        return worker

    def kill(self) -> int:
        """Kill all that are there. Return how many were alive."""
        self._alive.clear()
        return sum(worker.kill() for worker in self._started)

    @property
    def errors(self) -> list[str]:
        """Whatever any of them has logged that should not be there."""
        lines = [line for worker in self._started for line in worker.log.splitlines()]
        return [line for line in lines if "ERROR" in line or "Traceback" in line]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
