"""CSV text into a header and rows of as many cells, each with its line in the file."""

import csv
import io
from typing import NamedTuple

from training.errors import DataError


class Rows(NamedTuple):
    """What stands in a file, as text."""

    name: str
    header: list[str]
    cells: list[list[str]]
    lines: list[int]

    def fault(self, row: int, column: str, what: str) -> DataError:
        """Name the place of a fault."""
        return DataError(f"{self.name}, line {self.lines[row]}, column {column}: {what}")


def split(text: str, name: str) -> Rows:
    """
    Split the text into a header and rows; `name` stands in messages. Empty lines are passed over.

    Raises:
        DataError: It is no CSV text, or looks half-written.
    """
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
    rows = Rows(name, cells[0], cells[1:], lines[1:])
    _check_lengths(rows, ends_with_newline=text.endswith(("\n", "\r")))
    return rows


def _check_lengths(rows: Rows, *, ends_with_newline: bool) -> None:
    for index, row in enumerate(rows.cells):
        if len(row) != len(rows.header):
            column = rows.header[min(len(row), len(rows.header) - 1)]
            what = f"{len(row)} cells instead of {len(rows.header)}; the file may be half-written: make it again"
            raise rows.fault(index, column, what)
    if not ends_with_newline and rows.cells[-1][-1] == "":
        what = "the file ends in a blank cell without a line end, so it may be half-written: make it again, or end it"
        raise rows.fault(len(rows.cells) - 1, rows.header[-1], what)
