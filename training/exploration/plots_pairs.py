"""The exploration's pictures of two columns at a time: what goes together, and where the border runs."""

from typing import Final

import numpy as np
import seaborn as sns
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from propensity.features import Matrix
from training.exploration.collinear import VIF_LIMIT, Collinearity
from training.exploration.segments import TwoWay
from training.pictures import ACCENT, DASHED, PALE, SECOND, picture

Words = NDArray[np.str_]

_RATE: Final = LinearSegmentedColormap.from_list("rate", ["#ffffff", ACCENT])
_SIGNED: Final = LinearSegmentedColormap.from_list("signed", [SECOND, "#ffffff", ACCENT])


def correlation_plot(one: Collinearity) -> Markup:
    """Draw the correlations as a heat map, each pair once."""
    r = np.array(one.correlations)
    words = np.array([[_r(value) for value in row] for row in r])
    # The first row and the last column would hold nothing but the diagonal.
    shown = np.where(np.tri(len(r) - 1, dtype=bool), r[1:, :-1], np.nan)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        if shown.size:
            _heat(axes, shown, words[1:, :-1], _SIGNED, (-1, 1))
        axes.set_xticks(np.arange(len(r) - 1) + 0.5, one.columns[:-1], rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(np.arange(len(r) - 1) + 0.5, one.columns[1:], rotation=0)

    side = 1.4 + 0.31 * len(r)
    return picture("eda-correlation", "Correlation of each pair of columns", draw, (side, 0.85 * side))


def inflation_plot(one: Collinearity) -> Markup:
    """Draw the variance inflation factors before and after the rule, on a logarithmic scale."""
    ranked = sorted(one.before, key=lambda column: one.before[column])
    places = np.arange(len(ranked))
    # Infinity is drawn as a bar that leaves the picture.
    most = 2 * max([VIF_LIMIT, *(value for value in one.before.values() if np.isfinite(value))])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(visible=False, axis="y")
        before = [min(one.before[column], 2 * most) for column in ranked]
        axes.barh(places + 0.2, before, color=PALE, height=0.38, label="with all columns")
        after = [one.after.get(column, 0) for column in ranked]
        axes.barh(places - 0.2, after, color=ACCENT, height=0.38, label="with those that are left")
        axes.axvline(VIF_LIMIT, color=SECOND, linestyle=DASHED, label="limit")
        axes.set(xscale="log", xlim=(0.9, most), xlabel="variance inflation factor")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_yticks(places, ranked)
        axes.legend(loc="lower center", bbox_to_anchor=(0.2, 1), ncol=1)

    return picture("eda-inflation", "Variance inflation factors", draw, (4.3, 1.6 + 0.3 * len(ranked)))


def two_way_plot(one: TwoWay) -> Markup:
    """Draw which share of each cell took the loan, and of how many customers; the highest band on top."""
    rates = np.array([[np.nan if cell is None else 100 * cell.rate for cell in row] for row in one.cells])
    words = [
        ["" if cell is None else f"{100 * cell.rate:.0f} % of {cell.customers}" for cell in row] for row in one.cells
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _heat(axes, rates, np.array(words), _RATE, (0, 100))
        axes.set(xlabel=one.column_column, ylabel=one.row_column)
        axes.set_xticks(np.arange(len(one.column_names)) + 0.5, one.column_names)
        axes.set_yticks(np.arange(len(one.row_names)) + 0.5, one.row_names, rotation=0)
        axes.invert_yaxis()

    description = f"Share that took the loan, by {one.row_column} and {one.column_column}"
    return picture(f"eda-border-{one.column_column}", description, draw, (4.3, 1 + 0.34 * len(one.row_names)))


def _heat(axes: Axes, values: Matrix, words: Words, colours: Colormap, limits: tuple[float, float]) -> None:
    """Draw a heat map with a word in each cell; cells that are NaN stay blank."""
    axes.grid(visible=False)
    sns.heatmap(
        values,
        mask=np.isnan(values),
        annot=words,
        fmt="",
        annot_kws={"fontsize": 7.5},
        cbar=False,
        linewidths=0.5,
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        ax=axes,
    )


def _r(value: float) -> str:
    """Write a correlation as short as a cell is."""
    return f"{round(value, 2) + 0.0:.2f}".replace("0.", ".").replace("-", "\N{MINUS SIGN}")
