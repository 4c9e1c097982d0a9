"""
`python -m worker.check`: whether all is there that a worker needs, by the worker's real settings.

It loads the bundle as a worker does, asks each service for something harmless, and then watches that the dead letters
do not become more.
"""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ports import Queue, fetch_bundle, open_queue, open_store, open_topic
from propensity.bundle import MANIFEST, load
from schemas.decision import ModelId
from worker.configuration import load_settings
from worker.logs import set_up_logs
from worker.result import Check, Expected, Result, add_expected, finish
from worker.settings import Settings, SettingsError

POLL_S: Final = 5.0
_MAX_WATCH_S: Final = 600
_NOBODY: Final = "canary-no-such-customer"
_NO_MORE: Final = "no more dead letters"


def check(
    settings: Settings,
    watch_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    expected: Expected = Expected(),  # noqa: B008
) -> Result:
    """
    Check a worker's surroundings.

    Args:
        settings: A worker's; they name the queue's dead-letter queue.
        watch_s: How long to watch the dead letters.
        clock: Tells the time, in seconds.
        sleep: Waits between two looks, in seconds.
        expected: Which bundle it must find; with another one nothing else is looked at.

    Raises:
        BadAddress, BadBundle, BadKey, BundleError: As a worker's start.
        Unavailable: A service did not answer, or refused.
    """
    model, manifest_sha256 = _loaded(settings)
    found = expected.compared(model.sha256, manifest_sha256)
    if not all(one.holds for one in found):
        return Result(found, "")
    dead_letters = open_queue(settings.dlq or "")
    before = _count(dead_letters)
    waiting = open_queue(settings.queue or "").depth()
    store = open_store(settings.store, campaign=settings.campaign)
    if store is not None:
        store.get(_NOBODY)
    opened = _opened(settings)
    after = _watched(dead_letters, before, watch_s, clock, sleep)
    grown = f"{before} became {after}: `leadline dlq ls` shows them"
    answered = "queue, dead letters" + (", store" if store is not None else "")
    told = (
        f"model {model.name} {model.version} loads; {answered} answer; {opened} opened, without a call; "
        f"{waiting.visible} events wait; {after} dead letters, no more than {watch_s:g} s ago"
    )
    return Result([*found, Check("dead letters", _NO_MORE, _NO_MORE if after <= before else grown)], told)


def check_settings() -> Settings:
    """
    Read the settings of a worker that has a dead-letter queue to watch.

    Raises:
        SettingsError: They are not enough.
    """
    settings = load_settings(os.environ, for_worker=True).settings
    if settings.dlq is None:
        raise SettingsError(["LEADLINE_DLQ is not set; give the queue's dead-letter queue, which is watched"])
    return settings


def _loaded(settings: Settings) -> tuple[ModelId, str]:
    """Load the bundle as a worker does. Return the model, and the SHA-256 of its manifest."""
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        place = fetch_bundle(settings.model or "", Path(folder))
        model = load(place, None if settings.allow_unsigned else settings.public_key, settings.scorer).manifest.id
        return model, hashlib.sha256((place / MANIFEST).read_bytes()).hexdigest()


def _opened(settings: Settings) -> str:
    """Open what has no harmless call that a worker may make: to publish or to send is to do it."""
    open_topic(settings.topic)
    if settings.quarantine is None:
        return "topic"
    open_queue(settings.quarantine)
    return "topic and quarantine"


def _watched(
    queue: Queue, before: int, watch_s: float, clock: Callable[[], float], sleep: Callable[[float], object]
) -> int:
    """Return how many there are in the end, or as soon as two looks in a row find more: SQS counts roughly."""
    end, seen = clock() + watch_s, before
    while True:
        last, seen = seen, _count(queue)
        if min(last, seen) > before or (clock() >= end and seen <= before):
            return seen
        sleep(POLL_S)


def _count(queue: Queue) -> int:
    depth = queue.depth()
    return depth.visible + depth.in_flight


def main(argv: Sequence[str]) -> int:
    """Check by the environment, and return the exit code."""
    parser = argparse.ArgumentParser("python -m worker.check", description="Is all there that a worker needs?")
    parser.add_argument("--watch-s", type=int, default=60, metavar="N", help="0 to 600; 60 by default")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a line")
    add_expected(parser)
    asked = parser.parse_args(argv)
    if not 0 <= asked.watch_s <= _MAX_WATCH_S:
        parser.error(f"--watch-s is {asked.watch_s}: give 0 to {_MAX_WATCH_S}")

    def work() -> Result:
        settings = check_settings()
        set_up_logs(os.environ)
        return check(settings, asked.watch_s, expected=Expected(asked.expect_model, asked.expect_manifest))

    return finish("check", work, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
