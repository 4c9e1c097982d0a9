"""A crash at every point of a small, fixed job: before, inside and after every call. All must end alike."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple

from schemas.event import utc_text
from simulation.cloud import Cloud
from simulation.events import Planted, Sent, message_of, planted, spoilt
from simulation.faults import CrashesAt
from simulation.invariants import check
from simulation.models import CAMPAIGN
from simulation.process import Variant
from simulation.run import Plan, run
from simulation.store import Row
from simulation.world import START, Violation, World
from worker.quarantine import read_record
from worker.settings import Settings

_WAVE_S: Final = 240.0
_RICH, _POOR = 220, 20


class Ending(NamedTuple):
    """What a run has come to: the table, the topic without copies, the quarantine without copies."""

    table: Mapping[str, Row]
    topic: frozenset[str]
    quarantine: frozenset[tuple[str, str, bytes]]


class Crashes(NamedTuple):
    """How many crashes, or pairs of crashes, were tried, and at how many calls."""

    tried: int
    calls: int


def crash_everywhere(*, pairs: bool = False, one_in: int = 1, variant: Variant = Variant()) -> Crashes:  # noqa: B008  a constant
    """
    Let the worker die at every point between two calls, and inside every batch, and compare the endings.

    Args:
        pairs: Let it die at any two points instead of at one.
        one_in: Try only one in so many.
        variant: What is run.

    Raises:
        Violation: A crash breaks a promise, or changes the table, the topic read by id, or the quarantine.
    """
    calm, calls = _ending({}, variant)
    tried = 0
    for cuts in islice(_plans(calls, variant, pairs=pairs), None, None, one_in):
        _compare(dict(cuts), calm, variant)
        tried += 1
    return Crashes(tried, len(calls))


def _plans(calls: Sequence[int], variant: Variant, *, pairs: bool) -> Iterator[tuple[tuple[int, int], ...]]:
    """Return each crash, or each pair: the second one at a call that is made because of the first."""
    for first in _points(calls):
        if not pairs:
            yield (first,)
            continue
        _, later = _ending(dict([first]), variant)
        yield from ((first, second) for second in _points(later) if second[0] > first[0])


def _points(calls: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return each call with each number of its entries that may have taken effect."""
    return ((call, cut) for call, entries in enumerate(calls) for cut in range(entries + 1))


def _compare(cuts: Mapping[int, int], calm: Ending, variant: Variant) -> None:
    where = ", ".join(f"call {call} after {cut} entries" for call, cut in cuts.items())
    try:
        ending, _ = _ending(cuts, variant)
    except Violation as violation:
        raise Violation(0, f"crashes at {where}: {violation.broken}", violation.trace) from None
    for name, with_crash, without in zip(Ending._fields, ending, calm, strict=True):
        if with_crash != without:
            raise Violation(0, f"crashes at {where}: another {name}: {with_crash} instead of {without}")


def _ending(cuts: Mapping[int, int], variant: Variant) -> tuple[Ending, Sequence[int]]:
    """Do the job with these crashes. Return what it has come to, and how many entries each call had."""
    faults = CrashesAt(cuts)
    sent = _job()
    world = World(0, random.Random(0), faults, len(sent))  # noqa: S311  it must repeat itself
    cloud = Cloud(world, "store and topic", max_receive_count=20)
    settings = Settings(campaign=CAMPAIGN, batch_max_size=6, visibility_timeout_s=60)
    run(cloud, sent, Plan(1, settings, lambda: 0, lambda: 1.0, variant))
    check(cloud, sent)
    records = [read_record(box.body) for box in cloud.quarantine.boxes.values()]
    return Ending(
        dict(cloud.store.rows),
        frozenset(cloud.topic.bodies),
        frozenset((record.key, record.reason, record.body) for record in records),
    ), faults.calls


def _job() -> list[Sent]:
    """
    Three waves, minutes apart, in which each customer has at most one new event.

    So the order within a wave, which a crash may change, decides nothing; and each wave finds what the last one left.
    """
    first = [_event("a", 1, _RICH), _event("b", 1, _POOR), _event("c", 1, _RICH), _event("d", 1, _RICH)]
    second = [_event("a", 2, _POOR), _event("b", 2, _RICH), _event("c", 2, _RICH), _event("d", 0, _POOR)]
    third = [_event("a", 3, _RICH), _event("b", 3, _POOR), _event("c", 3, _POOR), _event("d", 3, _POOR)]
    bad = [spoilt(_event("x", 1, _RICH), reason) for reason in ("wrong_type", "missing_field")]
    return [
        *(_sent(0, event) for event in (*first[:3], first[0], bad[0])),
        _sent(0, first[3], bad[1], _event("e", 1, _POOR)),
        *(_sent(1, event) for event in (*second, first[2])),
        _sent(2, *third[:2]),
        *(_sent(2, event) for event in third[2:]),
    ]


def _event(customer_id: str, number: int, spend: int) -> Planted:
    time = utc_text(datetime.fromtimestamp(START - 60 + number, UTC))
    data = {"customer_id": customer_id, "highest_spend": spend, "level": 2, "loan_on_card": 0}
    return planted(f"{customer_id}{number}", time, data, {"source": "/core"})


def _sent(wave: int, *events: Planted) -> Sent:
    return Sent(START + wave * _WAVE_S, message_of(events), events)
