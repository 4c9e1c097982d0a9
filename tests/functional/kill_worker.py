"""
Kill real workers at random moments, again and again, and hold what is left against what was sent.

    python -m tests.functional.kill_worker [--aws] [--kills 200] [--events 10000] [--seed 1]

Each worker is a process of its own on the embedded queue, store and topic, or with `--aws` on SQS, DynamoDB and SNS of
a moto in this process. Three are there at a time, working or starting; the oldest is killed with SIGKILL somewhere in
its share of the events, which are sent while the workers die. Beyond 5,000 events the customers come round again, with
newer ones. At the end one worker runs until the queue is empty.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from leadline.demo.model import demo_bundle
from leadline.demo.places import Place, embedded, look
from leadline.demo.plan import Plan, Planned, make_plan
from ports import Queue, Transport
from tests.functional.queue_watch import MotoWatch, Watch
from tests.functional.serial_moto import serial_moto
from tests.functional.verdict import judge
from tests.functional.workers import LEASE_S, PATIENCE_S, RETRY_CAP_S, Fleet, clean_environ

AT_ONCE: Final = 3
BATCH: Final = 10
IDLE_S: Final = LEASE_S + 2
"""After so long without progress there is nothing to kill a worker in the middle of."""


def main() -> None:
    """Run by the command line's arguments, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aws", action="store_true")
    parser.add_argument("--transport", choices=["boto3", "direct"], default="boto3")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bundle, public_key = demo_bundle(Path("build/demo"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        where = on_aws() if arguments.aws else on_files(folder)
        how = (arguments.events, arguments.kills, arguments.seed, arguments.transport)
        found = kill_and_look(where, folder, bundle, public_key, *how)
    print(json.dumps(found))
    sys.exit(0 if found["right"] else 3)


Where = AbstractContextManager[tuple[Place, Watch]]
"""A place with a queue to look into."""


@contextmanager
def on_files(folder: Path) -> Iterator[tuple[Place, Watch]]:
    """Make the embedded queues in a folder."""
    place = embedded(folder)
    with Watch(place.queue) as watch:
        yield place, watch


@contextmanager
def on_aws() -> Iterator[tuple[Place, Watch]]:
    """Serve queues, table and topic from this process."""
    with serial_moto() as (moto, _, place), MotoWatch(moto, place.queue) as watch:
        yield place, watch


def kill_and_look(  # noqa: PLR0917  a test names them
    where: Where,
    folder: Path,
    bundle: Path,
    public_key: Path,
    events: int,
    kills: int,
    seed: int,
    transport: Transport = "boto3",
) -> dict[str, Any]:
    """
    Send the demo's events, kill workers at random moments, let one finish, and look.

    Args:
        where: Where to do so.
        folder: For the logs of the workers.
        bundle: The model.
        public_key: What its signature is checked with.
        events: How many events.
        kills: How many workers.
        seed: Of the moments.
        transport: How the workers call AWS.

    Returns:
        What the audit found. `left_behind`: how many messages died with their workers; `longest_invisible_s`: how far
        any message's return was ahead at most. `right`: every check of `judge` holds, nothing was invisible for longer
        than its lease, all that the dead held was visible when the last lease had ended, and no worker logged an error.
    """
    started, chance = time.monotonic(), random.Random(seed)  # noqa: S311  moments, no secrets
    plan = make_plan(events)
    with where as (place, watch):
        environ = worker_environ(place, bundle, public_key) | {"LEADLINE_TRANSPORT": transport}
        with Fleet(environ, folder / "logs", AT_ONCE) as fleet:
            sent, killed = kill_all(plan, place, kills, chance, watch, fleet)
            fleet.kill()
        all_visible = becomes_visible(watch)
        finish(place, environ, watch)
        checks, counts = judge(plan, sent, look(place))
        checks |= {
            "leases_kept": watch.longest_invisible_s <= max(LEASE_S, RETRY_CAP_S),
            "all_visible": all_visible,
            "no_error_logged": fleet.errors == [],
        }
        watched = {
            "left_behind": len(watch.left_behind),
            "longest_invisible_s": round(watch.longest_invisible_s, 3),
            "most_receives": watch.most_receives,
        }
    seconds = round(time.monotonic() - started, 1)
    return {"right": all(checks.values()), "kills": killed, "seconds": seconds, **checks, **watched, **counts}


def worker_environ(place: Place, bundle: Path, public_key: Path) -> dict[str, str]:
    """Return the environment of a worker: small batches, so that there are many moments; short leases; no waiting."""
    return clean_environ(
        LEADLINE_QUEUE=place.queue,
        LEADLINE_QUARANTINE=place.quarantine,
        LEADLINE_STORE=place.store,
        LEADLINE_TOPIC=place.topic,
        LEADLINE_MODEL=str(bundle),
        LEADLINE_PUBLIC_KEY=str(public_key),
        LEADLINE_BATCH_MAX_SIZE=str(BATCH),
        LEADLINE_VISIBILITY_TIMEOUT_S=str(LEASE_S),
        LEADLINE_WAIT_TIME_S="0",
        LEADLINE_RETRY_CAP_S=str(RETRY_CAP_S),
        LEADLINE_HTTP_PORT="0",
    )


def kill_all(
    plan: Plan, place: Place, kills: int, chance: random.Random, watch: Watch, fleet: Fleet
) -> tuple[Mapping[str, Planned], int]:
    """Send share by share, and kill a worker in each. Return what was sent, and how many were alive when killed."""
    sent: dict[str, Planned] = {}
    queue, killed = place.open(place.queue), 0
    for share in shares(plan, kills):
        worker = fleet.oldest()
        sent |= send(share, queue)
        wait_for_progress(watch, chance.randint(0, len(share.messages)))
        time.sleep(chance.uniform(0, 0.02))
        killed += worker.kill()
        watch.look()
        watch.look_for_the_left_behind()
    return sent, killed


def shares(plan: Plan, count: int) -> Iterator[Plan]:
    """Cut the plan into so many parts, in order."""
    total = len(plan.messages)
    for number in range(count):
        yield plan._replace(messages=plan.messages[total * number // count : total * (number + 1) // count])


def send(plan: Plan, queue: Queue) -> dict[str, Planned]:
    """Put the messages on the queue. Return them by the ids that it gave them."""
    ids = queue.send([message.body for message in plan.messages])
    sent = {message_id: message for message_id, message in zip(ids, plan.messages, strict=True) if message_id}
    assert len(sent) == len(plan.messages), f"{queue.url} did not take all"
    return sent


def wait_for_progress(watch: Watch, messages: int) -> None:
    """Wait until so many messages more are done, unless nothing moves any more."""
    goal = max(watch.look() - messages, 0)
    smallest, moved_at = goal + messages + 1, time.monotonic()
    while (waiting := watch.look()) > goal and time.monotonic() - moved_at < IDLE_S:
        if waiting < smallest:
            smallest, moved_at = waiting, time.monotonic()
        time.sleep(0.001)


def becomes_visible(watch: Watch) -> bool:
    """With no worker alive: tell whether all is visible when the last lease has ended, and what was left behind."""
    time.sleep(LEASE_S)
    watch.look_for_the_left_behind()
    return watch.invisible() == 0


def finish(place: Place, environ: Mapping[str, str], watch: Watch) -> None:
    """Let workers run until the queue is empty."""
    give_up = time.monotonic() + PATIENCE_S
    while watch.look() and time.monotonic() < give_up:
        command = [sys.executable, "-m", "leadline", "worker", "--once"]
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert watch.look() == 0, f"{place.queue} is not empty"


if __name__ == "__main__":
    main()
