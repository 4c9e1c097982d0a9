"""What one seed decides: events, services, workers, faults. One seed, one trace."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from simulation.cloud import MODES, Cloud, Mode
from simulation.events import Producer
from simulation.faults import APIS, Outage, RandomFaults
from simulation.invariants import check
from simulation.models import CAMPAIGN, models
from simulation.process import Variant
from simulation.run import Plan, run
from simulation.world import START, Step, Violation, World
from worker.settings import Settings

_HEALS_AFTER_S: Final = 600.0
"""How long after the last event was sent the faults go on."""


class Report(NamedTuple):
    """What happened under one seed in which no promise was broken."""

    seed: int
    mode: Mode
    injected: Counter[str]
    found: Counter[str]
    virtual_s: float
    trace: Sequence[Step]


def simulate(seed: int, *, events: int = 100, fault_rate: float = 0.2, variant: Variant = Variant()) -> Report:  # noqa: B008  a constant
    """
    Run one seed, and check every promise.

    Args:
        seed: Decides everything; the same one gives the same trace.
        events: How many events are put on the queue.
        fault_rate: The highest share of calls that meet a fault; a seed's own lies anywhere below.
        variant: What is run.

    Raises:
        Violation: A promise of `docs/decisions/0002-delivery.md` is broken.
    """
    chance = random.Random(seed)  # noqa: S311  it must repeat itself
    world = World(seed, chance, _faults(chance, fault_rate), events)
    cloud = Cloud(world, chance.choice(MODES), max_receive_count=chance.choice((3, 5, 20)))
    sent = Producer(chance, events, conflicts=cloud.mode != "topic only").messages()
    world.heals_at = sent[-1].at + _HEALS_AFTER_S
    try:
        run(cloud, sent, _plan(chance, variant))
    except Exception as error:
        raise Violation(seed, f"a worker ends by an error that nobody foresaw: {error!r}", world.trace) from error
    check(cloud, sent)
    return Report(seed, cloud.mode, world.injected, world.found, world.now - START, world.trace)


def _faults(chance: random.Random, fault_rate: float) -> RandomFaults:
    """Choose how often calls go wrong, and, under every fifth seed that has faults at all, a service that is away."""
    rate, outages = fault_rate * chance.random(), []
    if rate > 0 and chance.random() < 0.2:
        since = START + chance.random() * _HEALS_AFTER_S
        outages.append(Outage(chance.choice(APIS), since, since + chance.random() * _HEALS_AFTER_S))
    return RandomFaults(chance, rate, outages)


def _plan(chance: random.Random, variant: Variant) -> Plan:
    """Choose how many workers run, and how. Now and then a release brings another model, or takes it back."""
    released = 0

    def next_model() -> int:
        nonlocal released
        if chance.random() < 0.2:
            released = chance.randrange(len(models()))
        return released

    settings = Settings(
        campaign=CAMPAIGN,
        batch_max_size=chance.choice((1, 5, 10, 10, 20)),
        visibility_timeout_s=chance.choice((30, 60)),
    )
    return Plan(chance.choice((1, 2, 2)), settings, next_model, lambda: chance.random() * 10, variant)
