"""
Malformed messages against `decode`: each must become events, or a reject that gives a reason and quotes no value.

    python -m tests.fuzz [--count 100000] [--seed 1]

Small messages of at most 64 KiB are mutated by chance, large ones of 1 MiB are the worst of their kind. Times are CPU
seconds of this thread, the best of three where the first was too long. Exit 3: a promise is broken, or a time is.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from rich.progress import track

from tests.helpers import NOW, plain_event
from tests.malformed import CANARY, LARGE_BYTES, Body, giants, mutants
from worker.decode import decode
from worker.errors import REASONS, Reject

SMALL_MS: Final = 20.0
LARGE_MS: Final = 100.0
NEEDED: Final = tuple(name for name in plain_event() if name not in ("event_id", "event_time", "customer_id"))


class Verdict(NamedTuple):
    """The reason for each event, empty for one that is accepted; and which promise is broken, if one is."""

    reasons: tuple[str, ...]
    broken: str | None


def judge(body: bytes) -> Verdict:
    """Decode a message, and hold what comes of it against what is promised."""
    return verdict_on(decoded(body))


def decoded(body: bytes) -> Sequence[object]:
    """Return what comes of a message; of one that fails unforeseen, the error."""
    try:
        return decode(body, NEEDED, NOW)
    except Reject as reject:
        return [reject]
    except Exception as error:  # noqa: BLE001  that there is none is what is promised
        return [error]


def verdict_on(found: Sequence[object]) -> Verdict:
    """Hold what came of a message against what is promised."""
    if found and isinstance(found[0], Exception) and not isinstance(found[0], Reject):
        return Verdict((), f"decode raised {found[0]!r}")
    rejects = [case for case in found if isinstance(case, Reject)]
    broken = next((fault for reject in rejects if (fault := broken_by(reject))), None)
    broken = broken if found else "decode found nothing, and did not say so"
    return Verdict(tuple(case.reason if isinstance(case, Reject) else "" for case in found), broken)


def broken_by(reject: Reject) -> str | None:
    """Say which promise a reject breaks, or None: it has a fault, each with a known reason, and none quotes a value."""
    if not reject.faults:
        return "a reject without a fault"
    if unknown := {fault.reason for fault in reject.faults} - set(REASONS):
        return f"no such reason: {unknown}"
    if not all(fault.repair for fault in reject.faults):
        return "a fault without a repair"
    return "a fault quotes a value" if str(CANARY) in f"{reject} {reject.faults}" else None


class Total(NamedTuple):
    """What came of many messages; the slowest first."""

    messages: int
    reasons: Counter[str]
    broken: list[str]
    slowest: list[tuple[float, str]]


def main() -> None:
    """Run by the command line's arguments, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    small = run(mutants(arguments.count, arguments.seed), arguments.count, SMALL_MS)
    large_ones = list(giants(LARGE_BYTES))
    large = run(large_ones, len(large_ones), LARGE_MS)
    broken = small.broken + large.broken
    right = not broken and small.slowest[0][0] <= SMALL_MS and large.slowest[0][0] <= LARGE_MS
    print(json.dumps({"right": right, "broken": broken[:10], "small": shown(small), "large": shown(large)}))
    sys.exit(0 if right else 3)


def run(bodies: Iterable[Body], count: int, limit_ms: float) -> Total:
    """Judge and time each message."""
    reasons: Counter[str] = Counter()
    broken: list[str] = []
    times: list[tuple[float, str]] = []
    for kind, body in track(bodies, "decoding", count, transient=True):
        verdict, took_ms = timed(body)
        if took_ms > limit_ms:
            took_ms = min(took_ms, *(timed(body)[1] for _ in range(2)))
        reasons.update(verdict.reasons)
        times = sorted([*times, (took_ms, kind)], reverse=True)[:3]
        if verdict.broken is not None:
            broken.append(f"{kind}: {verdict.broken}")
    return Total(count, reasons, broken, times)


def timed(body: bytes) -> tuple[Verdict, float]:
    """Judge a message, and say how many milliseconds of CPU its decoding took."""
    started = time.thread_time()
    found = decoded(body)
    took_ms = 1000 * (time.thread_time() - started)
    return verdict_on(found), took_ms


def shown(total: Total) -> dict[str, Any]:
    """Return a total as JSON shows it."""
    slowest = [{"ms": round(took_ms, 1), "kind": kind} for took_ms, kind in total.slowest]
    rejected = {reason: count for reason, count in total.reasons.most_common() if reason}
    return {"messages": total.messages, "accepted_events": total.reasons[""], "rejected": rejected, "slowest": slowest}


if __name__ == "__main__":
    main()
