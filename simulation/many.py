"""Many seeds, side by side on several cores, and what they come to together."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final, NamedTuple

from simulation.seeds import simulate
from simulation.world import Violation

_AT_ONCE: Final = 20


class Failure(NamedTuple):
    """A seed under which a promise is broken: which one, and what happened last."""

    seed: int
    broken: str
    story: str


class Total(NamedTuple):
    """What happened under several seeds."""

    seeds: int
    injected: Counter[str]
    found: Counter[str]
    modes: Counter[str]
    virtual_s: float
    failures: tuple[Failure, ...]

    def plus(self, other: "Total") -> "Total":
        """Return both together."""
        return Total(
            self.seeds + other.seeds,
            self.injected + other.injected,
            self.found + other.found,
            self.modes + other.modes,
            self.virtual_s + other.virtual_s,
            tuple(sorted(self.failures + other.failures)),
        )


NOTHING: Final = Total(0, Counter(), Counter(), Counter(), 0.0, ())


def simulate_seeds(seeds: Sequence[int], events: int, fault_rate: float) -> Total:
    """Run each of the seeds, go on after a broken promise, and sum up."""
    injected: Counter[str] = Counter()
    found: Counter[str] = Counter()
    modes: Counter[str] = Counter()
    failures: list[Failure] = []
    virtual_s = 0.0
    for seed in seeds:
        try:
            report = simulate(seed, events=events, fault_rate=fault_rate)
        except Violation as violation:
            failures.append(Failure(seed, violation.broken, str(violation)))
        else:
            injected.update(report.injected)
            found.update(report.found)
            modes[report.mode] += 1
            virtual_s += report.virtual_s
    return Total(len(seeds), injected, found, modes, virtual_s, tuple(failures))


def simulate_many(seeds: range, events: int, fault_rate: float, *, jobs: int, tell: Callable[[Total], object]) -> Total:
    """
    Run many seeds on several cores.

    Args:
        seeds: Which.
        events: How many events each of them puts on the queue.
        fault_rate: The highest share of calls that meet a fault.
        jobs: How many processes work; with 1 it is this one.
        tell: Called with every part that is done.
    """
    parts = [seeds[start : start + _AT_ONCE] for start in range(0, len(seeds), _AT_ONCE)]
    total = NOTHING
    for part in _in_processes(parts, events, fault_rate, jobs) if jobs > 1 else _here(parts, events, fault_rate):
        total = total.plus(part)
        tell(part)
    return total


def _here(parts: Sequence[range], events: int, fault_rate: float) -> Iterator[Total]:
    return (simulate_seeds(part, events, fault_rate) for part in parts)


def _in_processes(parts: Sequence[range], events: int, fault_rate: float, jobs: int) -> Iterator[Total]:
    # Spawned, not forked: a fork of a process with threads, such as a progress bar's, may stand still for ever.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(simulate_seeds, part, events, fault_rate) for part in parts]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
