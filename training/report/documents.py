"""What a bundle says in words: `report.html` for a marketing head and a validator, `card.md` as a model card."""

import math
from typing import Any, Final

import jinja2

from training.columns import csv_name
from training.report.budgets import budgets_chapter
from training.report.customers import effects_chapter, errors_chapter
from training.report.groups import groups_chapters
from training.report.models import models_chapter
from training.report.quality import quality_chapter
from training.story import Story

REPORT: Final = "report.html"
CARD: Final = "card.md"
_MINUS: Final = "\N{MINUS SIGN}"


def documents(story: Story) -> dict[str, bytes]:
    """Return the files by name. They depend on the story alone: the same story gives the same bytes."""
    templates = environment()
    context = _context(story)
    return {name: templates.get_template(f"{name}.j2").render(context).encode() for name in (REPORT, CARD)}


def environment() -> jinja2.Environment:
    """Return what renders the templates, one file a chapter."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("training.report", ""),
        autoescape=jinja2.select_autoescape(("html.j2",)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(percent=_percent, whole=_whole, figure=_figure, signed=_signed)
    return made


def _context(story: Story) -> dict[str, Any]:
    metrics = {(metric.rows, metric.name): metric for metric in story.manifest.metrics}
    return {
        "story": story,
        "manifest": story.manifest,
        "metrics": metrics,
        "base_rate": float(story.labels.mean()),
        "columns": [csv_name(feature.name) for feature in story.manifest.features],
        **budgets_chapter(story, metrics),
        **models_chapter(story),
        **quality_chapter(story, metrics),
        **effects_chapter(story),
        **errors_chapter(story),
        **groups_chapters(story),
    }


def _percent(value: float, digits: int = 0) -> str:
    if math.isnan(value):
        return "\N{EN DASH}"
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


def _whole(value: float) -> str:
    return f"{value:,.0f}".replace("-", _MINUS)


def _figure(value: float, digits: int = 4) -> str:
    if math.isnan(value):
        return "\N{EN DASH}"
    return f"{value:.{digits}f}".replace("-", _MINUS)


def _signed(value: float, digits: int = 4) -> str:
    return f"{value:+.{digits}f}".replace("-", _MINUS)
