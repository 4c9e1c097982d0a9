"""`--where`: which of the things that were set aside are meant."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from leadline.setaside import Item, Kind
from schemas.event import canonical_time


class Where(NamedTuple):
    """Conditions that must all hold; of several reasons one is enough."""

    reasons: frozenset[str] = frozenset()
    after: str = ""
    before: str = "~"  # greater than every time

    def matches(self, item: Item) -> bool:
        """Tell whether an item is meant."""
        if self.reasons and item.reason not in self.reasons:
            return False
        return item.at is None or self.after <= canonical_time(item.at) < self.before


def parse_where(conditions: Sequence[str], kind: Kind) -> Where:
    """
    Read `reason=CODE`, `after=TIME` (that time included) and `before=TIME`.

    Raises:
        click.UsageError: A name or a value is none that there is.
    """
    where = Where()
    names = ("reason", "after", "before") if kind.has_times else ("reason",)
    for condition in conditions:
        name, _, value = condition.partition("=")
        if name not in names:
            raise click.UsageError(f"--where {condition}: give {', '.join(f'{n}=...' for n in names)}")
        if name == "reason":
            where = where._replace(reasons=where.reasons | {_reason(value, kind)})
        elif name == "after":
            where = where._replace(after=max(where.after, _time(condition, value)))
        else:
            where = where._replace(before=min(where.before, _time(condition, value)))
    return where


def _reason(code: str, kind: Kind) -> str:
    if code not in kind.reasons:
        raise click.UsageError(f"--where reason={code}: there is no such reason; give {', '.join(kind.reasons)}")
    return code


def _time(condition: str, text: str) -> str:
    try:
        return canonical_time(text)
    except ValueError as error:
        raise click.UsageError(f"--where {condition}: {error}") from error
