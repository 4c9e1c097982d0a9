"""The public UniversalBank set as the two files of the bank: Data1 and Data2."""

import importlib.metadata
from pathlib import Path
from typing import Final

import pandas as pd

from training.columns import DATA1, DATA2, ID, LABEL_COLUMN
from training.errors import DataError

_FILE: Final = "dmba/csvFiles/UniversalBank.csv.gz"
_RENAMED: Final = {
    "Experience": "CustomerSince",
    "Income": "HighestSpend",
    "ZIP Code": "ZipCode",
    "Family": "HiddenScore",
    "CCAvg": "MonthlyAverageSpend",
    "Education": "Level",
    "Securities Account": "Security",
    "CD Account": "FixedDepositAccount",
    "Online": "InternetBanking",
    "Personal Loan": LABEL_COLUMN,
}
_UNLABELLED_IDS: Final = frozenset({*range(1, 10), *range(80, 91)})
"""The bank's own file leaves the outcome of these customers blank."""


def recreate() -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Return Data1 (5000 x 8) and Data2 (5000 x 7) with the bank's column names, from the installed `dmba` wheel.

    Raises:
        DataError: `dmba` is not installed, or does not hold the file.
    """
    table = pd.read_csv(_path(), compression="gzip").rename(columns=_RENAMED)
    table[LABEL_COLUMN] = table[LABEL_COLUMN].astype("float64").mask(table[ID].isin(_UNLABELLED_IDS))
    return table[list(DATA1)], table[list(DATA2)]


def csv_texts() -> tuple[str, str]:
    """Return the two files as CSV text: whole numbers without a point, blank labels blank."""
    first, second = recreate()
    labels = second[LABEL_COLUMN].astype("Int64")
    return _text(first), _text(second.assign(**{LABEL_COLUMN: labels}))


def write_csv(folder: Path) -> tuple[Path, Path]:
    """Write `Data1.csv` and `Data2.csv` into a folder that exists, and return their paths."""
    paths = folder / "Data1.csv", folder / "Data2.csv"
    for path, text in zip(paths, csv_texts(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def _text(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.15g")


def _path() -> Path:
    """Find the file without importing `dmba`, which would pull in plotting libraries."""
    way_out = "pip install dmba, or give two CSV files with --data1 and --data2"
    try:
        distribution = importlib.metadata.distribution("dmba")
    except importlib.metadata.PackageNotFoundError as error:
        raise DataError(f"the real data comes with the package dmba, which is not installed; {way_out}") from error
    path = Path(str(distribution.locate_file(_FILE)))
    if not path.is_file():
        raise DataError(f"dmba {distribution.version} does not hold {_FILE}; {way_out}")
    return path
