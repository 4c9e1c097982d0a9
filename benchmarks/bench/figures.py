"""The figures that are to be reached, and what was seen of them."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

Result = Mapping[str, Any]


class Figure(NamedTuple):
    """One figure: its name and unit, what it must be and is wished to be, and what was seen; None: not run."""

    name: str
    unit: str
    must: float
    goal: float
    seen: float | None
    is_floor: bool
    """Whether more is better."""

    @property
    def verdict(self) -> str:
        """How far it is reached."""
        if self.seen is None:
            return "not run"
        if self._reaches(self.goal):
            return "goal"
        return "must" if self._reaches(self.must) else "MISSED"

    def _reaches(self, bound: float) -> bool:
        return self.seen is not None and (self.seen >= bound if self.is_floor else self.seen <= bound)


def figures(result: Result) -> list[Figure]:
    """Reckon all figures from a result."""
    ratio = _ratios(result)
    start, scoring = result.get("start", {}), result.get("scoring", {})

    def of(name: str, unit: str, must: float, goal: float, seen: float | None, *, is_floor: bool = True) -> Figure:
        return Figure(name, unit, must, goal, seen, is_floor)

    usual, direct = start.get("d"), start.get("direct")
    by_identity = start.get("direct_web_identity")
    found = [
        of("CPU, topic, against Powertools (c)", "x", 280, 400, ratio("0 ms", "c", "direct", _cpu)),
        of("CPU, topic, against boto3 by ten (b)", "x", 250, 350, ratio("0 ms", "b", "direct", _cpu)),
        of("CPU, topic, against boto3 with 8 threads (d)", "x", 12, 18, ratio("0 ms", "d", "direct", _cpu)),
        of("CPU, topic, over boto3, against (d)", "x", 1.5, 2, ratio("0 ms", "d", "boto3", _cpu)),
        of("events/s at +10 ms against (d)", "x", 8, 12, ratio("10 ms", "d", "direct", _slowness)),
        of("events/s at 0 ms against (d)", "x", 8, 12, ratio("0 ms", "d", "direct", _slowness)),
        of(
            "CPU, store and topic, against the same with boto3",
            "x",
            6,
            10,
            ratio("0 ms", "d-store", "direct-store", _cpu),
        ),
        of("CPU, packed by 100 against one a message", "x", 1.5, 2, ratio("0 ms", "direct", "direct-packed", _cpu)),
        of("start to first lead, CPU, static keys", "x", 3, 5, _over(usual, direct)),
        of("start to first lead, CPU, web identity", "x", 3, 5, _over(usual, by_identity)),
        of("memory under load, topic, at worst", "MB", 80, 60, _worst_mb(result), is_floor=False),
        of("memory against (d), at worst", "of it", 0.45, 0.45, _worst_share(result), is_floor=False),
        of("idle on a long poll", "of a core", 0.005, 0.005, direct and direct["idle_share"], is_floor=False),
        of("lead after event, p50", "ms", 3, 1.5, result.get("latency", {}).get("p50_ms"), is_floor=False),
        of("reasons", "us a lead", 50, 50, scoring.get("reasons"), is_floor=False),
        of("entries in a delete", "", 9, 9, _median(result, "0 ms", "direct", "deletes_a_call")),
        of("entries in a publish", "", 9, 9, _median(result, "0 ms", "direct", "publishes_a_call")),
    ]
    found.append(of("scoring against scikit-learn's own, at worst", "x", 1, 1, _least_gain(scoring)))
    limits = {1: (120, 60), 10: (20, 12), 100: (10, 5), 1000: (10, 5)}
    return found + [
        of(
            f"scoring, {size} rows at a time",
            "us a row",
            *limits[size],
            scoring.get(f"compiled_{size}"),
            is_floor=False,
        )
        for size in limits
    ]


_cpu: Final = "cpu_s_per_1000"
_slowness: Final = "seconds_per_event"


def _ratios(result: Result) -> Callable[[str, str, str, str], float | None]:
    """Return what gives the median, over the rounds, of one consumer's figure over another's in the same round."""

    def ratio(setting: str, them: str, us: str, what: str) -> float | None:
        rounds = result["rounds"].get(setting, {})
        if them not in rounds or us not in rounds:
            return None
        pairs = zip(rounds[them], rounds[us], strict=True)
        return statistics.median(_of(one, what) / _of(other, what) for one, other in pairs)

    return ratio


def _of(figures: Mapping[str, float], what: str) -> float:
    return 1 / figures["events_per_second"] if what == _slowness else figures[what]


def _median(result: Result, setting: str, who: str, what: str) -> float | None:
    rounds: Sequence[Mapping[str, float]] = result["rounds"].get(setting, {}).get(who, ())
    return statistics.median(one[what] for one in rounds) if rounds else None


def _worst_mb(result: Result) -> float | None:
    return max(
        (mb for setting in result["rounds"] if (mb := _peak_mb(result, setting, "direct")) is not None), default=None
    )


def _worst_share(result: Result) -> float | None:
    pairs = [(_peak_mb(result, setting, "direct"), _peak_mb(result, setting, "d")) for setting in result["rounds"]]
    return max((ours / theirs for ours, theirs in pairs if ours is not None and theirs is not None), default=None)


def _peak_mb(result: Result, setting: str, who: str) -> float | None:
    return _median(result, setting, who, "peak_rss_mb")


def _least_gain(scoring: Mapping[str, float]) -> float | None:
    sizes = [name.rpartition("_")[2] for name in scoring if name.startswith("compiled_")]
    return min((scoring[f"scikit_learn_{size}"] / scoring[f"compiled_{size}"] for size in sizes), default=None)


def _over(usual: Mapping[str, float] | None, ours: Mapping[str, float] | None) -> float | None:
    return None if usual is None or ours is None else usual["cpu_s"] / ours["cpu_s"]
