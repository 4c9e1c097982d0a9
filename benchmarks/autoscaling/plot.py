"""The day as a picture: what arrives and waits, the age of the oldest event, pods and nodes."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator

from autoscaling.load import BURST_AT_S, Counts
from autoscaling.simulation import Day

WIDTH_S = 3600
ARRIVED, QUEUED, AGE, PODS, NODES = "#3b6ea5", "#c2611f", "#8c2d4f", "#2a7f62", "#6b6b6b"


def plot(day: Day, file: Path, title: str) -> None:
    """Draw the whole day on the left and the hour of the batch on the right; the file's ending says the format."""
    mpl.rcParams.update({"svg.hashsalt": "leadline", "font.size": 9, "svg.fonttype": "none"})
    figure, grid = plt.subplots(3, 2, figsize=(11, 7.5), sharex="col", width_ratios=[3, 2], layout="constrained")
    whole = np.arange(0, len(day.queued), 180)
    hour = np.arange(max(BURST_AT_S - 300, 0), min(BURST_AT_S + WIDTH_S, len(day.queued)), 10)
    for column, (moments, unit) in enumerate(((whole, 3600), (hour, 60))):
        start = 0 if column == 0 else BURST_AT_S
        _draw(grid[:, column], day, moments, (moments - start) / unit)
    grid[0, 0].set_title("the whole day, by the hour")
    grid[0, 1].set_title("the nightly batch, minutes from its start")
    for axis, label in zip(grid[:, 0], ("events", "age of the oldest\nevent, seconds", "count"), strict=True):
        axis.set_ylabel(label)
    grid[2, 0].set_xticks(range(0, 25, 3))
    for axis in grid[:, 0]:
        axis.legend(loc="upper right", frameon=False)
    figure.suptitle(title)
    metadata = {"Date": None} if file.suffix == ".svg" else None
    figure.savefig(file, metadata=metadata, dpi=110)
    plt.close(figure)


def _draw(axes: npt.NDArray[np.object_], day: Day, moments: Counts, x: npt.NDArray[np.float64]) -> None:
    """Draw one column; between two moments the greatest value counts, so that no peak is lost."""
    step = int(moments[1] - moments[0])

    def highest(values: Counts) -> Counts:
        return np.array([values[m : m + step].max() for m in moments])

    load, age, count = axes
    load.plot(x, highest(day.queued), color=QUEUED, lw=1.4, label="on the queue")
    load.plot(x, highest(day.arrived), color=ARRIVED, lw=1, label="arriving per second")
    load.set_yscale("symlog", linthresh=1)
    load.set_ylim(0, max(10, float(day.queued.max()) * 3))
    age.plot(x, highest(day.oldest_s), color=AGE, lw=1.4, label="oldest event")
    age.set_yscale("symlog", linthresh=1)
    age.set_ylim(0, max(10, float(day.oldest_s.max()) * 3))
    count.step(x, highest(day.ready), color=PODS, lw=1.6, label="pods that receive")
    count.step(x, highest(day.replicas), color=PODS, lw=1, ls=":", label="pods wanted")
    count.step(x, highest(day.nodes), color=NODES, lw=1.2, ls="--", label="nodes")
    count.yaxis.set_major_locator(MaxNLocator(integer=True))
    count.set_ylim(0, float(max(day.replicas.max(), day.nodes.max())) * 1.25)
    for axis in axes:
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
