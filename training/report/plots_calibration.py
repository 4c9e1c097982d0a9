"""Whether a score of 30 % means that three in ten take the loan."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from propensity.features import Vector
from training.data import Labels
from training.pictures import ACCENT, DASHED, INK, MUTED, PALE, picture
from training.report.calibration import Bin


def reliability_plot(by_count: Sequence[Bin], by_width: Sequence[Bin]) -> Markup:
    """Draw the share of takers by mean score: bins of as many customers each, and bins of equal width with limits."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=DASHED, linewidth=1, label="perfect")
        scores, shares = [one.score for one in by_width], [one.share for one in by_width]
        limits = [[max(0.0, one.share - one.low), max(0.0, one.high - one.share)] for one in by_width]
        axes.errorbar(
            scores,
            shares,
            yerr=np.transpose(limits),
            fmt="D",
            color=INK,
            markerfacecolor="white",
            markersize=5,
            linewidth=1,
            label="equal width, 95 %",
        )
        scores, shares = [one.score for one in by_count], [one.share for one in by_count]
        axes.plot(scores, shares, "o-", color=ACCENT, markersize=5, linewidth=2, label="equal count")
        axes.set(xlabel="mean score in the bin", ylabel="share that took the loan")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        figure.legend(loc="outside lower center", ncols=3, fontsize=9, columnspacing=1, handletextpad=0.4)

    return picture("reliability", "Share of borrowers by mean score", draw, (4.3, 3.5))


def score_histogram(labels: Labels, scores: Vector) -> Markup:
    """Draw how many customers have which score, takers set apart; counts on a logarithmic scale."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        edges = np.linspace(0, 1, 21).tolist()
        others, takers = scores[labels == 0], scores[labels == 1]
        axes.hist(others, bins=edges, color=PALE, label="did not take the loan")
        axes.hist(takers, bins=edges, color=ACCENT, label="took the loan", histtype="step", linewidth=2)
        axes.set_yscale("log")
        axes.set(xlabel="score", ylabel="customers (log scale)", xlim=(0, 1), ylim=(0.7, None))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        figure.legend(loc="outside lower center", ncols=2, fontsize=9)

    return picture("histogram", "Number of customers by score", draw, (4.3, 3.5))
