"""What follows for each column from the figures, in words."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import pandas as pd

from propensity.features import OPTIONAL
from training.columns import ID, LABEL, csv_name
from training.exploration.numbers import factor, signed

Correlations = Mapping[str, Mapping[str, float]]
"""Pearson's r of two fields, of which one may be the label."""

Verdict = Literal["dropped", "measured", "kept"]
"""`measured`: what leaving the column out costs the chosen model decides, no figure here (`training.sensitive`)."""


class Decision(NamedTuple):
    """
    What follows for one column, or for several.

    Attributes:
        columns: As the bank's files spell them.
        verdict: What becomes of them.
        rule: By which rule, in a word or two.
        reason: In whole sentences, with the figures.
    """

    columns: tuple[str, ...]
    verdict: Verdict
    rule: str
    reason: str


def identifier(rows: pd.DataFrame) -> Decision:
    """Drop the customer's number."""
    reason = (
        f"{rows.index.nunique():,} different values for {len(rows):,} customers: "
        "it names a customer, and says nothing about one."
    )
    return Decision((ID,), "dropped", "identifier", reason)


def code(rows: pd.DataFrame, field: str) -> Decision:
    """Drop a number that is a name."""
    different = int(rows[field].nunique())
    r = (
        f"its r with the outcome is {signed(rows[field].corr(rows[LABEL]))}"
        if different > 1
        else "it tells nobody apart"
    )
    values = f"{different:,} different values" if different > 1 else "one value"
    reason = (
        f"A code, not an amount: {values} among {len(rows):,} customers; {r}. "
        "Where people live can stand in for who they are."
    )
    return Decision((csv_name(field),), "dropped", "code", reason)


def constant(field: str, share: float) -> Decision:
    """Drop a column in which one value fills nearly all cells."""
    reason = f"One value fills {100 * share:.1f} % of the cells: there is next to nothing to learn from."
    return Decision((csv_name(field),), "dropped", "constant", reason)


def collinear(field: str, nearest: str, factors: Mapping[str, float], correlations: Correlations) -> Decision:
    """Drop one of the columns that say the same; `correlations` holds the correlations, with the outcome, too."""
    one, other = csv_name(field), csv_name(nearest)
    both_sensitive = field in OPTIONAL and nearest in OPTIONAL
    why = "Of the two it has less to do with the outcome"
    if field in OPTIONAL and not both_sensitive:
        why = "It is the sensitive one of the two, and so goes first"
    reason = (
        f"{other} says the same: r = {signed(correlations[field][nearest])}, variance inflation factors "
        f"{factor(factors[field])} and {factor(factors[nearest])}. {why} (r with the outcome "
        f"{signed(correlations[field][LABEL])}, {other} {signed(correlations[nearest][LABEL])})."
    )
    return Decision((one,), "dropped", "collinear", reason)


def sensitive(field: str, inflation: float, correlations: Correlations) -> Decision:
    """Leave a column that the rules would keep, but a bank's lawyers look at, to the measurement."""
    reason = (
        f"No longer collinear (variance inflation factor {inflation:.2f}); its r with the outcome is "
        f"{signed(correlations[field][LABEL])}. It is sensitive, so what leaving it out "
        "costs is measured on the chosen model."
    )
    return Decision((csv_name(field),), "measured", "sensitive", reason)


def kept(fields: Sequence[str], factors: Mapping[str, float], correlations: Correlations) -> Decision:
    """Keep the others, and say how far they are from the limits."""
    worst = max(fields, key=lambda field: factors[field])
    reason = f"Largest variance inflation factor {factors[worst]:.2f} ({csv_name(worst)})"
    pairs = [(one, other) for place, one in enumerate(fields) for other in fields[place + 1 :]]
    if pairs:
        one, other = max(pairs, key=lambda pair: abs(correlations[pair[0]][pair[1]]))
        reason += f", largest r {signed(correlations[one][other], 2)} ({csv_name(one)} and {csv_name(other)})"
    return Decision(tuple(csv_name(field) for field in fields), "kept", "within the limits", f"{reason}.")
