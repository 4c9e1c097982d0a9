"""`leadline simulate`: the worker itself against simulated services, in virtual time, with faults."""

import os
import time
from collections.abc import Mapping
from typing import Final

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from leadline.output import Failed, console_for, emit, json_option, progress_console
from simulation import crashes
from simulation.faults import EXPLAINED
from simulation.many import Total, simulate_many
from simulation.oracle import FILE as SUBSCRIBER
from simulation.seeds import simulate as simulate_seed
from simulation.soak import slope_bytes
from simulation.soak import soak as one_life
from simulation.world import Violation

_FOUND: Final = {
    "applied": "events stored (without a store: published)",
    "duplicate": "came again after they had been stored; what was decided then was published again",
    "superseded": "came after a newer event of their customer",
    "quarantined": "set aside with a reason, copies of one key included",
    "bad events": "planted as bad, and found under their reason",
    "retried": "not done, and left on the queue for another time",
    "dead-lettered": "messages received too often",
    "redriven": "messages put back from the dead letters, or from the quarantine after a wrong clock",
    "leads": "on the topic, read by id",
    "copies": "on the topic, dropped by id",
    "processes": "workers started",
}
_SHOWN_FAILURES: Final = 5
_LONG_LIFE: Final = 1_000_000
_SLOPE_PER: Final = 100_000
_MOST_SLOPE_MIB: Final = 1.0


@click.command
@click.option("--seeds", type=click.IntRange(min=1), default=100, show_default=True, help="How many seeds to run.")
@click.option("--events", type=click.IntRange(min=1), default=100, show_default=True, help="Events of each seed.")
@click.option(
    "--fault-rate",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Highest share of calls that meet a fault; each seed draws its own below it.",
)
@click.option("--first-seed", type=click.IntRange(min=0), default=0, show_default=True, help="Where to begin.")
@click.option("--jobs", type=click.IntRange(min=1), help="How many cores; by default all.")
@click.option("--trace", is_flag=True, help="Print every step of the first seed, and run no other.")
@click.option("--crash-everywhere", is_flag=True, help="Instead: a small job, with a crash at every point and pair.")
@click.option(
    "--soak", is_flag=True, help="Instead: one worker, a million events, a million empty receives; its memory."
)
@json_option
def simulate(
    *,
    seeds: int,
    events: int,
    fault_rate: float,
    first_seed: int,
    jobs: int | None,
    trace: bool,
    crash_everywhere: bool,
    soak: bool,
    as_json: bool,
) -> int:
    """
    Run the worker's own code in virtual time against a queue, a store and a topic that fail, and check every promise.

    Duplicates, other orders, lost replies, throttling, half-failed batches, ended leases, stale receipts, crashes at
    any point, SIGTERM, two workers, other models, wrong clocks. Then all is healed and redriven, and queue, store and a
    subscriber must hold what docs/decisions/0002-delivery.md promises. A broken promise: exit 3, and how to replay it.
    """
    if not SUBSCRIBER.is_file():
        raise Failed(f"{SUBSCRIBER} is not there, and it is the judge of the topic; simulate in a checkout of Leadline")
    console = console_for(as_json=as_json)
    if crash_everywhere:
        return _crash_everywhere(console, as_json=as_json)
    if soak:
        return _soak(console, as_json=as_json)
    if trace:
        return _trace(first_seed, events, fault_rate)
    started = time.monotonic()
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=progress_console()) as progress:
        bar = progress.add_task("seeds", total=seeds)
        total = simulate_many(
            range(first_seed, first_seed + seeds),
            events,
            fault_rate,
            jobs=min(jobs or os.cpu_count() or 1, seeds),
            tell=lambda part: progress.advance(bar, part.seeds),
        )
    seconds = round(time.monotonic() - started, 1)
    replays = {failure.seed: _replay(failure.seed, events, fault_rate) for failure in total.failures}
    _show(console, total, events, seconds)
    for failure in total.failures[:_SHOWN_FAILURES]:
        console.print(f"\n{failure.story}\nreplay it: {replays[failure.seed]}", soft_wrap=True)
    asked = {"seeds": seeds, "events": seeds * events, "fault_rate": fault_rate, "first_seed": first_seed}
    emit(asked | {"seconds": seconds} | _result(total, replays), as_json=as_json)
    return 3 if total.failures else 0


