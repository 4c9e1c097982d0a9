"""CSV files, read strictly: every fault is named with its file, line and column, and with the way out."""

import csv
import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from propensity.features import Vector
from training.columns import COLUMNS, ID, LABEL, LABEL_COLUMN, bounds

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_CUSTOMER_ID: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


class DataError(Exception):
    """The data cannot be used. Nothing was written."""


class Table(NamedTuple):
    """
    A file that held what it should.

    `frame` is indexed by the ID as text; its columns are customer fields, float64, blank cells NaN. `lines` says on
    which line of the file each row stands.
    """

    name: str
    frame: pd.DataFrame
    lines: Sequence[int]


class _Rows(NamedTuple):
    name: str
    header: list[str]
    cells: list[list[str]]
    lines: list[int]

    def fault(self, row: int, column: str, what: str) -> DataError:
        """Name the place of a fault."""
        return DataError(f"{self.name}, line {self.lines[row]}, column {column}: {what}")


def read_table(path: Path, required: Collection[str]) -> Table:
    """
    Read one CSV file.

    Args:
        path: UTF-8, comma-separated, with a header line.
        required: CSV names of the columns that must be there without blanks (a label may be blank all the same).
            Other columns of `COLUMNS` are read as well, with blanks allowed; unknown ones are ignored.

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
    return parse_table(text, str(path), required)


def parse_table(text: str, name: str, required: Collection[str]) -> Table:
    """Read the text of a CSV file; `name` stands in messages. See `read_table`."""
    rows = _rows(text, name)
    _check_header(rows, required)
    ids = _ids(rows)
    known = [column for column in rows.header if column in COLUMNS and column != ID]
    fields = {COLUMNS[column]: _numbers(rows, column, required) for column in known}
    return Table(name, pd.DataFrame(fields, index=pd.Index(ids, name=ID, dtype="object")), rows.lines)


def _rows(text: str, name: str) -> _Rows:
    """Split the text into a header and rows of as many cells."""
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name}, line {line}: a zero byte; give a CSV file, no binary one")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    cells: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if row:
                cells.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        what = f"broken CSV ({error}); the file may be half-written: make it again"
        raise DataError(f"{name}, line {reader.line_num}: {what}") from error
    if len(cells) < 2:
        what = "only a header line" if cells else "empty"
        raise DataError(f"{name} is {what}; give a CSV file with a header and one line for each customer")
    rows = _Rows(name, cells[0], cells[1:], lines[1:])
    _check_lengths(rows, ends_with_newline=text.endswith(("\n", "\r")))
    return rows


def _check_lengths(rows: _Rows, *, ends_with_newline: bool) -> None:
    for index, row in enumerate(rows.cells):
        if len(row) != len(rows.header):
            column = rows.header[min(len(row), len(rows.header) - 1)]
            what = f"{len(row)} cells instead of {len(rows.header)}; the file may be half-written: make it again"
            raise rows.fault(index, column, what)
    if not ends_with_newline and rows.cells[-1][-1] == "":
        what = "the file ends in a blank cell without a line end, so it may be half-written: make it again, or end it"
        raise rows.fault(len(rows.cells) - 1, rows.header[-1], what)


def _check_header(rows: _Rows, required: Collection[str]) -> None:
    place = f"{rows.name}, line 1"
    for column in rows.header:
        if column in COLUMNS and rows.header.count(column) > 1:
            raise DataError(f"{place}, column {column}: there are two of that name; keep one")
    for column in (ID, *required):
        if column not in rows.header:
            has = ", ".join(rows.header)[:200]
            raise DataError(f"{place}, column {column}: missing; the header must name it (it is: {has})")


def _ids(rows: _Rows) -> list[str]:
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


def _numbers(rows: _Rows, column: str, required: Collection[str]) -> Vector:
    """Return one column, shape (n,); blank cells are NaN."""
    where = rows.header.index(column)
    may_be_blank = column == LABEL_COLUMN or column not in required
    values = np.full(len(rows.cells), np.nan)
    for index, row in enumerate(rows.cells):
        cell = row[where]
        if cell or not may_be_blank:
            values[index] = _number(rows, index, column, cell)
    return values


def _number(rows: _Rows, index: int, column: str, cell: str) -> float:
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
