"""Whether NEW chooses its leads less evenly than OLD among ages, family sizes and regions."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.data import Labels
from training.fairness.groups import Groups, age_bands, categories, regions
from training.fairness.ratio import FOUR_FIFTHS
from training.gate.compare import Chosen, percentiles
from training.gate.line import Figure, Line

MIN_GROUP: Final = 30
"""Of fewer customers a rate says nothing."""


def groups_of(table: pd.DataFrame) -> dict[str, Groups]:
    """Return for each kind of group who belongs to which. Region, by two ZIP digits, is a proxy."""
    return {
        "age band": age_bands(table["age"].to_numpy(), MIN_GROUP),
        "family size": categories([f"{size:g}" for size in table["hidden_score"]]),
        "region": regions(table["zip_code"].to_numpy(), MIN_GROUP),
    }


def rates(chosen: Chosen, groups: Groups) -> dict[str, float]:
    """Return the share of leads in each group that is large enough."""
    counts = np.bincount(groups.of, minlength=len(groups.names))
    leads = np.bincount(groups.of, weights=chosen, minlength=len(groups.names))
    return {
        name: float(lead / count)
        for name, lead, count in zip(groups.names, leads, counts, strict=True)
        if count >= MIN_GROUP
    }


def selection_ratio(by_group: Mapping[str, float]) -> float:
    """Return the lowest rate divided by the highest; 1 where nobody is chosen."""
    highest = max(by_group.values(), default=0.0)
    return min(by_group.values()) / highest if highest else 1.0


def fairness(
    table: pd.DataFrame, labels: Labels, new: Chosen, old: Chosen, allowed: float, approved_by: str | None
) -> list[Line]:
    """
    Judge each kind of group.

    Args:
        table: The hold-out's rows.
        labels: Shape (n,): their outcomes.
        new: Shape (n,): who is a lead of NEW.
        old: Shape (n,): who is a lead of OLD.
        allowed: By how much NEW's ratio may be below OLD's; a larger fall that may be chance is no fail.
        approved_by: Who answers for it where it is.
    """
    return [_line(kind, groups, labels, (new, old), allowed, approved_by) for kind, groups in groups_of(table).items()]


def fairness_shown(table: pd.DataFrame, new: Chosen, why: str) -> list[Line]:
    """
    Show NEW's ratio for each kind of group where OLD's leads are not known.

    Args:
        table: The hold-out's rows.
        new: Shape (n,): who is a lead of NEW.
        why: Why OLD's are not known.
    """
    lines = []
    for kind, groups in groups_of(table).items():
        by_group = rates(new, groups)
        ratio = selection_ratio(by_group)
        text = f"lowest rate of leads divided by the highest: NEW {ratio:.2f}; {_four_fifths(ratio)}; not judged: {why}"
        figures: dict[str, Figure] = {"new": ratio, "four_fifths": ratio >= FOUR_FIFTHS, "new_rates": by_group}
        lines.append(Line("fairness", kind, None, text, figures))
    return lines


def _line(
    kind: str, groups: Groups, labels: Labels, both: tuple[Chosen, Chosen], allowed: float, approved_by: str | None
) -> Line:
    new, old = (rates(chosen, groups) for chosen in both)
    ratios = selection_ratio(new), selection_ratio(old)

    def fall(rows: NDArray[np.intp]) -> list[float]:
        drawn = [selection_ratio(rates(chosen[rows], Groups(groups.names, groups.of[rows]))) for chosen in both]
        return [drawn[0] - drawn[1]]

    low, high = (float(bound[0]) for bound in percentiles(labels, fall, seed=0))
    difference = ratios[0] - ratios[1]
    holds = difference >= -allowed or high >= 0
    text = (
        f"lowest rate of leads divided by the highest: NEW {ratios[0]:.2f}, OLD {ratios[1]:.2f}, difference "
        f"{difference:+.2f} ({low:+.2f} to {high:+.2f}), at most {allowed:g} lower; {_four_fifths(ratios[0])}"
    )
    if holds and difference < -allowed:
        text += "; it is lower by more, which may be chance"
    if not holds:
        text += f"; approved by {approved_by}" if approved_by else "; somebody must answer for it: --approve-fairness"
    figures: dict[str, Figure] = {
        "new": ratios[0],
        "old": ratios[1],
        "difference": difference,
        "low": low,
        "high": high,
        "four_fifths": ratios[0] >= FOUR_FIFTHS,
        "approved_by": None if holds else approved_by,
        "new_rates": new,
        "old_rates": old,
    }
    return Line("fairness", kind, holds or approved_by is not None, text, figures)


def _four_fifths(ratio: float) -> str:
    return "four fifths are kept" if ratio >= FOUR_FIFTHS else "below four fifths"
