"""Columns that say the same thing: correlations, variance inflation factors, and the rule that drops some of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from propensity.features import OPTIONAL, Matrix, Vector
from training.columns import LABEL, csv_name
from training.exploration import decisions as decide
from training.exploration.decisions import Correlations, Decision

VIF_LIMIT: Final = 10.0
CORRELATION_LIMIT: Final = 0.9
NEAR_CONSTANT: Final = 0.995
"""Where one value fills this share of the cells, the others are too few to learn from."""

_ROUNDING: Final = 1e-12


class Collinearity(NamedTuple):
    """
    What the columns have to do with each other.

    Attributes:
        columns: Of the correlation matrix, as the bank's files spell them; the outcome is the last.
        correlations: Pearson's r, k rows of k.
        before: Variance inflation factor by column, before anything is dropped for it.
        after: The same for the columns that are left.
        decisions: In the order in which they were taken.
    """

    columns: tuple[str, ...]
    correlations: tuple[tuple[float, ...], ...]
    before: Mapping[str, float]
    after: Mapping[str, float]
    decisions: tuple[Decision, ...]


def collinearity(rows: pd.DataFrame, fields: Sequence[str], codes: Collection[str]) -> Collinearity:
    """
    Apply the rule: the identifier, codes and constant columns go; then the collinear, one after another.

    A column is collinear while its variance inflation factor is above `VIF_LIMIT`, or its |r| with another one above
    `CORRELATION_LIMIT`. Of those that are, a sensitive one goes first, then the one less correlated with the outcome.

    Args:
        rows: Labelled rows that may be looked at.
        fields: Customer fields without the label.
        codes: Those of them whose number is only a name.
    """
    commonest = {field: float(rows[field].value_counts(normalize=True).max()) for field in fields}
    constant = [field for field in fields if field not in codes and commonest[field] >= NEAR_CONSTANT]
    varying = [field for field in fields if field not in (*codes, *constant)]
    correlations = _correlations(rows, [*varying, LABEL])
    left, dropped = _without_collinear(rows, varying, correlations)
    after = inflation(rows, left)
    decisions = (
        decide.identifier(rows),
        *(decide.code(rows, field) for field in fields if field in codes),
        *(decide.constant(field, commonest[field]) for field in constant),
        *dropped,
        *_others(left, after, correlations),
    )
    return Collinearity(
        tuple(csv_name(field) for field in correlations),
        tuple(tuple(row.values()) for row in correlations.values()),
        {csv_name(field): factor for field, factor in inflation(rows, varying).items()},
        {csv_name(field): factor for field, factor in after.items()},
        decisions,
    )


def inflation(rows: pd.DataFrame, fields: Sequence[str]) -> dict[str, float]:
    """
    Return by field how much the others inflate the variance of its coefficient.

    This is 1 / (1 - R²), with R² from the regression of the field on all others; infinity where R² is 1.

    Args:
        rows: Rows with a blank among these fields are passed over.
        fields: None of them constant.
    """
    values: Matrix = rows[[*fields]].dropna().to_numpy(dtype=np.float64)
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    # More threads would add up in another order, and so change the last bits.
    with threadpool_limits(1):
        return {field: _inflation(np.delete(scaled, place, 1), scaled[:, place]) for place, field in enumerate(fields)}


def _correlations(rows: pd.DataFrame, fields: Sequence[str]) -> Correlations:
    matrix = rows[[*fields]].corr().to_numpy()
    return {one: dict(zip(fields, row.tolist(), strict=True)) for one, row in zip(fields, matrix, strict=True)}


def _inflation(others: Matrix, one: Vector) -> float:
    if others.shape[1] == 0:
        return 1.0
    remainder = one - others @ np.linalg.lstsq(others, one)[0]
    unexplained = float(remainder @ remainder / (one @ one))
    return 1 / unexplained if unexplained > _ROUNDING else float("inf")


def _without_collinear(
    rows: pd.DataFrame, fields: Sequence[str], correlations: Correlations
) -> tuple[list[str], list[Decision]]:
    left = [*fields]
    dropped: list[Decision] = []
    while len(left) > 1:
        factors = inflation(rows, left)
        nearest = {field: _nearest(field, left, correlations) for field in left}
        over = [
            field
            for field in left
            if factors[field] > VIF_LIMIT or abs(correlations[field][nearest[field]]) > CORRELATION_LIMIT
        ]
        if not over:
            break
        out = min(over, key=lambda field: (field not in OPTIONAL, abs(correlations[field][LABEL]), field))
        dropped.append(decide.collinear(out, nearest[out], factors, correlations))
        left.remove(out)
    return left, dropped


def _nearest(field: str, among: Sequence[str], correlations: Correlations) -> str:
    """Return the other field that is most correlated with this one."""
    return max((other for other in among if other != field), key=lambda other: abs(correlations[field][other]))


def _others(left: Sequence[str], factors: Mapping[str, float], correlations: Correlations) -> list[Decision]:
    """Return what becomes of the fields that no rule drops."""
    usual = [field for field in left if field not in OPTIONAL]
    measured = [decide.sensitive(field, factors[field], correlations) for field in left if field in OPTIONAL]
    return [*measured, decide.kept(usual, factors, correlations)] if usual else measured
