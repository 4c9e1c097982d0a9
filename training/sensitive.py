"""Whether Age, CustomerSince and the ZIP code may be left out: measured on the chosen candidate, then decided."""

from typing import NamedTuple

from propensity.features import FEATURES, OPTIONAL
from training.columns import csv_name
from training.evaluate import OutOfFold
from training.selection import Difference, Rule, paired_difference


class FeatureChoice(NamedTuple):
    """
    What the packed model is offered, and why.

    Attributes:
        names: The customer fields.
        cost: What leaving the three out costs by the rule of the choice; positive is a loss.
        evaluation: The cross-validation with these fields.
        reason: In words, with the figure.
    """

    names: tuple[str, ...]
    cost: Difference
    evaluation: OutOfFold
    reason: str


def choose_features(without: OutOfFold, with_all: OutOfFold, rule: Rule) -> FeatureChoice:
    """
    Leave the three out unless leaving them out costs more than one standard error.

    Args:
        without: Cross-validation of the candidate on `FEATURES`.
        with_all: The same on `FEATURES` and `OPTIONAL`, over the same folds.
        rule: What counts.
    """
    cost = paired_difference(with_all.by_fold, without.by_fold, rule)
    columns = ", ".join(csv_name(name) for name in OPTIONAL)
    change = float(without.by_fold[rule].mean() - with_all.by_fold[rule].mean())
    figure = (
        f"leaving them out changes {rule.replace('_', ' ')} by {change:+.4f} (standard error {cost.standard_error:.4f})"
    )
    if cost.beyond_chance:
        reason = f"{columns} are kept: {figure}, a loss beyond chance."
        return FeatureChoice((*FEATURES, *OPTIONAL), cost, with_all, reason)
    reason = f"{columns} are left out: {figure}, so nothing is lost beyond chance."
    return FeatureChoice(FEATURES, cost, without, reason)
