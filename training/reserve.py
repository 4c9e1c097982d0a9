"""Customers kept back from a training for the gate: a stratified share of those with an outcome."""

import hashlib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from training.columns import COLUMNS, DATA1, DATA2, ID
from training.data import MIN_ROWS_PER_CLASS, labelled, labels
from training.errors import DataError, DestinationError

FILES: Final = ("data1.csv", "data2.csv")
_NOT_A_SHARE: Final = "is no share to keep back; give a number between 0 and 0.5, such as 0.2"


class Reserved(NamedTuple):
    """The two parts of a table: what training may see, and what it may not."""

    kept: pd.DataFrame
    reserve: pd.DataFrame


def split_reserve(table: pd.DataFrame, share: float, seed: int) -> Reserved:
    """
    Keep a share of the customers with an outcome back, the same share of takers and of others.

    The lot falls by a hash of the ID. So it does not depend on the order of the rows, and of a table that has grown
    nearly the same customers are kept back.

    Args:
        table: The merged table. Customers without an outcome stay.
        share: More than 0, less than one half.
        seed: The same seed gives the same customers.

    Raises:
        DataError: It is no such share, or leaves one part too few of an outcome.
    """
    if not 0 < share < 0.5:
        raise DataError(f"{share:g} {_NOT_A_SHARE}")
    rows = labelled(table)
    outcomes, lots = labels(rows), np.array([_lot(str(one), seed) for one in rows.index])
    chosen: list[str] = []
    for outcome in (0, 1):
        members = np.flatnonzero(outcomes == outcome)
        count = round(share * len(members))
        if min(count, len(members) - count) < MIN_ROWS_PER_CLASS:
            raise DataError(
                f"a share of {share:g} keeps {count} of {len(members)} customers back whose outcome is {outcome}; "
                f"both parts want {MIN_ROWS_PER_CLASS} of each outcome: give more data, or another --reserve-share"
            )
        chosen += [str(rows.index[row]) for row in members[np.argsort(lots[members])][:count]]
    back = table.index.isin(chosen)
    return Reserved(table[~back], table[back])


def check_reserve_out(folder: Path) -> None:
    """
    Refuse a place that holds anything else than an earlier reserve.

    Raises:
        DestinationError: With the way out.
    """
    if folder.exists() and not folder.is_dir():
        raise DestinationError(f"{folder} is a file; name a folder with --reserve-out")
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in FILES) if folder.exists() else []
    if others:
        raise DestinationError(f"{folder} holds {', '.join(others[:3])}; name a new folder with --reserve-out")


def write_reserve(reserve: pd.DataFrame, folder: Path) -> tuple[Path, Path]:
    """
    Write the customers as the two files of the bank, readable by their owner only, and return the paths.

    Raises:
        DestinationError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        first, second = (
            _write(folder / name, _text(reserve, columns)) for name, columns in zip(FILES, (DATA1, DATA2), strict=True)
        )
    except OSError as error:
        raise DestinationError(f"{folder} cannot be written: {error.strerror}; name another --reserve-out") from error
    return first, second


def _lot(customer_id: str, seed: int) -> str:
    return hashlib.sha256(f"leadline reserve {seed} {customer_id}".encode()).hexdigest()


def _text(table: pd.DataFrame, columns: Sequence[str]) -> str:
    frame = pd.DataFrame({ID: table.index}, dtype="object")
    for column in columns:
        if column != ID:
            frame[column] = [_cell(value) for value in table[COLUMNS[column]].tolist()]
    return frame.to_csv(index=False, lineterminator="\n")


def _cell(value: float) -> str:
    """Write a number so that it is read back as the same, whole ones without a point; no outcome is a blank."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() else repr(value)


def _write(path: Path, text: str) -> Path:
    """Write whole or not at all; the draft is never readable by others."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
