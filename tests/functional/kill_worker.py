"""
Kill a real worker at random moments, again and again, and hold what is left against what was sent.

    python -m tests.functional.kill_worker [--kills 20] [--events 5000] [--seed 1]

Each worker is a process of its own on the embedded queue, killed with SIGKILL once it has begun to store. At the end
one worker runs until the queue is empty.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from leadline.demo.audit import audit
from leadline.demo.model import demo_bundle
from leadline.demo.places import Place, embedded, look
from leadline.demo.plan import make_plan
from leadline.demo.run import send

LEASE_S: Final = 6
"""The shortest that the settings allow: what a killed worker held is visible again so soon."""

WITHDRAWN: Final = "bank.lead.withdrawn.v1"
START_S: Final = 60


def main() -> None:
    """Run by the command line's arguments, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bundle, public_key = demo_bundle(Path("build/demo"))
    with tempfile.TemporaryDirectory() as folder:
        found = kill_and_look(Path(folder), bundle, public_key, arguments.events, arguments.kills, arguments.seed)
    print(json.dumps(found))
    sys.exit(0 if found["right"] else 3)


def kill_and_look(folder: Path, bundle: Path, public_key: Path, events: int, kills: int, seed: int) -> dict[str, Any]:
    """
    Send the demo's events, kill workers at random moments, let one finish, and look.

    Returns:
        What the audit found; `right`: each customer is stored once, at their newest version, the topic read by id holds
        each lead of the store once, and all copies of a lead are equal.
    """
    plan, place, chance = make_plan(events), embedded(folder), random.Random(seed)  # noqa: S311  moments, no secrets
    sent = send(plan, place)
    environ = worker_environ(place, bundle, public_key)
    killed = sum(kill_one(place, environ, chance) for _ in range(kills))
    finish(place, environ)
    found = look(place)
    result = audit(sent, found)
    copies: dict[str, set[str]] = {}
    for lead in found.leads:
        copies.setdefault(lead.id, set()).add(lead.model_dump_json())
    current = {m.customer_id: (m.event_time, m.event_id) for m in plan.messages if m.kind == "current"}
    stored = {name: row.decision for name, row in found.stored.items()}
    newest = {name: (decision.event_time[:23], decision.event_id) for name, decision in stored.items()}
    leads_stored = {name for name, decision in stored.items() if decision.lead}
    checks = {
        "newest": newest == {name: (time[:23], event_id) for name, (time, event_id) in current.items()},
        "copies_equal": all(len(bodies) == 1 for bodies in copies.values()),
        "leads_published": leads_stored == {lead.subject for lead in found.leads if lead.type != WITHDRAWN},
        "nothing_lost": result.lost == 0 and result.waiting == 0,
    }
    return {"kills": killed, "right": all(checks.values()), **checks, **result._asdict()}


def worker_environ(place: Place, bundle: Path, public_key: Path) -> dict[str, str]:
    """Return the environment of a worker on the embedded ports: small batches, short leases, no waiting."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LEADLINE_", "COV"))} | {
        "LEADLINE_QUEUE": place.queue,
        "LEADLINE_QUARANTINE": place.quarantine,
        "LEADLINE_STORE": place.store,
        "LEADLINE_TOPIC": place.topic,
        "LEADLINE_MODEL": str(bundle),
        "LEADLINE_PUBLIC_KEY": str(public_key),
        "LEADLINE_BATCH_MAX_SIZE": "20",
        "LEADLINE_VISIBILITY_TIMEOUT_S": str(LEASE_S),
        "LEADLINE_WAIT_TIME_S": "0",
        "LEADLINE_RETRY_CAP_S": "1",
        "LEADLINE_HTTP_PORT": "0",
        "LOG_LEVEL": "ERROR",
    }


def kill_one(place: Place, environ: Mapping[str, str], chance: random.Random) -> bool:
    """Start a worker, wait until it has stored something, and kill it a moment later. False: it was done before."""
    before = versions(place)
    worker = subprocess.Popen([sys.executable, "-m", "worker"], env=environ)
    give_up = time.monotonic() + START_S
    while versions(place) == before and worker.poll() is None and time.monotonic() < give_up and waiting(place):
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.15))
    alive = worker.poll() is None
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    return alive


def finish(place: Place, environ: Mapping[str, str]) -> None:
    """Let workers run until the queue is empty, leases of the dead included."""
    while waiting(place):
        command = [sys.executable, "-m", "leadline", "worker", "--once"]
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
        time.sleep(0.5)


def waiting(place: Place) -> int:
    """Count the messages that are on the queue, visible or not."""
    return count(place.queue, "SELECT count(*) FROM message")


def versions(place: Place) -> int:
    """Count the customers that are stored."""
    return count(place.store, "SELECT count(*) FROM customer")


def count(url: str, query: str) -> int:
    """Ask a file of the embedded ports, if it is there."""
    file = url.removeprefix("sqlite:///")
    if not Path(file).exists():
        return 0
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute(query).fetchone()[0])
        except sqlite3.OperationalError:  # the worker is just making the table
            return 0


if __name__ == "__main__":
    main()
