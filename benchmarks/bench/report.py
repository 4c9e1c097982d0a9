"""The result as tables of Markdown, and as a plot."""

import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.bench.figures import Figure, figures
from benchmarks.bench.scoring import SIZES
from benchmarks.bench.table import BY_NAME

_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"
_COLUMNS: Final = {
    "events/s": ("events_per_second", ",.0f"), "CPU s per 1,000": ("cpu_s_per_1000", ".4f"),
    "peak MB": ("peak_rss_mb", ".0f"), "calls per 1,000": ("calls_per_1000", ".0f"),
    "entries a delete": ("deletes_a_call", ".1f"), "a publish": ("publishes_a_call", ".1f"),
}  # fmt: skip
_PLOTTED: Final = ("b", "c", "d", "boto3", "direct", "direct-packed")


def machine() -> dict[str, str]:
    """Say what this machine is."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    cores = sum(line.startswith("processor") for line in lines)
    return {"cpu": name, "cores": str(cores), "python": platform.python_version(), "kernel": platform.release()}


def markdown(result: Mapping[str, Any]) -> str:
    """Return all tables."""
    about = result["machine"]
    parts = [
        (
            f"Measured {result['date']} on {about['cores']} cores of {about['cpu']}, Python {about['python']}, "
            f"{result['count']} rounds; load average {result['load'][0]:.1f} before and {result['load'][1]:.1f} after."
        ),
        table(("figure", "must", "goal", "seen", ""), map(_row, figures(result))),
    ]
    for setting, rounds in result["rounds"].items():
        rows = ((BY_NAME[who].title, *_cells(runs)) for who, runs in rounds.items())
        parts += [f"At {setting}, medians:", table(("consumer", *_COLUMNS), rows)]
    if scoring := result.get("scoring"):
        rows = [
            (str(size), f"{scoring[f'compiled_{size}']:.1f}", f"{scoring[f'scikit_learn_{size}']:,.1f}")
            for size in SIZES
        ]
        parts += ["Microseconds a row, the vote:", table(("rows at a time", "compiled", "scikit-learn"), rows)]
    if start := result.get("start"):
        rows = [(who, f"{one['cpu_s']:.2f}", f"{one['wall_s']:.2f}") for who, one in start.items()]
        parts += ["From the start of the process to its first lead at the topic:", table(("", "CPU s", "s"), rows)]
    if latency := result.get("latency"):
        parts.append(
            f"One event at a time, from the queue to the topic: {latency['p50_ms']:.2f} ms (p50), "
            f"{latency['p99_ms']:.2f} ms (p99). A batch may wait {latency['wait_ms']} ms, and does not where a receive "
            "comes back less than full."
        )
    return "\n\n".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of Markdown."""
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def write_into(page: Path, text: str) -> None:
    """Put the tables between the page's marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}", encoding="utf-8")


def plot(result: Mapping[str, Any], file: Path) -> None:
    """Draw CPU seconds for a thousand events, by consumer, on a scale of powers of ten."""
    import matplotlib.pyplot as plt

    rounds = result["rounds"]["0 ms"]
    shown = [who for who in _PLOTTED if who in rounds]
    values = [statistics.median(one["cpu_s_per_1000"] for one in rounds[who]) for who in shown]
    figure, axes = plt.subplots(figsize=(8, 0.55 * len(shown) + 1.2), layout="constrained")
    bars = axes.barh(
        [BY_NAME[who].title for who in shown],
        values,
        color=["#2a6f97" if BY_NAME[who].is_ours else "#b8b8b8" for who in shown],
    )
    axes.bar_label(bars, [f"{value:.3f}" for value in values], padding=4)
    axes.set_xscale("log")
    axes.set_xlim(right=max(values) * 4)
    axes.invert_yaxis()
    axes.set_xlabel("CPU seconds for 1,000 events (0 ms a call, one core)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _row(figure: Figure) -> tuple[str, ...]:
    seen = "" if figure.seen is None else f"{figure.seen:.3g}"
    sign = "at least" if figure.is_floor else "at most"
    return (
        f"{figure.name} ({figure.unit})".replace(" ()", ""),
        f"{sign} {figure.must:g}",
        f"{figure.goal:g}",
        seen,
        figure.verdict,
    )


def _cells(runs: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    return tuple(format(statistics.median(run[key] for run in runs), form) for key, form in _COLUMNS.values())
