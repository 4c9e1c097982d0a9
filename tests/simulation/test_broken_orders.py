"""The simulation finds what is wrong: each of the orders of operations that others use breaks a promise under it."""

import pytest

from simulation.cloud import Cloud
from simulation.crashes import crash_everywhere
from simulation.process import Ports, Variant
from simulation.seeds import simulate
from simulation.world import Violation
from tests.simulation.broken_orders import BROKEN

MOST_SEEDS = 400
"""The rarest of them shows under one seed in thirty."""


def first_violation(name: str, *, only_at_the_end: bool = False) -> Violation | None:
    for seed in range(MOST_SEEDS):
        variant = BROKEN[name]()
        try:
            simulate(seed, variant=_unwatched(variant) if only_at_the_end else variant)
        except Violation as violation:
            return violation
    return None


def _unwatched(variant: Variant) -> Variant:
    """Return the same, with nobody who looks whether a message that is deleted is done."""

    def ports(real: Ports, cloud: Cloud) -> Ports:
        cloud.queue.on_delete = lambda _: None
        return variant.ports(real, cloud)

    return variant._replace(ports=ports)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_order_is_found_with_a_seed_that_replays_it(name: str) -> None:
    found = first_violation(name)

    assert found is not None
    with pytest.raises(Violation) as again:
        simulate(found.seed, variant=BROKEN[name]())
    assert str(found) == str(again.value)
    assert str(found).startswith(f"seed {found.seed}: ")
    assert 1 < len(str(found).splitlines()) <= 41


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_broken_order_leaves_behind_is_wrong(name: str) -> None:
    assert first_violation(name, only_at_the_end=True) is not None


def test_a_broken_order_is_found_without_chance_by_a_crash_at_every_point() -> None:
    with pytest.raises(Violation, match="crashes at call"):
        crash_everywhere(variant=BROKEN["publish only when applied"]())
