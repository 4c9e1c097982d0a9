"""The two CSV files: the real ones recreated, others read strictly."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from propensity.features import FEATURES, OPTIONAL
from training import data
from training.columns import COLUMNS, DATA1, DATA2
from training.errors import DataError
from training.public_set import csv_texts, recreate, write_csv

HEADER1 = ",".join(DATA1)
HEADER2 = ",".join(DATA2)


def small_files(folder: Path, customers: int = 60) -> tuple[Path, Path]:
    """Write two good files; every other customer took the loan, the last one's outcome is blank."""
    first = [HEADER1, *(f"{n},40,10,{20 + n},90001,2,1.5,2" for n in range(1, customers + 1))]
    second = [HEADER2, *(f"{n},0,0,0,1,0,{n % 2 if n < customers else ''}" for n in range(1, customers + 1))]
    paths = folder / "one.csv", folder / "two.csv"
    for path, lines in zip(paths, (first, second), strict=True):
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_real_set_is_recreated_byte_for_byte() -> None:
    first, second = recreate()
    text1, text2 = csv_texts()

    assert (5000, 8) == first.shape
    assert (5000, 7) == second.shape
    assert [*DATA1] == [*first.columns]
    assert [*DATA2] == [*second.columns]
    assert (
        "bee67908c87f350ee0e7b725ea0edeb6af1f197756262577bdbe1891211512e8" == hashlib.sha256(text1.encode()).hexdigest()
    )
    assert (
        "b3384ceda294c38f8f855d2d40de13205cc80e0c966e846e6705303e4b645283" == hashlib.sha256(text2.encode()).hexdigest()
    )


def test_only_the_known_outcomes_are_there() -> None:
    second = recreate()[1]

    blank = second["ID"][second["LoanOnCard"].isna()]

    assert [*range(1, 10), *range(80, 91)] == blank.tolist()
    assert 480 == second["LoanOnCard"].sum()


def test_without_dmba_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])

    with pytest.raises(DataError, match="package dmba, which is not installed; pip install dmba, or give two CSV"):
        data.load()


def test_files_written_and_read_again_are_the_same_data(tmp_path: Path) -> None:
    assert data.fingerprint(data.load()) == data.fingerprint(data.load(*write_csv(tmp_path)))


def test_the_merge_holds_every_customer_and_labelled_only_those_with_an_outcome() -> None:
    table = data.load()
    rows = data.labelled(table)

    assert 5000 == len(table)
    assert (4980, 480) == (len(rows), data.labels(rows).sum())
    assert (4980, 12) == data.matrix(rows, (*FEATURES, *OPTIONAL)).shape
    assert set(COLUMNS.values()) - {"customer_id"} == set(table.columns)


def test_neither_the_order_of_rows_nor_of_columns_changes_the_data(tmp_path: Path) -> None:
    first, second = recreate()
    shuffled = first.sample(frac=1, random_state=1)[[*reversed(first.columns)]]
    paths = tmp_path / "a.csv", tmp_path / "b.csv"
    shuffled.to_csv(paths[0], index=False)
    second.to_csv(paths[1], index=False)

    table = data.load(*paths)

    assert data.fingerprint(data.load()) == data.fingerprint(table)
    assert [str(n) for n in range(1, 5001)] == table.index.tolist()


def test_one_changed_cell_changes_the_fingerprint(tmp_path: Path) -> None:
    paths = small_files(tmp_path)
    before = data.fingerprint(data.load(*paths))
    replace(paths[0], "1.5", "1.6")

    assert before != data.fingerprint(data.load(*paths))


