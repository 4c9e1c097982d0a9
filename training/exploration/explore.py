"""Understanding the data: what is in the two files, who took the loan, and which columns say the same thing twice."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from training.columns import LABEL
from training.data import labels
from training.exploration.collinear import Collinearity, collinearity
from training.exploration.distributions import Distribution, distribution
from training.exploration.profile import CODES, Profile, is_amount, profile
from training.exploration.segments import Segment, Segmentation, TwoWay, segment, segmentation, two_way

TWO_WAY: tuple[tuple[str, str], ...] = (("highest_spend", "level"), ("highest_spend", "hidden_score"))
"""Pairs of fields, income by something, that together draw the border between takers and others."""


class Outcomes(NamedTuple):
    """
    How many customers there are of each kind.

    Attributes:
        customers: In the merged table.
        unknown: Of them without a known outcome.
        locked: With a known outcome that is not looked at here: the test set.
        takers: Among those that are looked at: how many, of how many, with the interval of the share.
    """

    customers: int
    unknown: int
    locked: int
    takers: Segment


class Exploration(NamedTuple):
    """
    What the data says before any model. All of it is counts and figures; no row of a customer is in it.

    Attributes:
        profile: Of both files and of their merge, all rows, without a look at who took the loan.
        outcomes: Of the label.
        distributions: Each amount among takers and among the others.
        segmentations: How many of each category or band took the loan.
        two_ways: The same for pairs of fields.
        collinearity: Correlations, variance inflation factors, and what follows from them.
    """

    profile: Profile
    outcomes: Outcomes
    distributions: tuple[Distribution, ...]
    segmentations: tuple[Segmentation, ...]
    two_ways: tuple[TwoWay, ...]
    collinearity: Collinearity


def explore(table: pd.DataFrame, development: pd.DataFrame) -> Exploration:
    """
    Explore the data.

    Args:
        table: The merged table of `training.data.load`. Of its labels only the blanks are counted.
        development: Those of its rows, all labelled, that may be looked at. Whatever has to do with the outcome comes
            from these, so that the locked test set stays locked.
    """
    fields = [field for field in table.columns if field != LABEL]
    amounts = [field for field in fields if is_amount(development[field], field)]
    return Exploration(
        profile=profile(table),
        outcomes=_outcomes(table, development),
        distributions=tuple(distribution(development, field) for field in amounts),
        segmentations=tuple(segmentation(development, field) for field in fields),
        two_ways=_two_ways(development, amounts),
        collinearity=collinearity(development, fields, CODES),
    )


def _outcomes(table: pd.DataFrame, development: pd.DataFrame) -> Outcomes:
    unknown = int(table[LABEL].isna().sum())
    locked = len(table) - unknown - len(development)
    return Outcomes(len(table), unknown, locked, segment("all", labels(development)))


def _two_ways(development: pd.DataFrame, amounts: Sequence[str]) -> tuple[TwoWay, ...]:
    """Return the pairs whose income can be cut into bands; a constant income has none."""
    return tuple(two_way(development, rows, columns) for rows, columns in TWO_WAY if rows in amounts)
