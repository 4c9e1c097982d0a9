"""How well the scores rank: gains, lift, ROC and precision-recall."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.metrics import precision_recall_curve, roc_curve

from propensity.features import Vector
from training.data import Labels
from training.metrics import gains
from training.pictures import ACCENT, DASHED, INK, MUTED, picture


class Line(NamedTuple):
    """One model's line: its scores, shape (n,), and its colour."""

    scores: Vector
    colour: str


def gains_plot(labels: Labels, scores: Vector) -> Markup:
    """Draw which share of all takers is reached by contacting a share of the customers, beside random and perfect."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        contacted, found = gains(labels, scores)
        _three(axes, 100 * contacted, 100 * found, ([0, 100 * labels.mean(), 100], [0, 100, 100]))
        axes.plot([0, 100], [0, 100], color=MUTED, label="at random")
        axes.set(xlabel="customers contacted, best first (%)", ylabel="borrowers reached (%)")
        axes.set(xlim=(0, 60), ylim=(0, 103))
        figure.legend(loc="outside lower center", ncols=3, fontsize=9, columnspacing=1)

    return picture("gains", "Share of all borrowers reached, by share of customers contacted", draw)


def lift_plot(labels: Labels, scores: Vector) -> Markup:
    """Draw how many times as many takers are among those contacted as among as many at random."""
    base = float(labels.mean())

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        contacted, found = gains(labels, scores)
        shares = np.linspace(0.005, 0.6, 239)  # of the first few customers chance alone decides
        perfect = np.minimum(1 / base, 1 / shares)
        _three(axes, 100 * shares, np.interp(shares, contacted, found) / shares, (100 * shares, perfect))
        axes.axhline(1, color=MUTED, label="at random")
        axes.set(xlabel="customers contacted, best first (%)", ylabel="times as many borrowers")
        axes.set(xlim=(0, 60), ylim=(0, 1.08 / base))
        figure.legend(loc="outside lower center", ncols=3, fontsize=9, columnspacing=1)

    return picture("lift", "Lift over contacting at random, by share of customers contacted", draw)


def roc_plot(labels: Labels, lines: Sequence[Line]) -> Markup:
    """Draw the ROC curves, the first on top, and their upper left corner enlarged."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        corner: Axes = axes.inset_axes((0.4, 0.14, 0.57, 0.62))
        for line, look in _looks(lines):
            false, true, _ = roc_curve(labels, line.scores)
            axes.plot(false, true, **look)
            corner.plot(false, true, **look)
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=DASHED, linewidth=1)
        corner.set(xlim=(0, 0.2), ylim=(0.8, 1.004), xticks=(0, 0.1, 0.2), yticks=(0.8, 0.9, 1))
        corner.tick_params(labelsize=9)
        corner.set_title("the corner, enlarged", fontsize=9)
        blank = Rectangle((0.29, 0.05), 0.7, 0.81, transform=axes.transAxes, facecolor="white", zorder=4)
        axes.add_patch(blank)
        axes.set(xlabel="share of the others called", ylabel="share of borrowers called")
        axes.set(xlim=(0, 1), ylim=(0, 1.01))

    return picture("roc", "ROC curves", draw)


def precision_recall_plot(labels: Labels, lines: Sequence[Line]) -> Markup:
    """Draw the precision-recall curves, the first on top; the broken line is contacting at random."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for line, look in _looks(lines):
            precision, recall, _ = precision_recall_curve(labels, line.scores)
            axes.plot(recall, precision, drawstyle="steps-post", **look)
        axes.axhline(float(labels.mean()), color=MUTED, linestyle=DASHED, linewidth=1)
        axes.set(xlabel="recall: share of borrowers called", ylabel="precision: borrowers among called")
        axes.set(xlim=(0, 1), ylim=(0, 1.02))

    return picture("precision-recall", "Precision-recall curves", draw)


def _looks(lines: Sequence[Line]) -> list[tuple[Line, dict[str, Any]]]:
    """Return the lines with how each is drawn; the first stands out."""
    first, *others = [
        (line, {"color": line.colour, "linewidth": 1.2 if place else 2.4, "zorder": 3 - 0.1 * place})
        for place, line in enumerate(lines)
    ]
    return [first, *others]


def _three(axes: Axes, x: Vector, y: Vector, perfect: tuple[Any, Any]) -> None:
    axes.plot(*perfect, color=INK, linestyle=DASHED, linewidth=1.2, label="a perfect ranking")
    axes.plot(x, y, color=ACCENT, linewidth=2.5, label="this model")
