"""
Events per second and CPU of the worker on SQS, DynamoDB and SNS, which a process beside it stands in for.

    python benchmarks/aws.py [--events 20000] [--mode both|store|topic|start] [--latency-ms 0] [--json]

The worker and its boto3 are the real ones, over HTTP on 127.0.0.1; the other side is `stub_aws.py`, in its own process.
So `cpu_seconds_per_1000` is what a pod needs of a core (TLS comes on top), and the rate is what it then does when no
call takes longer than the latency. `--mode start` measures the start instead: from the process to ready, with the CPU
seconds of the worker and of the child that tries the pickle first.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from leadline.demo.model import demo_bundle
from leadline.sample import cloud_event, sample_customers, sample_events
from worker.configuration import load_settings
from worker.outcome import Outcome
from worker.service import Worker

WORKER: Final = [sys.executable, __file__]
STUB: Final = Path(__file__).with_name("stub_aws.py")
STORE, TOPIC = "dynamodb://leadline-decisions", "arn:aws:sns:eu-west-1:111122223333:leadline-leads"
PLACES: Final = {"both": (STORE, TOPIC), "store": (STORE, "none"), "topic": ("none", TOPIC)}


def main() -> None:
    """Measure one mode, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--mode", choices=[*PLACES, "start"], default="both")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(work()))
        return
    bundle = demo_bundle(Path("build/demo"))
    with tempfile.TemporaryDirectory() as folder, stub(Path(folder), arguments.events, arguments.latency_ms) as url:
        environ = environment(url, "both" if arguments.mode == "start" else arguments.mode, *bundle)
        result = start(environ) if arguments.mode == "start" else measure(environ, arguments.events)
    result |= {"latency_ms": arguments.latency_ms, "load_average": os.getloadavg()[0]}
    print(
        json.dumps(result)
        if arguments.json
        else "\n".join(f"{name:24} {value:10,.3f}" for name, value in result.items())
    )


@contextmanager
def stub(folder: Path, events: int, latency_ms: float) -> Iterator[str]:
    """Run the other side over so many events, and yield its URL."""
    file = folder / "events.jsonl"
    made = sample_events(list(sample_customers(events)), "bench", datetime(2026, 1, 1, tzinfo=UTC))
    file.write_bytes(b"\n".join(cloud_event(event) for event in made))
    command = [sys.executable, str(STUB), "--events", str(file), "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip() if process.stdout else ''}"
        finally:
            process.terminate()


def environment(url: str, mode: str, bundle: Path, public_key: Path) -> dict[str, str]:
    """Return the environment of a worker that calls the other side."""
    store, topic = PLACES[mode]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("LEADLINE_", "AWS_"))},
        "AWS_ENDPOINT_URL": url, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "LEADLINE_QUEUE": f"{url}/111122223333/leadline-events", "LEADLINE_STORE": store, "LEADLINE_TOPIC": topic,
        "LEADLINE_MODEL": str(bundle), "LEADLINE_PUBLIC_KEY": str(public_key), "LEADLINE_HTTP_PORT": "0",
        "LOG_LEVEL": "WARNING",
    }  # fmt: skip


def measure(environ: dict[str, str], events: int) -> dict[str, float]:
    """Run a worker until the queue is empty; the first tenth warms up and is not counted."""
    done = subprocess.run(
        [sys.executable, __file__, "--worker"], env=environ, stdout=subprocess.PIPE, check=True, text=True
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if result["events"] != events:
        sys.exit(f"{result['events']} of {events} events were applied: nothing was measured")
    return result


def work() -> dict[str, float]:
    """Be the worker, by the environment, until the queue gives nothing more."""
    settings = load_settings(os.environ, for_worker=True).settings
    marks: list[tuple[int, float, float]] = []
    applied = 0

    def tell(outcomes: list[Outcome]) -> None:
        nonlocal applied
        applied += sum(outcome.kind == "applied" for outcome in outcomes)
        marks.append((applied, time.perf_counter(), time.process_time()))

    with Worker(settings) as worker:
        worker.run(once=True, tell=tell)
    first, last = marks[len(marks) // 10], marks[-1]
    return {
        "events": applied,
        "events_per_second": (last[0] - first[0]) / (last[1] - first[1]),
        "cpu_seconds_per_1000": (last[2] - first[2]) / (last[0] - first[0]) * 1000,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def start(environ: dict[str, str]) -> dict[str, float]:
    """Start a worker from nothing, stop it once it is ready, and tell how long that took and what it cost."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {**environ, "LEADLINE_HTTP_PORT": str(port)}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "worker"], env=environ) as process:
        while not is_ready(port) and process.poll() is None:
            time.sleep(0.02)
        ready = time.perf_counter() - begun
        process.terminate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds_to_ready": ready, "cpu_seconds_to_ready": cpu}


def is_ready(port: int) -> bool:
    """Ask the probe."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()
