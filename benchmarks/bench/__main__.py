"""
Leadline beside other consumers of the same queue: CPU, events per second, memory, start, latency.

    python -m benchmarks.bench [--quick] [--only d,direct] [--rounds 5] [--json FILE] [--write docs/performance.md]

The other side is a process of its own that answers as SQS, SNS, DynamoDB and STS do, from replies written beforehand,
so that only the client is measured; client and stand-in have a core each. Consumers take turns within a round, and what
counts is the median of their ratios within the rounds. Whatever is lost or left fails the run. Exit 1: a figure that
must be reached is not.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.bench import starts
from benchmarks.bench.certificate import make_certificate
from benchmarks.bench.consumer import PYTHON
from benchmarks.bench.cores import pin
from benchmarks.bench.customers import Crowd, Events, write_events
from benchmarks.bench.figures import figures
from benchmarks.bench.models import Model, forest, vote
from benchmarks.bench.report import machine, markdown, plot, write_into
from benchmarks.bench.run import measure
from benchmarks.bench.scoring import scoring
from benchmarks.bench.table import BY_NAME
from propensity.bundle import load
from worker.settings import Settings

SETTINGS: Final[Mapping[str, tuple[float, bool, tuple[str, ...]]]] = {
    "0 ms": (0, False, tuple(BY_NAME)),
    "10 ms": (10, False, ("d", "boto3", "direct", "d-store", "direct-store")),
    "0 ms with TLS": (0, True, ("d", "boto3", "direct")),
}
"""Latency of each call in ms, whether over TLS, and who is measured so."""
_STARTS: Final = 3
_IDLE_S: Final = 20.0
_ONE_BY_ONE: Final = 300


def main() -> None:
    """Measure, and tell."""
    arguments = parsed()
    pin("consumer")
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        result = measured(arguments, Path(folder))
    result |= {"load": (load_before, os.getloadavg()[0]), "count": arguments.rounds, "machine": machine()}
    result["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
    tell(result, arguments)
    if not arguments.report_only and any(one.verdict == "MISSED" for one in figures(result)):
        sys.exit(1)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"some consumers, with commas between: {', '.join(BY_NAME)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--settings", help=f"some settings, with commas between: {', '.join(SETTINGS)}")
    parser.add_argument(
        "--quick", action="store_true", help="two rounds of a third of the events: a look, no measurement"
    )
    parser.add_argument("--report-only", action="store_true", help="exit 0 also where a figure is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into a page, between its marks")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if not PYTHON.exists():
        parser.error(f"{PYTHON} is not there, which the consumers run in; make bench makes it, from the project's root")
    if arguments.quick:
        arguments.rounds = 2
    return arguments


def measured(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure all that was asked for."""
    model = forest()
    bundle = load(model.bundle, model.public_key)
    crowd = Crowd(bundle.model, bundle.feature_names, bundle.manifest.threshold)
    wanted = arguments.only.split(",") if arguments.only else list(BY_NAME)
    chosen = arguments.settings.split(",") if arguments.settings else list(SETTINGS)
    share = 0.34 if arguments.quick else 1.0
    events = {name: _events(folder, name, crowd, share) for name in wanted}
    result: dict[str, Any] = {"rounds": {}}
    for setting in chosen:
        latency_ms, over_tls, who = SETTINGS[setting]
        certificate = make_certificate(folder) if over_tls else None
        names = [name for name in who if name in wanted]
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for number in range(arguments.rounds):
            for name in names:
                _say(f"{setting}, round {number + 1} of {arguments.rounds}: {BY_NAME[name].title}")
                runs[name].append(measure(BY_NAME[name], events[name], model, latency_ms, certificate)._asdict())
        result["rounds"][setting] = runs
    if {"d", "direct"} <= set(wanted) and arguments.settings is None:
        result |= _single(folder, crowd, model)
    return result


def _events(folder: Path, name: str, crowd: Crowd, share: float) -> Events:
    who = BY_NAME[name]
    count = max(who.pack * 20, round(who.events * share / who.pack) * who.pack)
    return write_events(folder / name, crowd, count, pack=who.pack)


def _single(folder: Path, crowd: Crowd, model: Model) -> dict[str, Any]:
    """Measure what is of one consumer and one event: start, idle, latency; and scoring."""
    lead = write_events(folder / "lead", crowd, 1, lead_share=1.0)
    static, token = (starts.keys(folder, web_identity=one) for one in (False, True))
    found: dict[str, Any] = {}
    for name, who, keys, idle_s in (
        ("d", "d", static, 0.0), ("direct", "direct", static, _IDLE_S), ("direct_web_identity", "direct", token, 0.0),
    ):  # fmt: skip
        _say(f"start: {name}")
        some = [starts.start(BY_NAME[who], lead, model, keys, idle_s if one == 0 else 0) for one in range(_STARTS)]
        found[name] = starts.median_start(some)._asdict() | {"idle_share": some[0].idle_share}
    _say("one at a time")
    times = starts.latencies_ms(
        BY_NAME["direct"], write_events(folder / "leads", crowd, _ONE_BY_ONE, lead_share=1.0), model
    )
    _say("scoring")
    wait_ms = Settings().batch_max_wait_ms
    latency = {"p50_ms": starts.percentile(times, 0.5), "p99_ms": starts.percentile(times, 0.99), "wait_ms": wait_ms}
    return {"start": found, "latency": latency, "scoring": scoring(vote())}


def tell(result: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    """Print the tables, and write what is to be written."""
    text = markdown(result)
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    if arguments.write:
        write_into(arguments.write, text)
    if arguments.plot and "0 ms" in result["rounds"]:
        plot(result, arguments.plot)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
