"""The chapters on customers: what moves the score, and who was scored wrongly."""

from typing import Any, Final

from training.columns import csv_name
from training.data import matrix
from training.fitting import Offered
from training.report.effects import SAMPLE, effects, importances, sampled, together
from training.report.errors_seen import errors_seen
from training.report.plots_effects import effect_plot, importance_plot, pair_plot
from training.story import Story

_PAIR_SAMPLE: Final = 100
STRONG_MARGIN: Final = 0.01
"""A candidate is strong if its accuracy is within one percentage point of the winner's."""


def effects_chapter(story: Story) -> dict[str, Any]:
    """Return the effects of the packed model's features, the strongest first, and what shuffling them costs."""
    model, names = story.winner.model, story.winner.names
    seed = int(story.manifest.parameters["seed"])
    development = matrix(story.rows, names)
    rows = sampled(development, seed)
    found = effects(model, rows, names)
    top = 1.08 * max(0.01, *(float(one.scores.max()) for one in found))
    candidate = next(one.candidate for one in story.comparison if one.candidate.name == story.manifest.candidate)
    pair = (found[0].name, found[1].name) if len(found) > 1 else None
    return {
        "sample": min(SAMPLE, len(development)),
        "effects": [{"effect": one, "title": csv_name(one.name), "plot": effect_plot(one, top)} for one in found],
        "pair": pair and [csv_name(name) for name in pair],
        "pair_plot": pair and pair_plot(together(model, rows[:_PAIR_SAMPLE], names, pair)),
        "importance": importance_plot(importances(candidate, Offered(development, story.labels, names), seed)),
    }


def errors_chapter(story: Story) -> dict[str, Any]:
    """Return the errors of the first repeat, and in how many of the strong candidates each of them is one."""
    winner = story.manifest.candidate
    accuracy = {one.candidate.name: one.metrics["accuracy"] for one in story.comparison}
    strong = {
        one.candidate.title: story.evaluations[one.candidate.name].scores[0]
        for one in story.comparison
        if one.candidate.resampling is None and accuracy[one.candidate.name] >= accuracy[winner] - STRONG_MARGIN
    }
    return {"errors": errors_seen(story.rows, story.labels, story.scores[0], {**strong, story.title: story.scores[0]})}
