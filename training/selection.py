"""Which candidate wins, and why, in words. Pure: figures in, a choice out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from propensity.features import Vector
from training.errors import KeepsTrainingRows

Rule = Literal["accuracy", "average_precision", "log_loss"]
RULES: Final[tuple[Rule, ...]] = ("accuracy", "average_precision", "log_loss")

ByFold = Mapping[str, Vector]
"""One candidate's figures: for each metric one value a fold."""


class Choice(NamedTuple):
    """Who won, among whom, and why."""

    candidate: str
    rule: Rule
    best: str
    """The best by the rule alone."""
    within: tuple[str, ...]
    """Those that are not worse than the best by more than chance, the best first."""
    reasons: tuple[str, ...]


class Difference(NamedTuple):
    """How much better the first is, over the same folds; positive is better, whatever the metric."""

    mean: float
    standard_error: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the first is better by more than one standard error."""
        return self.mean > self.standard_error


def paired_difference(first: ByFold, second: ByFold, rule: Rule) -> Difference:
    """Return how much better the first is by a rule. Both must come from the same folds, in the same order."""
    differences = (first[rule] - second[rule]) * _sign(rule)
    return Difference(float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences))))


def choose(figures: Mapping[str, ByFold], rule: Rule, title: Callable[[str], str] = str) -> Choice:
    """
    Choose among candidates.

    The best by the rule sets the mark. Those within one standard error of the paired difference from it compete by
    average precision, then by log loss, then by name.

    Args:
        figures: By candidate; all from the same folds.
        rule: What counts first.
        title: How the reasons call a candidate.
    """
    best = max(sorted(figures), key=lambda name: _merit(figures[name], rule))
    behind = {name: paired_difference(figures[best], figures[name], rule) for name in figures}
    within = sorted(
        (name for name in figures if not behind[name].beyond_chance),
        key=lambda name: (name != best, -_merit(figures[name], rule), name),
    )
    winner = max(
        sorted(within), key=lambda name: (_merit(figures[name], "average_precision"), _merit(figures[name], "log_loss"))
    )
    reasons = _reasons(
        _Ranking(rule, title(best), [title(name) for name in within if name != best], title(winner)),
        figures[best],
        figures[winner],
    )
    return Choice(winner, rule, best, tuple(within), reasons)


def check_packable(names: Collection[str], keeps_rows: Collection[str]) -> None:
    """
    Refuse candidates of which none may be packed.

    Args:
        names: The candidates.
        keeps_rows: Those of them that may be compared but not packed.

    Raises:
        KeepsTrainingRows: With the way out.
    """
    if names and all(name in keeps_rows for name in names):
        raise KeepsTrainingRows(
            f"{', '.join(names)}: each of these candidates keeps rows of customers inside, so none is packed; "
            "add one that keeps none, such as decision_tree, or allow it with --allow-training-rows"
        )


def choose_packable(
    figures: Mapping[str, ByFold], rule: Rule, keeps_rows: Collection[str], title: Callable[[str], str] = str
) -> Choice:
    """
    Choose, and pass over those that keep training rows: customer data must not leave inside a model.

    Args:
        figures: By candidate.
        rule: What counts first.
        keeps_rows: The candidates to compare but not to take.
        title: How the reasons call a candidate.

    Raises:
        KeepsTrainingRows: There is no other.
    """
    check_packable(figures, keeps_rows)
    first = choose(figures, rule, title)
    if first.candidate not in keeps_rows:
        return first
    passed_over = f"{title(first.candidate)} keeps rows of customers inside, so it is not packed unless told so."
    second = choose({name: one for name, one in figures.items() if name not in keeps_rows}, rule, title)
    return second._replace(reasons=(*first.reasons, passed_over, *second.reasons))


def _merit(figures: ByFold, rule: Rule) -> float:
    return float(figures[rule].mean()) * _sign(rule)


def _sign(rule: Rule) -> int:
    return -1 if rule == "log_loss" else 1


def _words(rule: Rule) -> str:
    return rule.replace("_", " ")


class _Ranking(NamedTuple):
    rule: Rule
    best: str
    others: Sequence[str]
    winner: str


def _reasons(ranking: _Ranking, best: ByFold, winner: ByFold) -> tuple[str, ...]:
    rule, name = ranking.rule, ranking.winner
    top = f"{ranking.best} has the best {_words(rule)}: {best[rule].mean():.4f}, mean over the folds."
    if not ranking.others:
        return (top, "No other is within one standard error of it on the same folds.")
    tied = f"Within one standard error of it on the same folds: {'; '.join(ranking.others)}."
    precision = f"{winner['average_precision'].mean():.4f}"
    if name == ranking.best:
        return (top, tied, f"{name} also has the best average precision among these, {precision}.")
    behind = paired_difference(best, winner, rule)
    gap = f"behind by {behind.mean:.4f}, standard error {behind.standard_error:.4f}"
    return (top, tied, f"{name} ({gap}) has the best average precision among these, {precision}, and so it wins.")
