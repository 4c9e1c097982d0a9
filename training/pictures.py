"""What the report's pictures share: colours, style, and SVG text that is the same to the byte for the same figures."""

import io
import re
from collections.abc import Callable
from typing import Any, Final

from markupsafe import Markup, escape
from matplotlib import style
from matplotlib.figure import Figure

INK: Final = "#1d2733"
MUTED: Final = "#8794a3"
PALE: Final = "#c9d1d9"
ACCENT: Final = "#0b6e69"
SECOND: Final = "#c2570c"
OTHERS: Final = ("#0072b2", "#56b4e9", "#e0a100", "#cc79a7", "#d55e00", "#6b4fa0")
"""For lines beside the accent, told apart by the colour-blind as well (after Okabe and Ito)."""

DASHED: Final = (0, (4, 3))
SMALL: Final = (4.3, 3.1)
"""Inches: so narrow that ten points are still legible where a phone shows the picture at its own width."""

_STYLE: Final[dict[str, Any]] = {
    "svg.hashsalt": "leadline",
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud, and takes a tenth of the bytes
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e9ee",
    "legend.frameon": False,
}


def picture(name: str, description: str, draw: Callable[[Figure], None], size: tuple[float, float] = SMALL) -> Markup:
    """
    Draw a picture as an element to put into a page.

    Args:
        name: Sets its inner references apart from those of other pictures in the page.
        description: For those who cannot see it.
        draw: Fills the empty figure.
        size: Width and height in inches.
    """
    with style.context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    own = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", text[text.index("<svg") :])
    # Everything that stands in it comes from matplotlib, which escapes what it is given.
    return Markup(own.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1))  # noqa: S704
