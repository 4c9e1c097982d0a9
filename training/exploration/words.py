"""What one sees in the pictures of the exploration: a sentence or two for each, with its figures."""

from collections.abc import Mapping
from typing import Final

from training.columns import LABEL_COLUMN
from training.exploration.collinear import CORRELATION_LIMIT, VIF_LIMIT, Collinearity
from training.exploration.distributions import Distribution
from training.exploration.explore import Outcomes
from training.exploration.numbers import amount, factor, listed, percent, signed, whole
from training.exploration.profile import FileProfile
from training.exploration.segments import Segment, Segmentation, TwoWay

_HALF: Final = 0.5
_NAMED: Final = 3
_ALIKE: Final = 0.02
"""Where neither side has more in 52 of 100 pairs, the two are called alike."""


def outcomes_seen(outcomes: Outcomes) -> str:
    """Say how rare takers are."""
    takers = outcomes.takers
    return (
        f"Of {whole(outcomes.customers)} customers, {whole(outcomes.unknown)} have no known outcome and "
        f"{whole(outcomes.locked)} are locked away for the test. Of the other {whole(takers.customers)}, "
        f"{whole(takers.takers)} took the loan: {percent(takers.rate)} (95 % interval {percent(takers.low)} to "
        f"{percent(takers.high)}). Always saying no would be right {percent(1 - takers.rate)} of the time, "
        "so accuracy alone says little."
    )


def missing_seen(merged: FileProfile) -> str:
    """Say where cells are blank."""
    blank = [f"{one.column} ({whole(one.missing)})" for one in merged.columns if one.missing]
    return f"Blank cells: {listed(blank)}; all others are filled." if blank else "No cell is blank."


def odd_seen(merged: FileProfile) -> str:
    """Say which values surprise; they are kept, since a tree only compares, and none is a feature as it stands."""
    odd = [f"{one.column} ({one.odd})" for one in merged.columns if one.odd]
    return f"Odd values: {listed(odd)}. They are left as they are." if odd else "No value is odd."


def distribution_seen(one: Distribution) -> str:
    """Say how far takers and others are apart."""
    alike = abs(one.superiority - _HALF) < _ALIKE
    place, called = (
        (1, "median") if alike or one.taker_quartiles[1] != one.other_quartiles[1] else (2, "upper quartile")
    )
    figures = (amount(quartiles[place]) for quartiles in (one.taker_quartiles, one.other_quartiles))
    figure = "{} {} among borrowers, {} among others".format(called, *figures)
    if alike:
        return f"Borrowers and others are alike: {figure}."
    side = "borrower" if one.superiority > _HALF else "other customer"
    pairs = 100 * max(one.superiority, 1 - one.superiority)
    return f"Of 100 pairs of a borrower and another customer, the {side} has more in {pairs:.0f}: {figure}."


def segmentation_seen(one: Segmentation) -> str:
    """Say how far apart the segments are, and whether that is more than chance."""
    low, high = min(one.segments, key=_rate), max(one.segments, key=_rate)
    if low.name == high.name:
        return f"There is one kind only; {percent(low.rate)} took the loan."
    chance = "their intervals overlap" if high.low <= low.high else "their intervals do not overlap"
    return f"From {percent(low.rate)} ({low.name}) to {percent(high.rate)} ({high.name}) took the loan; {chance}."


def two_way_seen(one: TwoWay, takers: int) -> str:
    """Say how sharp the border is."""
    cells = [cell for row in one.cells for cell in row if cell is not None]
    likely = [cell for cell in cells if cell.rate >= _HALF]
    never = [cell for cell in cells if cell.takers == 0]
    reached, customers = sum(cell.takers for cell in likely), sum(cell.customers for cell in likely)
    border = (
        f"In {len(likely)} of {len(cells)} cells at least half took the loan: these hold {whole(reached)} of "
        f"{whole(takers)} borrowers among {whole(customers)} customers. "
        if likely
        else f"In none of {len(cells)} cells did half take the loan. "
    )
    return f"{border}In {len(never)} cells, {whole(sum(cell.customers for cell in never))} customers, nobody did."


def correlations_seen(one: Collinearity) -> str:
    """Say which columns go together most, and which go with the outcome."""
    columns, r = one.columns[:-1], one.correlations
    if not columns:
        return "No column varies."
    outcome = sorted(zip(columns, (row[-1] for row in r[:-1]), strict=True), key=lambda pair: -abs(pair[1]))
    most = listed([f"{column} ({signed(value, 2)})" for column, value in outcome[:_NAMED]])
    with_outcome = f"With {LABEL_COLUMN} go most: {most}."
    pairs = [(a, b) for a in range(len(columns)) for b in range(a)]
    if not pairs:
        return with_outcome
    first, second = max(pairs, key=lambda pair: abs(r[pair[0]][pair[1]]))
    strongest = f"{columns[second]} and {columns[first]} (r = {signed(r[first][second])})"
    return f"Most alike are {strongest}. {with_outcome}"


def inflation_seen(one: Collinearity) -> str:
    """Say which columns the others can replace, and what is left once some are dropped."""
    over = [f"{column} ({factor(value)})" for column, value in one.before.items() if value > VIF_LIMIT]
    dropped = [column for decision in one.decisions if decision.rule == "collinear" for column in decision.columns]
    before = (
        f"Above the limit of {VIF_LIMIT:g}: {listed(over)}." if over else f"None is above the limit of {VIF_LIMIT:g}."
    )
    if not dropped:
        return before
    return f"{before} Without {listed(dropped)} the largest is {factor(max(one.after.values()))}{_which(one.after)}."


def rule_said() -> str:
    """State the rule for columns that say the same."""
    return (
        f"Columns are dropped until no variance inflation factor exceeds {VIF_LIMIT:g} and no |r| exceeds "
        f"{CORRELATION_LIMIT:g}: a sensitive one first, then the one that is less correlated with the outcome."
    )


def _which(factors: Mapping[str, float]) -> str:
    return f" ({max(factors, key=lambda column: factors[column])})"


def _rate(segment: Segment) -> float:
    return segment.rate
