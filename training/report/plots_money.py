"""What a campaign earns, by how many customers it contacts."""

from markupsafe import Markup
from matplotlib.figure import Figure

from training.pictures import ACCENT, DASHED, INK, MUTED, picture
from training.report.money import Profit


def profit_plot(profit: Profit, cutoff: int) -> Markup:
    """Draw the profit by contacts: as found, as the scores expected it, and at random; the cutoff is marked."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.plot(profit.contacts, profit.realised, color=ACCENT, linewidth=2.5, label="this model, as found")
        axes.plot(profit.contacts, profit.expected, color=INK, linestyle=DASHED, label="as the scores expect")
        axes.plot(profit.contacts, profit.random, color=MUTED, label="at random")
        axes.axvline(cutoff, color=ACCENT, linewidth=1)
        axes.plot([cutoff], [profit.realised[cutoff]], "o", color=ACCENT, markersize=7)
        top = max(profit.realised.max(), profit.expected.max())
        low = min(profit.realised.min(), profit.random.min(), 0.0)
        axes.set(xlim=(0, profit.contacts[-1]), ylim=(low - 0.05 * (top - low), top + 0.28 * (top - low)))
        axes.annotate(f"cutoff: {cutoff:,}", (cutoff, 1), (5, -2), ("data", "axes fraction"), "offset points", va="top")
        axes.set(xlabel="customers contacted, best first", ylabel="profit")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="x", nbins=5)
        figure.legend(loc="outside lower center", ncols=2, fontsize=9)

    return picture("profit", "Profit by number of customers contacted", draw, (4.3, 3.6))
