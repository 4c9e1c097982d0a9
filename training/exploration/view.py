"""The exploration as the report's fragment `explore.html.j2` shows it: figures, pictures and what one sees in them."""

from typing import Final, NamedTuple

from markupsafe import Markup

from training.exploration import plots, words
from training.exploration import plots_pairs as pair_plots
from training.exploration.decisions import Decision
from training.exploration.explore import Exploration
from training.exploration.profile import ColumnProfile, FileProfile
from training.exploration.segments import SMALLEST, Segmentation

_WIDE: Final = 4.3
_NARROW: Final = 3.1
"""Inches: two pictures beside each other, or three."""


class Seen(NamedTuple):
    """A picture under its title, and what one sees in it."""

    title: str
    sentence: str
    picture: Markup


class AmountSeen(NamedTuple):
    """One amount: how it is spread, and who takes the loan, side by side."""

    column: str
    spread: Seen
    conversion: Seen


class ExplorationView(NamedTuple):
    """
    What the fragment shows.

    Attributes:
        files: The two files and their merge.
        columns: Of the merge.
        odd: Which values surprise.
        outcomes: Of the label.
        missing: Blank cells.
        amounts: Those that tell borrowers from others best come first.
        kinds: The same order for categories and regions.
        borders: Pairs of columns.
        smallest: A cell of a pair with fewer customers is blank.
        correlations: Of the columns.
        inflation: Of the columns.
        rule: How columns that say the same are dropped.
        decisions: What became of each column.
    """

    files: tuple[FileProfile, ...]
    columns: tuple[ColumnProfile, ...]
    odd: str
    outcomes: Seen
    missing: Seen
    amounts: tuple[AmountSeen, ...]
    kinds: tuple[Seen, ...]
    borders: tuple[Seen, ...]
    smallest: int
    correlations: Seen
    inflation: Seen
    rule: str
    decisions: tuple[Decision, ...]


def view(found: Exploration) -> ExplorationView:
    """Draw the exploration and say what one sees. It depends on the figures alone: the same give the same bytes."""
    merged, pairs = found.profile.merged, found.collinearity
    return ExplorationView(
        files=(*found.profile.files, merged),
        columns=merged.columns,
        odd=words.odd_seen(merged),
        outcomes=Seen("Outcomes", words.outcomes_seen(found.outcomes), plots.outcomes_plot(found.outcomes)),
        missing=Seen("Blank cells", words.missing_seen(merged), plots.missing_plot(merged)),
        amounts=_amounts(found),
        kinds=_kinds(found),
        borders=_borders(found),
        smallest=SMALLEST,
        correlations=Seen("Correlations", words.correlations_seen(pairs), pair_plots.correlation_plot(pairs)),
        inflation=Seen("Variance inflation", words.inflation_seen(pairs), pair_plots.inflation_plot(pairs)),
        rule=words.rule_said(),
        decisions=pairs.decisions,
    )


def _amounts(found: Exploration) -> tuple[AmountSeen, ...]:
    by_field = {one.field: one for one in found.segmentations}
    ranked = sorted(found.distributions, key=lambda one: -abs(one.superiority - 0.5))
    return tuple(
        AmountSeen(
            one.column,
            Seen(one.column, words.distribution_seen(one), plots.distribution_plot(one)),
            _conversion(by_field[one.field], found, _WIDE),
        )
        for one in ranked
    )


def _kinds(found: Exploration) -> tuple[Seen, ...]:
    amounts = {one.field for one in found.distributions}
    others = [one for one in found.segmentations if one.field not in amounts]
    return tuple(_conversion(one, found, _NARROW) for one in sorted(others, key=lambda one: -one.spread))


def _conversion(one: Segmentation, found: Exploration, width: float) -> Seen:
    drawn = plots.conversion_plot(one, found.outcomes.takers.rate, width)
    return Seen(one.column, words.segmentation_seen(one), drawn)


def _borders(found: Exploration) -> tuple[Seen, ...]:
    takers = found.outcomes.takers.takers
    return tuple(
        Seen(f"{one.row_column} and {one.column_column}", words.two_way_seen(one, takers), pair_plots.two_way_plot(one))
        for one in found.two_ways
    )
