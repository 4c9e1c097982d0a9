"""
Events per second and memory of the worker on the embedded default.

    python benchmarks/embedded.py [--events 300000] [--json]

The customers of the real data come round again as new events, so that all that a worker does is done for each:
receive, decode, score, store, publish, delete. The first tenth warms up and is not counted.
"""

import argparse
import json
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leadline.demo.model import demo_bundle
from leadline.demo.places import embedded
from leadline.sample import cloud_event, sample_customers, sample_events
from ports import open_queue
from worker.outcome import Outcome
from worker.service import Worker
from worker.settings import Settings

ROUND = 5000


def main() -> None:
    """Measure, and print a line for each tenth and one for the whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    bundle, public_key = demo_bundle(Path("build/demo"))
    with tempfile.TemporaryDirectory() as folder:
        result = measure(arguments.events, Path(folder), bundle, public_key)
    if arguments.json:
        print(json.dumps(result))


def measure(events: int, folder: Path, bundle: Path, public_key: Path) -> dict[str, float]:
    """Queue the events, run a worker over them, and return what it took."""
    place = embedded(folder)
    queue = open_queue(place.queue)
    for bodies in rounds(events):
        if None in queue.send(bodies):
            sys.exit(f"{place.queue} did not take every event: nothing was measured")
    settings = Settings(
        queue=place.queue, quarantine=place.quarantine, store=place.store, topic=place.topic, model=str(bundle),
        public_key=public_key, wait_time_s=0, http_port=0,
    )  # fmt: skip
    marks: list[tuple[int, float, float, float]] = []
    handled = 0

    def tell(outcomes: list[Outcome]) -> None:
        nonlocal handled
        handled += len(outcomes)
        if handled * 10 >= events * (len(marks) + 1):
            marks.append((handled, time.perf_counter(), time.process_time(), rss_mb()))
            if len(marks) > 1:
                report(marks)

    with Worker(settings) as worker:
        worker.run(once=True, tell=tell)
    first, last = marks[0], marks[-1]
    result = {
        "events": handled,
        "events_per_second": (last[0] - first[0]) / (last[1] - first[1]),
        "cpu_seconds_per_1000": (last[2] - first[2]) / (last[0] - first[0]) * 1000,
        "rss_mb_after_first_tenth": first[3],
        "rss_mb_at_the_end": last[3],
        "load_average": os.getloadavg()[0],
    }
    total = f"{result['events_per_second']:9,.0f} events/s, {result['cpu_seconds_per_1000']:.3f} CPU s per 1,000"
    print(f"      all {total}, load average {result['load_average']:.1f}", file=sys.stderr)
    if depth := sum(queue.depth()):
        sys.exit(f"{depth} messages are still on the queue: nothing was measured")
    return result


def rounds(events: int) -> Iterator[list[bytes]]:
    """Yield the events in rounds over the customers; each round is an hour later."""
    customers = list(sample_customers(ROUND))
    for number, begin in enumerate(range(0, events, ROUND)):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
        round_ = customers[: min(ROUND, events - begin)]
        yield [cloud_event(event) for event in sample_events(round_, f"bench-{number}", moment)]


def report(marks: list[tuple[int, float, float, float]]) -> None:
    """Print the last tenth."""
    (before, t0, c0, _), (now, t1, c1, memory) = marks[-2:]
    rate, cpu = (now - before) / (t1 - t0), (c1 - c0) / (now - before) * 1000
    print(f"{now:9,} {rate:9,.0f} events/s, {cpu:.3f} CPU s per 1,000, {memory:6.1f} MB", file=sys.stderr)


def rss_mb() -> float:
    """Return the memory that the process holds now; its greatest so far where the system does not tell."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
