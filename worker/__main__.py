"""`python -m worker`: run a worker by the environment, until a signal tells it to stop."""

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Final

from worker.configuration import load_settings
from worker.exits import exit_code_of
from worker.logs import set_up_logs
from worker.service import Worker

_M_ARENA_MAX: Final = -8
"""As glibc's malloc.h has it."""

log = logging.getLogger("worker")


def serve(*, once: bool = False, max_messages: int | None = None) -> dict[str, int]:
    """
    Run a worker by the environment, until SIGTERM or SIGINT.

    Args:
        once: Return when the queue gives nothing more.
        max_messages: Return after so many messages.

    Returns:
        How many events came to each outcome.

    Raises:
        SettingsError, BadAddress, BadKey, BadBundle, BundleError, StartError, Unavailable: It cannot run, and why.
    """
    _share_the_heap()
    stopped = threading.Event()
    _stop_on_signals(stopped)
    settings = load_settings(os.environ, for_worker=True).settings
    set_up_logs(os.environ)
    totals: Counter[str] = Counter()
    with Worker(settings, stopping=stopped) as worker:
        _spare_the_collector()
        watch = (stopped, worker, settings.drain_timeout_s)
        threading.Thread(target=_watch_drain, args=watch, name="drain", daemon=True).start()
        worker.run(once=once, max_messages=max_messages, tell=lambda outcomes: totals.update(o.kind for o in outcomes))
    log.info("stopped; nothing is in hand")
    return dict(totals)


def main(argv: Sequence[str]) -> int:
    """Run a worker, and return the exit code."""
    if argv:
        print(f"python -m worker takes no arguments, and got {argv[0]!r}; try `leadline worker`", file=sys.stderr)
        return 2
    return exit_code_of(serve)


def _share_the_heap() -> None:
    """
    Let all threads take memory from one heap, so that each reuses what another has freed.

    By default glibc gives each a heap of its own, lest they wait for each other. Ours seldom allocate at the same time.
    """
    with suppress(AttributeError):  # another C library has no such setting
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _spare_the_collector() -> None:
    """What has been loaded stays, and a batch makes no cycles: look through neither again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _stop_on_signals(stopped: threading.Event) -> None:
    """Note SIGTERM and SIGINT from the first moment on: as process 1 of a container there is no other who would."""

    def stop(number: int, _frame: FrameType | None) -> None:
        log.info("%s: draining", signal.Signals(number).name)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _watch_drain(stopped: threading.Event, worker: Worker, drain_timeout_s: int) -> None:
    """When a drain takes too long, give up: the leases of what is in hand end by themselves."""
    stopped.wait()
    worker.stop()
    if not worker.finished.wait(drain_timeout_s):
        log.error("not drained within %d s; what is in hand becomes visible when its lease ends", drain_timeout_s)
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
