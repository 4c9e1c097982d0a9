"""What a bundle says in words: `report.html` for a marketing head and a validator, `card.md` as a model card."""

from collections.abc import Mapping
from typing import Any, Final

import jinja2

from schemas.manifest import Metric
from training.columns import csv_name
from training.judge import Compared
from training.metrics import TOP_SHARES, Rows
from training.plots import comparison_plot, gains_plot
from training.story import Story

REPORT: Final = "report.html"
CARD: Final = "card.md"
METRIC_TITLES: Final[Mapping[str, str]] = {
    "accuracy": "Accuracy",
    "roc_auc": "Area under the ROC curve",
    "average_precision": "Average precision",
    "recall": "Recall",
    "precision": "Precision",
    "f1": "F1 score",
    "log_loss": "Log loss",
    "brier": "Brier score",
    **{f"conversion_top_{share}": f"Conversion in the top {share} %" for share in TOP_SHARES},
}


def documents(story: Story) -> dict[str, bytes]:
    """Return the files by name. They depend on the story alone: the same story gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training", ""),
        autoescape=jinja2.select_autoescape(("html.j2",)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    context = _context(story)
    return {name: environment.get_template(f"{name}.j2").render(context).encode() for name in (REPORT, CARD)}


def _context(story: Story) -> dict[str, Any]:
    metrics = {(metric.rows, metric.name): metric for metric in story.manifest.metrics}
    return {
        "story": story,
        "manifest": story.manifest,
        "metrics": metrics,
        "titles": METRIC_TITLES,
        "base_rate": float(story.labels.mean()),
        "budgets": [_budget(story, metrics, share) for share in TOP_SHARES],
        "comparison": _ranked(story),
        "columns": [csv_name(feature.name) for feature in story.manifest.features],
        "gains": gains_plot(story.labels, story.scores),
        "overview": comparison_plot([_average_precision(one) for one in story.comparison], story.title),
    }


def _average_precision(one: Compared) -> tuple[str, float, float]:
    return one.candidate.title, one.metrics["average_precision"], one.standard_errors["average_precision"]


def _budget(story: Story, metrics: Mapping[tuple[Rows, str], Metric], share: int) -> dict[str, Any]:
    """Say what one budget brings: takers among its contacts, at random and by the model, with the interval."""
    contacts = round(len(story.labels) * share / 100)
    name = f"conversion_top_{share}"
    found, tested = metrics["cross_validation", name], metrics["test", name]
    base = float(story.labels.mean())
    return {
        "share": share,
        "contacts": contacts,
        "random": base * contacts,
        "model": found.value * contacts,
        "conversion": found,
        "test": tested,
        "lift": found.value / base,
        "recall": found.value * contacts / int(story.labels.sum()),
    }


def _ranked(story: Story) -> list[Compared]:
    """Return the candidates, best first by the rule of the choice."""
    rule = story.choice.rule
    sign = 1 if rule == "log_loss" else -1
    return sorted(story.comparison, key=lambda one: (sign * one.metrics[rule], one.candidate.name))


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"
