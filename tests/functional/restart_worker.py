"""
Stop real workers under load, again and again, and hold what is left against what was sent.

    python -m tests.functional.restart_worker [--restarts 100] [--events 10000] [--seed 1]

Each worker is a process of its own on the embedded queue, told to stop by SIGTERM somewhere in its share of the events,
while thousands of messages wait. One works at a time; the next one is starting meanwhile.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from leadline.demo.model import demo_bundle
from leadline.demo.places import embedded, look
from leadline.demo.plan import make_plan
from tests.functional.kill_worker import finish, send, wait_for_progress, worker_environ
from tests.functional.queue_watch import Watch
from tests.functional.verdict import judge
from tests.functional.workers import LEASE_S, Fleet, Process

DRAIN_TIMEOUT_S: Final = 35
"""What a worker has by default from the signal to its end."""
MOST_RECEIVES: Final = 3


def main() -> None:
    """Run by the command line's arguments, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--restarts", type=int, default=100)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bundle, public_key = demo_bundle(Path("build/demo"))
    with tempfile.TemporaryDirectory() as folder:
        found = restart_and_look(Path(folder), bundle, public_key, arguments.events, arguments.restarts, arguments.seed)
    print(json.dumps(found))
    sys.exit(0 if found["right"] else 3)


def restart_and_look(
    folder: Path, bundle: Path, public_key: Path, events: int, restarts: int, seed: int
) -> dict[str, Any]:
    """
    Send the demo's events, stop workers at random moments, let one finish, and look.

    Returns:
        What the audit found, and the worst of all stops: `exit_code`; `exit_s`, from the signal to the end;
        `released_s`, from the signal until nothing was invisible; `received_after`, messages received after the signal
        was noticed; `most_receives` of any message. `right`: every check of `judge` holds, and no stop was bad.
    """
    started, chance = time.monotonic(), random.Random(seed)  # noqa: S311  moments, no secrets
    plan, place = make_plan(events), embedded(folder)
    environ = worker_environ(place, bundle, public_key)
    sent = send(plan, place.open(place.queue))
    with Watch(place.queue) as watch, Fleet(environ, folder / "logs", at_once=1) as fleet:
        stops = [stop_one(fleet.oldest(), watch, chance, events // restarts) for _ in range(restarts)]
        waiting = watch.look()
        finish(place, environ, watch)
        checks, counts = judge(plan, sent, look(place))
        worst = {name: max(stop[name] for stop in stops) for name in stops[0]}
        checks |= {
            "stops_clean": worst["exit_code"] == 0 and worst["received_after"] == 0 and worst["left_invisible"] == 0,
            "stops_in_time": worst["exit_s"] < DRAIN_TIMEOUT_S,
            "received_rarely": watch.most_receives <= MOST_RECEIVES,
            "no_error_logged": fleet.errors == [],
        }
    seconds = round(time.monotonic() - started, 1)
    watched = {"restarts": restarts, "waiting_at_the_last": waiting, "most_receives": watch.most_receives}
    return {"right": all(checks.values()), "seconds": seconds, **checks, **watched, **worst, **counts}


def stop_one(worker: Process, watch: Watch, chance: random.Random, share: int) -> dict[str, float]:
    """Stop a worker somewhere in its share, and say how it went. The queue is nobody else's meanwhile."""
    wait_for_progress(watch, chance.randint(0, share))
    time.sleep(chance.uniform(0, 0.02))
    worker.terminate()
    told_at = time.monotonic()
    worker.wait_for("draining")
    untouched = watch.untouched()
    while watch.invisible() and time.monotonic() - told_at < LEASE_S:
        time.sleep(0.001)
    released_s = time.monotonic() - told_at
    code = worker.exit_code(DRAIN_TIMEOUT_S)
    return {
        "exit_code": abs(code),
        "exit_s": round(time.monotonic() - told_at, 3),
        "released_s": round(released_s, 3),
        "received_after": untouched - watch.untouched(),
        "left_invisible": watch.invisible(),
    }


if __name__ == "__main__":
    main()
