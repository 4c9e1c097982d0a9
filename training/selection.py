"""Which candidate wins, and why, in words. Pure: figures in, a choice out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import numpy as np

from propensity.features import Vector
from training.errors import NonePackable

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


def choose(
    figures: Mapping[str, ByFold],
    rule: Rule,
    title: Callable[[str], str] = str,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> Choice:
    """
    Choose among candidates.

    The best by the rule sets the mark. Those within one standard error of the paired difference from it compete by
    average precision, then by log loss, then by size, then by name.

    Args:
        figures: By candidate; all from the same folds.
        rule: What counts first.
        title: How the reasons call a candidate.
        sizes: How large each is as a pickle, in bytes; never how fast, which no two runs agree on.
    """
    best = max(sorted(figures), key=lambda name: _merit(figures[name], rule))
    behind = {name: paired_difference(figures[best], figures[name], rule) for name in figures}
    within = sorted(
        (name for name in figures if not behind[name].beyond_chance),
        key=lambda name: (name != best, -_merit(figures[name], rule), name),
    )
    winner = max(
        sorted(within),
        key=lambda name: (
            *(_merit(figures[name], one) for one in ("average_precision", "log_loss")),
            -sizes.get(name, 0),
        ),
    )
    reasons = _reasons(
        _Ranking(rule, title(best), [title(name) for name in within if name != best], title(winner)),
        figures[best],
        figures[winner],
    )
    return Choice(winner, rule, best, tuple(within), reasons)


def check_packable(names: Collection[str], unpackable: Mapping[str, str]) -> None:
    """
    Refuse candidates of which none may be packed.

    Args:
        names: The candidates.
        unpackable: Those of them that may be compared but not packed, and why.

    Raises:
        NonePackable: With the way out.
    """
    if names and all(name in unpackable for name in names):
        why = "; ".join(f"{name} {unpackable[name]}" for name in names)
        raise NonePackable(
            f"{why}: none of these candidates is packed; add one such as decision_tree, "
            "or allow one that keeps rows with --allow-training-rows"
        )


def choose_packable(
    figures: Mapping[str, ByFold],
    rule: Rule,
    unpackable: Mapping[str, str],
    title: Callable[[str], str] = str,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> Choice:
    """
    Choose, and pass over those that may not be packed, such as models that keep rows of customers.

    Args:
        figures: By candidate.
        rule: What counts first.
        unpackable: The candidates to compare but not to take, and why: in words that follow the candidate's title.
        title: How the reasons call a candidate.
        sizes: See `choose`.

    Raises:
        NonePackable: There is no other.
    """
    check_packable(figures, unpackable)
    first = choose(figures, rule, title, sizes)
    if first.candidate not in unpackable:
        return first
    passed_over = f"{title(first.candidate)} {unpackable[first.candidate]}, so it is not packed."
    rest = {name: one for name, one in figures.items() if name not in unpackable}
    second = choose(rest, rule, title, sizes)
    return second._replace(reasons=(*first.reasons, passed_over, *second.reasons))


def compare_beyond(
    figures: Mapping[str, ByFold], rule: Rule, usual: Choice, others: Collection[str], title: Callable[[str], str] = str
) -> str:
    """
    Say in a sentence whether any of the others is better than the best of the usual ones by more than chance.

    Args:
        figures: By candidate; all from the same folds.
        rule: What counts.
        usual: The choice among the usual ones.
        others: The candidates that go beyond.
        title: How the sentence calls a candidate.
    """
    if not others:
        return "Nothing beyond these was compared."
    best = max(sorted(others), key=lambda name: _merit(figures[name], rule))
    difference = paired_difference(figures[best], figures[usual.candidate], rule)
    figure = f"by {_words(rule)} {difference.mean:+.4f} (standard error {difference.standard_error:.4f})"
    verdict = f"{'' if difference.beyond_chance else 'not '}better by more than one standard error"
    return f"The best of those beyond, {title(best)}, is {verdict}: {figure} against {title(usual.candidate)}."


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
