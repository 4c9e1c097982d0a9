"""The training table: two CSV files, or the real public set, merged one to one on ID."""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from propensity.features import Matrix, matrix_from_columns
from training.columns import COLUMNS, DATA1, DATA2, ID, LABEL, LABEL_COLUMN, csv_name
from training.errors import DataError
from training.public_set import csv_texts
from training.tables import Table, parse_table, read_table

Labels = NDArray[np.int64]

MIN_ROWS_PER_CLASS: Final = 20
"""Fewer cannot be spread over ten folds and a test set."""

_NOT_TO_SCORE: Final = (LABEL_COLUMN,)


def load(data1: Path | None = None, data2: Path | None = None) -> pd.DataFrame:
    """
    Return the merged table: one row per customer, indexed by the ID as text, in the order of the IDs.

    The order does not depend on that of the files, so that neither does the model. Columns are customer fields of
    `schemas.customer`; `loan_on_card` is 0, 1, or NaN where the outcome is blank.

    Args:
        data1: CSV with the columns `DATA1`; None for both takes the real set from the `dmba` package.
        data2: CSV with the columns `DATA2`.

    Raises:
        DataError: Names file, line and column, and the way out.
    """
    if (data1 is None) != (data2 is None):
        raise DataError("the data consists of two files; give both --data1 and --data2, or neither")
    if data1 is None or data2 is None:
        text1, text2 = csv_texts()
        first, second = parse_table(text1, "dmba's Data1.csv", DATA1), parse_table(text2, "dmba's Data2.csv", DATA2)
    else:
        first, second = read_table(data1, DATA1), read_table(data2, DATA2)
    merged = _merged(first, second)
    _check_classes(second, merged)
    order = sorted(merged.index, key=lambda customer_id: (len(customer_id), customer_id))
    return merged.loc[order]


def load_to_score(paths: Sequence[Path], features: Collection[str]) -> pd.DataFrame:
    """
    Return customers to score, in the order of the first file: from a merged CSV, or from Data1 and Data2.

    Args:
        paths: One file or two.
        features: The customer fields that the model uses. The column LoanOnCard is not looked at.

    Raises:
        DataError: Names file, line and column, and the way out.
    """
    required = [csv_name(field) for field in features]
    if len(paths) == 1:
        return read_table(paths[0], required, _NOT_TO_SCORE).frame
    if len(paths) != 2:
        raise DataError(f"{len(paths)} files were given; give a merged CSV file, or Data1 and Data2")
    wanted = [[column for column in required if column in half] for half in (DATA1, DATA2)]
    return _merged(*(read_table(path, columns, _NOT_TO_SCORE) for path, columns in zip(paths, wanted, strict=True)))


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose outcome is known."""
    return table[table[LABEL].notna()]


def labels(table: pd.DataFrame) -> Labels:
    """Return the outcomes of a labelled table, shape (n,): 1 took the loan."""
    return table[LABEL].to_numpy().astype(np.int64)


def matrix(table: pd.DataFrame, names: Sequence[str]) -> Matrix:
    """Return the features of a table, shape (n, k); the one definition is `propensity.features`."""
    return matrix_from_columns({name: table[name].to_numpy() for name in names}, names)


def fingerprint(table: pd.DataFrame) -> str:
    """Return the SHA-256 of the merged table in its canonical form, which no order of rows or columns changes."""
    known = [field for field in COLUMNS.values() if field in table.columns]
    rows = sorted(
        ",".join([str(index), *("" if np.isnan(value) else repr(float(value)) for value in values)])
        for index, values in zip(table.index, table[known].to_numpy(dtype=np.float64), strict=True)
    )
    return hashlib.sha256("\n".join([",".join([ID, *known]), *rows, ""]).encode()).hexdigest()


def _merged(first: Table, second: Table) -> pd.DataFrame:
    twice = [field for field in second.frame.columns if field in first.frame.columns]
    if twice:
        column = csv_name(twice[0])
        raise DataError(f"{second.name}, line 1, column {column}: {first.name} has it too; keep it in one of the two")
    for here, there in ((first, second), (second, first)):
        alone = ~here.frame.index.isin(there.frame.index)
        if alone.any():
            row = int(np.argmax(alone))
            raise DataError(
                f"{here.name}, line {here.lines[row]}, column {ID}: {here.frame.index[row]} is not in {there.name} "
                f"({int(alone.sum())} such rows); both files must hold the same customers"
            )
    return first.frame.join(second.frame, validate="one_to_one")


def _check_classes(source: Table, merged: pd.DataFrame) -> None:
    counts = merged[LABEL].value_counts()
    for outcome in (0, 1):
        count = int(counts.get(outcome, 0))
        if count < MIN_ROWS_PER_CLASS:
            lines = f"lines {source.lines[0]} to {source.lines[-1]}"
            raise DataError(
                f"{source.name}, {lines}, column {LABEL_COLUMN}: {count} rows are {outcome}; "
                f"a model can be fitted and judged from {MIN_ROWS_PER_CLASS} of each outcome on"
            )
