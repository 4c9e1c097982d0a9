"""The models side by side."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.figure import Figure

from training.pictures import ACCENT, INK, MUTED, picture


def comparison_plot(figures: Sequence[tuple[str, float, float]], chosen: str) -> Markup:
    """Draw each candidate's average precision with one standard error; the best on top, the chosen one in colour."""
    ranked = sorted(figures, key=lambda one: one[1])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, (title, value, error) in enumerate(ranked):
            colour = ACCENT if title == chosen else MUTED
            axes.errorbar(value, place, xerr=error, fmt="o", color=colour, markersize=5, capsize=2.5)
            # The title stands above its bar: beside it, a long one would leave no room for the figures.
            weight = "bold" if title == chosen else "normal"
            axes.annotate(
                f"{title}  {value:.3f}",
                (0, place),
                (0, 6),
                ("axes fraction", "data"),
                "offset points",
                color=ACCENT if title == chosen else INK,
                fontweight=weight,
                fontsize=9,
            )
        axes.set(xlabel="average precision", ylim=(-0.6, len(ranked) - 0.1), yticks=range(len(ranked)), yticklabels=[])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)

    size = (4.3, 0.6 + 0.36 * len(ranked))
    return picture("comparison", "Average precision of each model with one standard error", draw, size)
