"""CSV files, read strictly: every fault is named with its file, line and column, and with the way out."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from propensity.features import Vector
from training.columns import COLUMNS, ID, LABEL, LABEL_COLUMN, bounds
from training.errors import DataError
from training.rows import Rows, split

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_CUSTOMER_ID: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


class Table(NamedTuple):
    """
    A file that held what it should.

    `frame` is indexed by the ID as text; its columns are customer fields, float64, blank cells NaN. `lines` says on
    which line of the file each row stands.
    """

    name: str
    frame: pd.DataFrame
    lines: Sequence[int]


def read_table(path: Path, required: Collection[str], ignored: Collection[str] = ()) -> Table:
    """
    Read one CSV file.

    Args:
        path: UTF-8, comma-separated, with a header line.
        required: CSV names of the columns that must be there without blanks (a label may be blank all the same).
            Other columns of `COLUMNS` are read as well, with blanks allowed; unknown ones are ignored.
        ignored: CSV names of columns that are not looked at, whatever stands in them.

    Raises:
        DataError: With file, line, column and the way out.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; give the path of a CSV file") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line}: not UTF-8 text; give a CSV file, not packed and no workbook") from error
    return parse_table(text, str(path), required, ignored)


def parse_table(text: str, name: str, required: Collection[str], ignored: Collection[str] = ()) -> Table:
    """Read the text of a CSV file; `name` stands in messages. See `read_table`."""
    rows = split(text, name)
    read = {column for column in COLUMNS if column not in ignored}
    _check_header(rows, required, read)
    ids = _ids(rows)
    known = [column for column in rows.header if column in read and column != ID]
    fields = {COLUMNS[column]: _numbers(rows, column, required) for column in known}
    return Table(name, pd.DataFrame(fields, index=pd.Index(ids, name=ID, dtype="object")), rows.lines)


def _check_header(rows: Rows, required: Collection[str], read: Collection[str]) -> None:
    place = f"{rows.name}, line 1"
    for column in rows.header:
        if column in read and rows.header.count(column) > 1:
            raise DataError(f"{place}, column {column}: there are two of that name; keep one")
    for column in (ID, *required):
        if column not in rows.header:
            has = ", ".join(rows.header)[:200]
            raise DataError(f"{place}, column {column}: missing; the header must name it (it is: {has})")


def _ids(rows: Rows) -> list[str]:
    where = rows.header.index(ID)
    first_seen: dict[str, int] = {}
    for index, row in enumerate(rows.cells):
        customer_id = row[where]
        if _CUSTOMER_ID.fullmatch(customer_id) is None:
            raise rows.fault(
                index, ID, f"{customer_id[:40]!r} is no customer number; give 1 to 128 printable characters"
            )
        if customer_id in first_seen:
            before = rows.lines[first_seen[customer_id]]
            raise rows.fault(index, ID, f"{customer_id} stands on line {before} already; keep one row per customer")
        first_seen[customer_id] = index
    return list(first_seen)


def _numbers(rows: Rows, column: str, required: Collection[str]) -> Vector:
    """Return one column, shape (n,); blank cells are NaN."""
    where = rows.header.index(column)
    may_be_blank = column == LABEL_COLUMN or column not in required
    values = np.full(len(rows.cells), np.nan)
    for index, row in enumerate(rows.cells):
        cell = row[where]
        if cell or not may_be_blank:
            values[index] = _number(rows, index, column, cell)
    return values


def _number(rows: Rows, index: int, column: str, cell: str) -> float:
    field = COLUMNS[column]
    allowed = "0, 1 or blank" if field == LABEL else str(bounds(field))
    if _NUMBER.fullmatch(cell) is None:
        raise rows.fault(
            index, column, f"{cell[:40]!r} is no number; give {allowed}" if cell else f"blank; give {allowed}"
        )
    value = float(cell)
    limits = bounds(field)
    if not limits.minimum <= value <= limits.maximum or (limits.whole and not value.is_integer()):
        raise rows.fault(index, column, f"{cell[:40]} is out of bounds; give {allowed}")
    return value