def _result(total: Total, replays: Mapping[int, str]) -> dict[str, object]:
    return {
        "virtual_seconds": round(total.virtual_s),
        "services": dict(total.modes),
        "injected": dict(total.injected),
        "found": dict(total.found),
        "violations": [
            {"seed": failure.seed, "broken": failure.broken, "replay": replays[failure.seed]}
            for failure in total.failures
        ],
    }


def _show(console: Console, total: Total, events: int, seconds: float) -> None:
    injected = Table("faults", "times", "what", title="injected", title_justify="left", box=None)
    for kind, text in EXPLAINED.items():
        injected.add_row(kind.replace("_", " "), f"{total.injected[kind]:,}", text)
    found = Table("found", "times", "what", title="\nfound", title_justify="left", box=None)
    for name, text in _FOUND.items():
        found.add_row(name, f"{total.found[name]:,}", text)
    console.print(injected, found)
    days = total.virtual_s / 86400
    services = ", ".join(f"{count:,} with {mode}" for mode, count in sorted(total.modes.items()))
    verdict = "every promise kept" if not total.failures else f"promises broken under {len(total.failures):,} seeds"
    console.print(
        f"\n{total.seeds:,} seeds of {events:,} events ({services}), {days:,.1f} virtual days in {seconds} s: {verdict}"
    )


def _replay(seed: int, events: int, fault_rate: float) -> str:
    return f"leadline simulate --trace --first-seed {seed} --events {events} --fault-rate {fault_rate:g}"


def _trace(seed: int, events: int, fault_rate: float) -> int:
    try:
        report = simulate_seed(seed, events=events, fault_rate=fault_rate)
    except Violation as violation:
        click.echo("\n".join(map(str, violation.trace)))
        click.echo(f"seed {seed}: {violation.broken}")
        return 3
    click.echo("\n".join(map(str, report.trace)))
    return 0


def _soak(console: Console, *, as_json: bool) -> int:
    """Let one worker live long, and see whether it grows: by 1 MiB for 100,000 events or receives, or by a thread."""
    started = time.monotonic()
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=progress_console()) as progress:
        bar = progress.add_task("events and receives", total=2 * _LONG_LIFE)
        life = one_life(_LONG_LIFE, _LONG_LIFE, lambda more: progress.advance(bar, more))
    slopes = {
        name: slope_bytes(samples, _SLOPE_PER) / 2**20 for name, samples in (("busy", life.busy), ("idle", life.idle))
    }
    threads = sorted({sample.threads for sample in (*life.busy, *life.idle)})
    grows = max(slopes.values()) >= _MOST_SLOPE_MIB or len(threads) > 1
    for name, what in (("busy", "events"), ("idle", "empty receives")):
        console.print(f"{_LONG_LIFE:,} {what}: {slopes[name]:+.2f} MiB for each {_SLOPE_PER:,}")
    outcomes = ", ".join(f"{number:,} {name}" for name, number in life.outcomes.items())
    days, seconds = life.virtual_s / 86400, round(time.monotonic() - started, 1)
    console.print(f"{outcomes}\n{days:,.1f} virtual days in {seconds} s; threads: {', '.join(map(str, threads))}")
    result = {
        "events": _LONG_LIFE,
        "empty_receives": _LONG_LIFE,
        "mib_per_100000": slopes,
        "threads": threads,
        "seconds": seconds,
    }
    emit(result | {"outcomes": life.outcomes, "grows": grows}, as_json=as_json)
    return 3 if grows else 0


def _crash_everywhere(console: Console, *, as_json: bool) -> int:
    """Try one crash at every point, and two at every pair of points."""
    result: dict[str, object] = {}
    try:
        for name, pairs in (("points", False), ("pairs", True)):
            with progress_console().status(f"a crash at each of the {name} ..."):
                done = crashes.crash_everywhere(pairs=pairs)
            result |= {"calls": done.calls, name: done.tried}
            console.print(f"a crash at each of {done.tried:,} {name} of {done.calls} calls: the same ending")
    except Violation as violation:
        console.print(str(violation), soft_wrap=True)
        result["broken"] = violation.broken
    emit(result, as_json=as_json)
    return 3 if "broken" in result else 0
