"""`python -m worker`: run a worker by the environment, until a signal tells it to stop."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from types import FrameType
from typing import Final

from ports import BadAddress, BadBundle, Unavailable
from propensity.bundle import BundleError
from propensity.signing import BadKey
from worker.configuration import load_settings
from worker.logs import set_up_logs
from worker.pipeline import Outcome
from worker.service import Worker
from worker.settings import SettingsError

log = logging.getLogger("worker")

EXIT_CODES: Final[Mapping[type[Exception], int]] = {
    SettingsError: 78,
    BadAddress: 78,
    BadKey: 78,
    BadBundle: 3,
    BundleError: 3,
    Unavailable: 75,
}


def main(
    argv: Sequence[str] | None = None,
    *,
    once: bool = False,
    max_messages: int | None = None,
    totals: MutableMapping[str, int] | None = None,
) -> int:
    """
    Run a worker by the environment, until SIGTERM or SIGINT.

    Args:
        argv: Arguments of the command line: there are none.
        once: Return when the queue gives nothing more.
        max_messages: Return after so many messages.
        totals: Counts the events by outcome.

    Returns:
        The exit code.
    """
    if argv:
        print(f"python -m worker takes no arguments, and got {argv[0]!r}; try `leadline worker`", file=sys.stderr)
        return 2
    try:
        settings = load_settings(os.environ, for_worker=True).settings
        set_up_logs(os.environ)
        with Worker(settings) as worker:
            _stop_on_signals(worker, settings.drain_timeout_s)
            worker.run(once=once, max_messages=max_messages, tell=_counter({} if totals is None else totals))
    except tuple(EXIT_CODES) as error:
        print(error, file=sys.stderr)
        return EXIT_CODES[type(error)]
    except OSError as error:
        print(f"the worker cannot start: {error}; LEADLINE_HTTP_PORT=0 takes any free port", file=sys.stderr)
        return 1
    log.info("stopped; nothing is in hand")
    return 0


def _counter(totals: MutableMapping[str, int]) -> Callable[[list[Outcome]], None]:
    def count(outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            totals[outcome.kind] = totals.get(outcome.kind, 0) + 1

    return count


def _stop_on_signals(worker: Worker, drain_timeout_s: int) -> None:
    """On SIGTERM or SIGINT drain; when that takes too long, give up, and the leases end by themselves."""

    def give_up() -> None:
        log.error("not drained within %d s; what is in hand becomes visible when its lease ends", drain_timeout_s)
        os._exit(1)

    def stop(number: int, _frame: FrameType | None) -> None:
        log.info("%s: draining for at most %d s", signal.Signals(number).name, drain_timeout_s)
        timer = threading.Timer(drain_timeout_s, give_up)
        timer.daemon = True
        timer.start()
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
