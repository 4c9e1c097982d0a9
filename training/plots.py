"""The report's pictures, as SVG text without ids, dates or fonts of its own: the same figures give the same bytes."""

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from matplotlib import style
from matplotlib.figure import Figure

from propensity.features import Matrix
from training.data import Labels
from training.metrics import gains

_INK: Final = "#1d2733"
_MUTED: Final = "#8794a3"
_ACCENT: Final = "#0b6e69"
_STYLE: Final[dict[str, Any]] = {
    "svg.hashsalt": "leadline",
    "svg.fonttype": "path",  # so that it looks the same on a phone without the font
    "font.size": 10,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e9ee",
}


def gains_plot(labels: Labels, scores: Matrix) -> Markup:
    """
    Draw which share of all takers is reached by contacting a share of the customers, beside random and perfect.

    Args:
        labels: Shape (n,).
        scores: Shape (repeats, n), out of fold; the first repeat is drawn.
    """
    base = float(labels.mean())
    with style.context(_STYLE):
        figure = Figure(figsize=(5.2, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 100 * base, 100], [0, 100, 100], color=_MUTED, linestyle=(0, (4, 3)), label="a perfect ranking")
        contacted, found = gains(labels, scores[0])
        axes.plot(100 * contacted, 100 * found, color=_ACCENT, linewidth=2.5, label="this model")
        axes.plot([0, 100], [0, 100], color=_MUTED, label="at random")
        axes.set(xlabel="customers contacted, best scores first (%)", ylabel="borrowers reached (%)")
        axes.set(xlim=(0, 60), ylim=(0, 103))
        axes.legend(frameon=False, loc="lower right")
        return _svg(figure, "Share of all borrowers reached, by share of customers contacted")


def comparison_plot(figures: Sequence[tuple[str, float, float]], chosen: str) -> Markup:
    """Draw each candidate's average precision with one standard error; the best on top, the chosen one in colour."""
    ranked = sorted(figures, key=lambda one: one[1])
    with style.context(_STYLE):
        figure = Figure(figsize=(5.6, 0.9 + 0.25 * len(ranked)), layout="constrained")
        axes = figure.subplots()
        for place, (title, value, error) in enumerate(ranked):
            colour = _ACCENT if title == chosen else _MUTED
            axes.errorbar(value, place, xerr=error, fmt="o", color=colour, markersize=5, capsize=2.5)
        axes.set_yticks(np.arange(len(ranked)), [title for title, _, _ in ranked])
        axes.set(xlabel="average precision", ylim=(-0.7, len(ranked) - 0.3))
        return _svg(figure, "Average precision of each model with one standard error")


def _svg(figure: Figure, description: str) -> Markup:
    """Return the picture as an element to put into a page. All that stands in it comes from matplotlib."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    picture = text[text.index("<svg") :]
    return Markup(picture.replace("<svg", f'<svg role="img" aria-label="{description}"', 1))  # noqa: S704  see above
