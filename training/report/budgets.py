"""The chapter on budgets: takers by contacts, and what they are worth."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.manifest import Metric
from training.metrics import TOP_SHARES, Rows
from training.report.money import fixed_budget, profit_by_contacts, terms_of, worth_contacting
from training.report.plots_curves import gains_plot, lift_plot
from training.report.plots_money import profit_plot
from training.story import Story

_BUDGET_SHARES: Final = (1, 2, 5, 10, 15, 20, 30, 50)


def budgets_chapter(story: Story, metrics: Mapping[tuple[Rows, str], Metric]) -> dict[str, Any]:
    """Return what the chapter shows, from cross-validation; the pictures and the money are of its first repeat."""
    labels, scores = story.labels, story.scores[0]
    terms = terms_of(story.manifest.economics)
    profit = profit_by_contacts(labels, scores, terms)
    cutoff = worth_contacting(scores, terms)
    sizes = [max(1, round(len(labels) * share / 100)) for share in _BUDGET_SHARES]
    return {
        "budgets": [_budget(story, metrics, share) for share in TOP_SHARES],
        "gains": gains_plot(labels, scores),
        "lift": lift_plot(labels, scores),
        "terms": terms,
        "cutoff": cutoff,
        "profit_at_cutoff": float(profit.realised[cutoff]),
        "expected_at_cutoff": float(profit.expected[cutoff]),
        "profit_of_everybody": float(profit.realised[-1]),
        "profit": profit_plot(profit, cutoff),
        "fixed": [fixed_budget(labels, scores, size, terms) for size in sizes],
    }


def _budget(story: Story, metrics: Mapping[tuple[Rows, str], Metric], share: int) -> dict[str, Any]:
    """Say what one budget brings: takers among its contacts, at random and by the model, with the interval."""
    contacts = round(len(story.labels) * share / 100)
    found = metrics["cross_validation", f"conversion_top_{share}"]
    base = float(story.labels.mean())
    return {
        "share": share,
        "contacts": contacts,
        "random": base * contacts,
        "model": found.value * contacts,
        "low": found.low * contacts,
        "high": min(found.high * contacts, float(story.labels.sum())),
        "lift": found.value / base,
        "recall": found.value * contacts / int(story.labels.sum()),
    }
