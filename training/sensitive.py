"""Whether Age, CustomerSince and the ZIP code may be left out: measured on the chosen candidate, then decided."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from propensity.features import FEATURES, OPTIONAL
from training.columns import csv_name
from training.evaluate import OutOfFold
from training.exploration.numbers import signed
from training.fairness.by_age import TOP_SHARE, ByAge
from training.fairness.ratio import FOUR_FIFTHS
from training.selection import RULES, Difference, Rule, paired_difference

_COLUMNS: Final = ", ".join(csv_name(name) for name in OPTIONAL)


class FeatureChoice(NamedTuple):
    """
    What the packed model is offered, and why.

    Attributes:
        names: The customer fields.
        cost: What leaving the three out costs by the rule of the choice; positive is a loss.
        evaluation: The cross-validation with these fields.
        reason: In words, with the figure.
        costs: What leaving the three out costs by each rule.
        alone: By field, what leaving out this one costs a model that has none of the other two; empty if not measured.
        by_age: What leaving the three out does to the selection by age; None if not measured.
    """

    names: tuple[str, ...]
    cost: Difference
    evaluation: OutOfFold
    reason: str
    costs: Mapping[Rule, Difference] = MappingProxyType({})
    alone: Mapping[str, Mapping[Rule, Difference]] = MappingProxyType({})
    by_age: ByAge | None = None


def choose_features(
    without: OutOfFold,
    with_all: OutOfFold,
    rule: Rule,
    alone: Mapping[str, OutOfFold] = MappingProxyType({}),
    by_age: ByAge | None = None,
) -> FeatureChoice:
    """
    Leave the three out unless leaving them out costs more than one standard error.

    Args:
        without: Cross-validation of the candidate on `FEATURES`.
        with_all: The same on `FEATURES` and `OPTIONAL`, over the same folds.
        rule: What counts.
        alone: By optional field, the same on `FEATURES` and this one field. It is told, and decides nothing.
        by_age: What `selection_by_age` found. It is told, and decides nothing.
    """
    costs = _costs(without, with_all)
    cost = costs[rule]
    change = float(without.by_fold[rule].mean() - with_all.by_fold[rule].mean())
    figure = (
        f"leaving them out changes {rule.replace('_', ' ')} by {change:+.4f} (standard error {cost.standard_error:.4f})"
    )
    kept = cost.beyond_chance
    return FeatureChoice(
        names=(*FEATURES, *OPTIONAL) if kept else FEATURES,
        cost=cost,
        evaluation=with_all if kept else without,
        reason=f"{_COLUMNS} are kept: {figure}, a loss beyond chance."
        if kept
        else f"{_COLUMNS} are left out: {figure}, so nothing is lost beyond chance.",
        costs=costs,
        alone={name: _costs(without, one) for name, one in alone.items()},
        by_age=by_age,
    )


def details(choice: FeatureChoice) -> tuple[str, ...]:
    """Say what else was measured: the cost by every rule, of each column alone, and what it does to the ages."""
    together = f"Leaving {_COLUMNS} out changes {_changes(choice.costs)} (in brackets: standard error)."
    alone = [
        f"Beside none of the others, leaving out {csv_name(name)} changes {_changes(costs)}."
        for name, costs in choice.alone.items()
    ]
    return (together, *alone, *([] if choice.by_age is None else [_ages(choice.by_age)]))


def _changes(costs: Mapping[Rule, Difference]) -> str:
    changes = ((rule, cost.mean if rule == "log_loss" else -cost.mean, cost) for rule, cost in costs.items())
    return "; ".join(
        f"{rule.replace('_', ' ')} by {signed(change, 4)} ({cost.standard_error:.4f})" for rule, change, cost in changes
    )


def _ages(by_age: ByAge) -> str:
    return (
        f"Among the best {100 * TOP_SHARE:.0f} %, the least selected band of age has {by_age.without.value:.2f} of the "
        f"share of the most selected without these columns, and {by_age.with_all.value:.2f} with them; four fifths "
        f"would be {FOUR_FIFTHS:.2f}. Of those who took the loan it is {by_age.outcomes.value:.2f}, and chance alone "
        f"leaves more than {by_age.without.alike:.2f} in 95 of 100 draws."
    )


def _costs(without: OutOfFold, with_more: OutOfFold) -> dict[Rule, Difference]:
    return {rule: paired_difference(with_more.by_fold, without.by_fold, rule) for rule in RULES}
