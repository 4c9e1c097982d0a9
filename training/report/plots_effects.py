"""What each feature does to the score."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.figure import Figure

from training.columns import bounds, csv_name
from training.pictures import ACCENT, MUTED, picture
from training.report.effects import Effect, Importance, Pair

_FEW: Final = 5
_COLOURS: Final = 10


def effect_plot(effect: Effect, top: float) -> Markup:
    """Draw the mean score by one feature, all others as they are; `top` is the same for all features."""
    title = csv_name(effect.name)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        if len(effect.values) <= _FEW:
            axes.bar([f"{value:g}" for value in effect.values], effect.scores, color=ACCENT, width=0.6)
        else:
            axes.plot(effect.values, effect.scores, color=ACCENT, linewidth=2)
        unit = "" if bounds(effect.name).whole else "thousand US dollars"
        axes.set(xlabel=unit, ylabel="mean score", ylim=(0, top))

    return picture(f"effect-{effect.name}", f"Mean score by {title}", draw, (3.1, 2.3))


def pair_plot(pair: Pair) -> Markup:
    """Draw the mean score by two features as a heat map; features of few values get one column each."""
    first, second = pair.names

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(visible=False)
        # A picture made of points would stand in the page as an image; these stay shapes, of a few colours.
        colours = colormaps["YlGnBu"].resampled(_COLOURS)
        image = axes.pcolormesh(pair.scores.T, cmap=colours, vmin=0, vmax=1, edgecolors="face", linewidth=0.2)
        for axis, values in ((axes.xaxis, pair.values[0]), (axes.yaxis, pair.values[1])):
            step = 1 if len(values) <= _FEW else max(2, len(values) // 5)
            axis.set_ticks(np.arange(0, len(values), step) + 0.5, [_short(value) for value in values[::step]])
        axes.set(xlabel=csv_name(first), ylabel=csv_name(second))
        figure.colorbar(image, ax=axes, label="mean score")

    return picture("pair", f"Mean score by {csv_name(first)} and {csv_name(second)}", draw, (4.3, 3.3))


def importance_plot(importances: Sequence[Importance]) -> Markup:
    """Draw what shuffling each feature costs in average precision; the most on top."""
    ranked = sorted(importances, key=lambda one: one.mean)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(visible=False, axis="y")
        names = [csv_name(one.name) for one in ranked]
        errors = [one.deviation for one in ranked]
        axes.barh(names, [one.mean for one in ranked], xerr=errors, color=ACCENT, ecolor=MUTED, capsize=3, height=0.6)
        axes.set(xlabel="average precision lost")

    return picture("importance", "What shuffling each feature costs", draw, (4.3, 0.9 + 0.3 * len(ranked)))


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
