"""What stands in the two files: rows, columns, types, blanks, range and odd values. No outcome is looked at."""

from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from propensity.features import Vector
from training.columns import COLUMNS, DATA1, DATA2, ID, LABEL, csv_name

CODES: Final = ("zip_code",)
"""Fields whose number is a name: they have no quartiles, and their size means nothing."""

MOST_CATEGORIES: Final = 6
"""A field with more different values than that is an amount."""

Kind = Literal["identifier", "code", "constant", "yes or no", "outcome", "whole number", "number"]


class ColumnProfile(NamedTuple):
    """
    One column of a file.

    Attributes:
        column: As the bank's file spells it.
        kind: What its values are.
        unique: How many different values there are.
        missing: How many cells are blank.
        quartiles: Minimum, lower quartile, median, upper quartile, maximum. None where the number is only a name, and
            for the outcome, of which only the blanks are counted.
        zeros: How many cells are 0.
        negatives: How many are below 0.
        odd: What surprises, in words; empty if nothing does.
    """

    column: str
    kind: Kind
    unique: int
    missing: int
    quartiles: tuple[float, ...] | None
    zeros: int
    negatives: int
    odd: str


class FileProfile(NamedTuple):
    """One file, or their merge."""

    name: str
    rows: int
    missing: int
    columns: tuple[ColumnProfile, ...]


class Profile(NamedTuple):
    """Both files, and what became of them."""

    files: tuple[FileProfile, ...]
    merged: FileProfile


def profile(table: pd.DataFrame) -> Profile:
    """Describe the merged table, and each file as the part of it that it was; both hold every customer."""
    files = tuple(_file(table, name, columns) for name, columns in (("Data1", DATA1), ("Data2", DATA2)))
    return Profile(files, _file(table, "merged", tuple(COLUMNS)))


def is_amount(values: pd.Series, field: str) -> bool:
    """Return whether a field is measured rather than sorted into a few kinds."""
    return field not in CODES and int(values.nunique()) > MOST_CATEGORIES


def _file(table: pd.DataFrame, name: str, columns: tuple[str, ...]) -> FileProfile:
    there = [column for column in columns if column == ID or COLUMNS[column] in table.columns]
    profiles = tuple(_identifier(table) if column == ID else _column(table, COLUMNS[column]) for column in there)
    return FileProfile(name, len(table), sum(one.missing for one in profiles), profiles)


def _identifier(table: pd.DataFrame) -> ColumnProfile:
    return ColumnProfile(ID, "identifier", int(table.index.nunique()), 0, None, 0, 0, "")


def _column(table: pd.DataFrame, field: str) -> ColumnProfile:
    values = table[field].dropna().to_numpy(dtype=np.float64)
    kind = _kind(values, field)
    five = None
    if kind != "code" and field != LABEL and len(values) > 0:
        five = tuple(float(value) for value in np.percentile(values, (0, 25, 50, 75, 100)))
    return ColumnProfile(
        column=csv_name(field),
        kind=kind,
        unique=len(np.unique(values)),
        missing=int(table[field].isna().sum()),
        quartiles=five,
        zeros=0 if field == LABEL else int((values == 0).sum()),
        negatives=int((values < 0).sum()),
        odd=_odd(values, field),
    )


def _kind(values: Vector, field: str) -> Kind:
    if field in CODES:
        return "code"
    if field == LABEL:
        return "outcome"
    if len(np.unique(values)) <= 1:
        return "constant"
    if np.isin(values, (0, 1)).all():
        return "yes or no"
    return "whole number" if (values == np.round(values)).all() else "number"


def _odd(values: Vector, field: str) -> str:
    negative, short = int((values < 0).sum()), int((values < 10_000).sum())
    if field in CODES:
        return f"{short} of fewer than five digits" if short else ""
    return f"{negative} below zero" if negative else ""
