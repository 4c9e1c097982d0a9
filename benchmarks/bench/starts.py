"""How a consumer starts, what it does while nothing comes, and how long one event takes by itself."""

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.bench.consumer import STATIC_KEYS, consumer, environment
from benchmarks.bench.customers import Events
from benchmarks.bench.models import Model
from benchmarks.bench.stand_in import stand_in
from benchmarks.bench.stub.meter import children_cpu_s, cpu_s
from benchmarks.bench.table import Who

_PATIENCE_S: Final = 120
_SETTLE_S: Final = 2.0


class Start(NamedTuple):
    """From the start of the process to the first lead at the topic, in seconds; then its share of a core while idle."""

    cpu_s: float
    wall_s: float
    idle_share: float


def keys(folder: Path, *, web_identity: bool) -> dict[str, str]:
    """Return static keys, or a token that they are given for."""
    if not web_identity:
        return STATIC_KEYS
    token = folder / "token"
    token.write_text("a.b.c", encoding="ascii")
    role = "arn:aws:iam::111122223333:role/leadline-worker"
    return {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_SESSION_NAME": "bench"}


def start(who: Who, lead: Events, model: Model, given: Mapping[str, str], idle_s: float = 0) -> Start:
    """Start a consumer on a queue of one lead; with `idle_s`, look at it afterwards for so long."""
    with stand_in(lead.file) as aws:
        begun = time.monotonic()
        with consumer(who, aws, environment(who, aws, model, given)) as process:
            aws.wait(process, lambda progress: bool(progress["published"]), _PATIENCE_S)
            mark = aws.ask("report")["marks"]["published"]
            cpu, wall = mark["cpu_s"] + mark["children_cpu_s"], mark["at_s"] - begun
            share = 0.0
            if idle_s:
                time.sleep(_SETTLE_S)
                before = cpu_s(process.pid) + children_cpu_s(process.pid)
                time.sleep(idle_s)
                share = (cpu_s(process.pid) + children_cpu_s(process.pid) - before) / idle_s
    return Start(cpu, wall, share)


def latencies_ms(who: Who, leads: Events, model: Model) -> list[float]:
    """Return how long each lead took from the queue to the topic, one at a time, rising, in milliseconds."""
    with stand_in(leads.file, one_by_one=True) as aws:
        with consumer(who, aws, environment(who, aws, model)) as process:
            aws.wait(process, lambda progress: bool(progress["finished"]), _PATIENCE_S)
        return sorted(1000 * one for one in aws.ask("report")["latencies_s"])


def percentile(rising: list[float], share: float) -> float:
    """Return the value below which this share lies."""
    return rising[min(len(rising) - 1, int(share * len(rising)))]


def median_start(starts: list[Start]) -> Start:
    """Return the median of each figure."""
    return Start(*(statistics.median(column) for column in zip(*starts, strict=True)))
