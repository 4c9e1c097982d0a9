"""Other numbers for the ScaledObject: what each would cost in USD a day, and in age of the oldest event."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Final

from autoscaling.load import Counts
from autoscaling.report import first_lead, summary
from autoscaling.settings import DEFAULT_UP, Policy, Rules, Scaling
from autoscaling.simulation import Plan, simulate

SECONDS_OF_WORK: Final = (10, 30, 60, 120)
MAX_REPLICAS: Final = (4, 6, 7, 8, 12)
POLLING_S: Final = (5, 15, 30)
COOLDOWN_S: Final = (120, 300)
UP: Final = {"default": DEFAULT_UP, "ten or double": Rules(0, (Policy("Pods", 10, 15), Policy("Percent", 100, 15)))}


def candidates(plan: Plan) -> Iterator[tuple[str, Scaling]]:
    """Yield each combination of the grid with its name; windows of scaling down stay as they are."""
    for work_s, most, polling_s, cooldown_s, up in product(SECONDS_OF_WORK, MAX_REPLICAS, POLLING_S, COOLDOWN_S, UP):
        length = round(work_s * plan.pod.rate)
        name = f"queueLength {length} ({work_s} s), max {most}, poll {polling_s}, cooldown {cooldown_s}, up {up}"
        yield (
            name,
            replace(
                plan.scaling,
                queue_length=length, max_replicas=most, polling_s=polling_s, cooldown_s=cooldown_s, up=UP[up],
            ),
        )  # fmt: skip


def search(plan: Plan, arrivals: Counts, seed: int) -> list[dict[str, float | str]]:
    """Simulate the day with each combination, and return all of them, the cheapest first."""
    rows: list[dict[str, float | str]] = []
    for name, scaling in candidates(plan):
        other = replace(plan, scaling=scaling)
        figures = summary(other, simulate(other, arrivals, seed))
        start = first_lead(other, room=True)
        rows.append({"name": name, **figures, "first_lead_s": start["total"]})
    return sorted(rows, key=lambda row: (row["usd"], row["oldest_age_max_s"]))


def pareto(rows: list[dict[str, float | str]], objectives: tuple[str, ...]) -> list[dict[str, float | str]]:
    """Return the rows that no other row beats: as good in every objective and better in one (less is better)."""

    def beats(one: dict[str, float | str], other: dict[str, float | str]) -> bool:
        pairs = [(float(one[key]), float(other[key])) for key in objectives]
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    best = [row for row in rows if not any(beats(other, row) for other in rows)]
    unique: dict[tuple[float | str, ...], dict[str, float | str]] = {}
    for row in best:
        unique.setdefault(tuple(row[key] for key in objectives), row)
    return list(unique.values())