BAD_FILES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "missing file": (lambda one, _two: one.unlink(), r"one\.csv cannot be read: No such file"),
    "empty": (lambda one, _two: one.write_text(""), r"one\.csv is empty"),
    "header only": (lambda one, _two: one.write_text(HEADER1 + "\n"), r"one\.csv is only a header line"),
    "packed": (lambda one, _two: one.write_bytes(b"\x1f\x8b\x08\xff\xfe" * 20), r"one\.csv, line 1: not UTF-8"),
    "binary": (lambda one, _two: one.write_bytes(b"ID,Age\n\x00\x01"), r"one\.csv, line 2: a zero byte"),
    "open quote": (lambda one, _two: replace(one, "1,40", '"1,40'), r"one\.csv, line 61: broken CSV"),
    "cut in a row": (
        lambda one, _two: one.write_text(one.read_text()[:-9]),
        r"one\.csv, line 61, column HiddenScore: 5 cells instead of 8; the file may be half-written",
    ),
    "cut before the label": (
        lambda _one, two: two.write_text(two.read_text().rstrip("\n")),
        r"two\.csv, line 61, column LoanOnCard: the file ends in a blank cell",
    ),
    "missing column": (lambda one, _two: replace(one, "Level", "Grade"), r"one\.csv, line 1, column Level: missing"),
    "doubled column": (
        lambda one, _two: replace(one, "Age,", "Level,"),
        r"one\.csv, line 1, column Level: there are two",
    ),
    "column in both": (
        lambda one, _two: one.write_text(one.read_text().replace("\n", ",0\n").replace("Level,0", "Level,Mortgage")),
        r"two\.csv, line 1, column Mortgage: .*one\.csv has it too",
    ),
    "no number": (
        lambda one, _two: replace(one, ",22,", ",lots,"),
        r"one\.csv, line 3, column HighestSpend: 'lots' is",
    ),
    "underscore": (lambda one, _two: replace(one, ",22,", ",2_2,"), r"line 3, column HighestSpend: '2_2' is no number"),
    "not a number": (lambda one, _two: replace(one, ",22,", ",nan,"), r"line 3, column HighestSpend: 'nan' is no"),
    "infinite": (lambda one, _two: replace(one, ",22,", ",1e999,"), r"line 3, column HighestSpend: 1e999 is out of"),
    "blank": (lambda one, _two: replace(one, ",22,", ",,"), r"line 3, column HighestSpend: blank"),
    "too large": (lambda one, _two: replace(one, "2,1.5", "5,1.5"), r"line 2, column HiddenScore: 5 is out of bounds"),
    "a fraction": (lambda one, _two: replace(one, "1,40", "1,40.5"), r"line 2, column Age: 40\.5 is out of bounds"),
    "doubled ID": (
        lambda one, _two: replace(one, "\n7,", "\n3,"),
        r"one\.csv, line 8, column ID: 3 stands on line 4 already",
    ),
    "unmatched ID": (
        lambda _one, two: replace(two, "\n7,", "\n99,"),
        r"one\.csv, line 8, column ID: 7 is not in .*two",
    ),
    "blank ID": (lambda one, _two: replace(one, "\n7,", "\n,"), r"one\.csv, line 8, column ID: '' is no customer"),
    "label of 2": (
        lambda _one, two: replace(two, "\n7,0,0,0,1,0,1", "\n7,0,0,0,1,0,2"),
        r"two\.csv, line 8, column LoanOnCard: 2 is out of bounds; give 0, 1 or blank",
    ),
    "label in words": (
        lambda _one, two: replace(two, "\n7,0,0,0,1,0,1", "\n7,0,0,0,1,0,yes"),
        r"two\.csv, line 8, column LoanOnCard: 'yes' is no number; give 0, 1 or blank",
    ),
    "one class": (
        lambda _one, two: two.write_text(two.read_text().replace(",1,0,1\n", ",1,0,0\n")),
        r"two\.csv, lines 2 to 61, column LoanOnCard: 0 rows are 1",
    ),
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_a_bad_file_is_refused_with_file_line_and_column(fault: str, tmp_path: Path) -> None:
    paths = small_files(tmp_path)
    spoil, message = BAD_FILES[fault]
    spoil(*paths)

    with pytest.raises(DataError, match=message):
        data.load(*paths)


def test_the_good_files_behind_the_bad_ones_are_read(tmp_path: Path) -> None:
    """Windows line ends, a byte order mark, a last line without an end, labels with a point: all are usual."""
    paths = small_files(tmp_path)
    before = data.fingerprint(data.load(*paths))
    paths[0].write_bytes(b"\xef\xbb\xbf" + paths[0].read_bytes().replace(b"\n", b"\r\n").rstrip())
    replace(paths[1], "\n7,0,0,0,1,0,1", "\n7,0,0,0,1,0,1.0")

    assert before == data.fingerprint(data.load(*paths))


def test_one_file_alone_is_not_enough_to_train(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give both --data1 and --data2"):
        data.load(small_files(tmp_path)[0], None)


def test_customers_to_score_come_from_two_files_or_a_merged_one_with_or_without_the_label(tmp_path: Path) -> None:
    one, two = small_files(tmp_path)
    merged = data.load_to_score([one, two], FEATURES)
    plain = tmp_path / "merged.csv"
    names = {field: column for column, field in COLUMNS.items()}
    merged.rename(columns=names).to_csv(plain, index_label="ID")

    again = data.load_to_score([plain], FEATURES)

    assert "loan_on_card" not in {*again.columns, *merged.columns}
    np.testing.assert_array_equal(data.matrix(merged, FEATURES), data.matrix(again, FEATURES))


def test_to_score_the_outcome_is_not_looked_at_whatever_stands_there(tmp_path: Path) -> None:
    one, two = small_files(tmp_path)
    before = data.load_to_score([one, two], FEATURES)
    replace(two, "\n7,0,0,0,1,0,1", "\n7,0,0,0,1,0,yes")
    merged = tmp_path / "merged.csv"
    merged.write_text("ID,Level,LoanOnCard,LoanOnCard\n1,2,yes,no\n2,3,-1,1e999\n")

    again = data.load_to_score([one, two], FEATURES)

    np.testing.assert_array_equal(data.matrix(before, FEATURES), data.matrix(again, FEATURES))
    assert ["level"] == [*data.load_to_score([merged], ("level",)).columns]
    with pytest.raises(DataError, match=r"two\.csv, line 8, column LoanOnCard: 'yes' is no number"):
        data.load(one, two)


def test_to_score_a_file_needs_only_what_the_model_uses(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("Level,ID,HighestSpend,Age,Shoe\n2,b,55,,44\n1,a,66,30,\n")

    table = data.load_to_score([path], ("highest_spend", "level"))

    assert ["b", "a"] == table.index.tolist()
    assert [[55.0, 2.0], [66.0, 1.0]] == data.matrix(table, ("highest_spend", "level")).tolist()
    with pytest.raises(DataError, match=r"few\.csv, line 1, column Mortgage: missing"):
        data.load_to_score([path], ("mortgage",))
    with pytest.raises(DataError, match=r"few\.csv, line 2, column Age: blank"):
        data.load_to_score([path], ("age",))
