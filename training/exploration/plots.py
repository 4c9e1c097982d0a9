"""The exploration's pictures, drawn from its counts alone: no customer is a dot in them."""

from typing import Final

import numpy as np
import pandas as pd
import seaborn as sns
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.exploration.distributions import Distribution
from training.exploration.explore import Outcomes
from training.exploration.profile import FileProfile
from training.exploration.segments import Segmentation
from training.pictures import ACCENT, DASHED, MUTED, PALE, SECOND, picture

_BORROWERS: Final = "took the loan"
_OTHERS: Final = "did not"


def outcomes_plot(outcomes: Outcomes) -> Markup:
    """Draw how many customers there are of each kind."""
    takers = outcomes.takers
    bars = {
        _BORROWERS: takers.takers,
        _OTHERS: takers.customers - takers.takers,
        "locked away for the test": outcomes.locked,
        "outcome not known": outcomes.unknown,
    }
    colours = [ACCENT, MUTED, PALE, SECOND]

    def draw(figure: Figure) -> None:
        _counts(figure.subplots(), bars, colours, "customers")

    return picture("eda-outcomes", "Customers by outcome", draw, (4.3, 1.9))


def missing_plot(merged: FileProfile) -> Markup:
    """Draw how many cells of each column are blank."""
    bars = {one.column: one.missing for one in merged.columns}

    def draw(figure: Figure) -> None:
        _counts(figure.subplots(), bars, [SECOND], "blank cells")

    return picture("eda-missing", "Blank cells by column", draw, (4.3, 0.8 + 0.22 * len(bars)))


def distribution_plot(one: Distribution) -> Markup:
    """Draw which share of the takers, and of the others, lies in each bin."""
    middles = (np.array(one.edges[:-1]) + np.array(one.edges[1:])) / 2
    outcome = [_OTHERS] * len(middles) + [_BORROWERS] * len(middles)
    counted = pd.DataFrame({"x": [*middles, *middles], "customers": [*one.others, *one.takers], "outcome": outcome})

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        sns.histplot(
            counted,
            x="x",
            weights="customers",
            hue="outcome",
            bins=[*one.edges],
            stat="percent",
            common_norm=False,
            element="step",
            palette={_OTHERS: MUTED, _BORROWERS: ACCENT},
            alpha=0.25,
            ax=axes,
        )
        sns.move_legend(axes, "lower center", bbox_to_anchor=(0.5, 1), ncol=2, title=None)
        axes.set(xlabel=one.column, ylabel="share of each (%)", xlim=(one.edges[0], one.edges[-1]))

    return picture(f"eda-distribution-{one.field}", f"{one.column} of borrowers and of others", draw)


def conversion_plot(one: Segmentation, base_rate: float, width: float) -> Markup:
    """Draw which share of each segment took the loan, with its interval, beside the share of all."""
    names = [f"{segment.name} ({segment.customers:,})" for segment in one.segments]
    rates = 100 * np.array([segment.rate for segment in one.segments])
    below = rates - 100 * np.array([segment.low for segment in one.segments])
    above = 100 * np.array([segment.high for segment in one.segments]) - rates

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(visible=False, axis="y")
        errors = np.clip([below, above], 0, None)
        axes.barh(names, rates, xerr=errors, color=ACCENT, ecolor=MUTED, capsize=2.5, height=0.62)
        axes.axvline(100 * base_rate, color=SECOND, linestyle=DASHED, linewidth=1)
        axes.set(xlabel="took the loan (%)", xlim=(0, None))
        axes.invert_yaxis()

    size = (width, 0.8 + 0.24 * len(names))
    return picture(f"eda-conversion-{one.field}", f"Share that took the loan, by {one.column}", draw, size)


def _counts(axes: Axes, bars: dict[str, int], colours: list[str], what: str) -> None:
    axes.grid(visible=False, axis="y")
    drawn = axes.barh([*bars], [*bars.values()], color=colours, height=0.65)
    axes.bar_label(drawn, [f"{count:,}" for count in bars.values()], padding=3)
    axes.set(xlabel=what, xlim=(0, 1.15 * max([1, *bars.values()])))
    axes.invert_yaxis()
