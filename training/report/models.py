"""The chapters on the models: which one was chosen and why, and all of them side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.judge import Compared
from training.pictures import ACCENT, OTHERS
from training.report.families import SEED_SIX, Family, Line, families
from training.report.plots_models import comparison_plot
from training.selection import Choice, Rule
from training.story import Story


def models_chapter(story: Story) -> dict[str, Any]:
    """Return what the chapters show."""
    winner = story.manifest.candidate
    by_name = {one.candidate.name: one for one in story.comparison}
    groups = families(story.comparison, story.evaluations, winner, story.choice.rule)
    return {
        "seed_best": by_name[story.seed_choice.candidate],
        "chosen": by_name[winner],
        "rule": story.choice.rule,
        "rules": _rules(story.by_rule, by_name),
        "families": groups,
        "any_keeps_rows": any(one.keeps_rows for one in story.comparison),
        "overview": comparison_plot(_overview(groups, winner), story.title),
    }


def lines_to_draw(groups: Sequence[Family], winner: str) -> list[tuple[Line, str]]:
    """Return the winner and the best of each family that was asked for, each with its colour; none of them twice."""
    lines = {line.compared.candidate.name: line for one in groups for line in (*one.plain, *one.resampled)}
    by_family = {one.name: one for one in groups}
    best = [(by_family[name].best, colour) for name, colour in zip(SEED_SIX, OTHERS, strict=True) if name in by_family]
    others = [(line, colour) for line, colour in best if line.compared.candidate.name != winner]
    return [(lines[winner], ACCENT), *others]


def _rules(by_rule: Mapping[Rule, Choice], by_name: Mapping[str, Compared]) -> list[dict[str, Any]]:
    return [{"rule": rule, "choice": choice, "compared": by_name[choice.candidate]} for rule, choice in by_rule.items()]


def _overview(groups: Sequence[Family], winner: str) -> list[tuple[str, float, float]]:
    """Return name, average precision and its error: of each family's best, and of the winner."""
    lines = [line for one in groups for line in (*one.plain, *one.resampled)]
    shown = {one.best.compared.candidate.name for one in groups} | {winner}
    return [
        (one.candidate.title, one.metrics["average_precision"], one.standard_errors["average_precision"])
        for one in (line.compared for line in lines)
        if one.candidate.name in shown
    ]
