"""A worker in a thread of this process, seen as an operator sees it: by its probes and its log."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable
from http.client import HTTPConnection
from typing import Final, Self

import pytest

from worker.service import Worker
from worker.settings import Settings

PATIENCE_S: Final = 60
POLL_INTERVAL_S: Final = 0.01


HURRIED: Final = """
import sys
import worker.hand, worker.intake
from worker.__main__ import main
worker.hand._FIRST_PAUSE_S, worker.hand._LONGEST_PAUSE_S, worker.intake._LONGEST_PAUSE_S = 0.02, 0.1, 0.1
sys.exit(main([]))
"""
"""The same for a worker that is a process of its own: what to give to `python -c`."""


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Let a worker wait for a moment where it waits for seconds, between tries, and call it trouble after three."""
    patch.setattr("worker.hand._FIRST_PAUSE_S", 0.02)
    patch.setattr("worker.hand._LONGEST_PAUSE_S", 0.1)
    patch.setattr("worker.hand._TROUBLE_AFTER", 3)
    patch.setattr("worker.intake._LONGEST_PAUSE_S", 0.1)
    patch.setattr("ports.aws.client.FIRST_PAUSE_S", 0.001)


class Serving:
    """A worker that serves while in the context."""

    def __init__(self, settings: Settings) -> None:
        self._worker = Worker(settings, calls_in_flight=2)
        self._thread = threading.Thread(target=self._worker.run, daemon=True)

    @property
    def metrics(self) -> str:
        """What Prometheus reads."""
        return get(self._worker._probes.server_port, "/metrics")[1]

    def wait_for(self, status: int) -> str:
        """Wait until the probe of readiness answers so, and return what it says."""
        return wait_for(self._worker._probes.server_port, status)

    def __enter__(self) -> Self:
        self._worker.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.stop()
        self._thread.join(PATIENCE_S)
        self._worker.__exit__(None, None, None)
        assert not self._thread.is_alive()


def wait_for(port: int, status: int) -> str:
    """Wait until the probe of readiness on a port answers so, and return what it says."""
    for _ in range(int(PATIENCE_S / POLL_INTERVAL_S)):
        found, said = get(port, "/readyz")
        if found == status:
            return said
        time.sleep(POLL_INTERVAL_S)
    raise AssertionError(f"/readyz never was {status}, but {found}: {said}")


def get(port: int, path: str) -> tuple[int, str]:
    """Ask a worker's port."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def told(records: Iterable[logging.LogRecord]) -> Counter[str]:
    """Count the warnings and errors by what they say, whatever their figures are."""
    grave = [record for record in records if record.levelno >= logging.WARNING]
    return Counter(f"{record.msg} | {_first(record)}" for record in grave)


def _first(record: logging.LogRecord) -> str:
    """Return what a line is about: its first two texts."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return " | ".join([str(argument) for argument in arguments if isinstance(argument, str)][:2])
