"""What is kept back from a training."""

from pathlib import Path

import pandas as pd
import pytest

from training import data
from training.errors import DataError, DestinationError
from training.reserve import check_reserve_out, split_reserve, write_reserve


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return data.load()


def test_the_same_share_of_takers_and_others_is_kept_back_and_nobody_stands_in_both(table: pd.DataFrame) -> None:
    parts = split_reserve(table, 0.2, seed=0)

    assert (996, 96) == (len(parts.reserve), int(data.labels(parts.reserve).sum()))
    assert set(parts.kept.index).isdisjoint(parts.reserve.index)
    assert len(table) == len(parts.kept) + len(parts.reserve)
    assert 20 == len(parts.kept) - len(data.labelled(parts.kept)), "who has no outcome stays"


def test_the_lot_depends_on_the_seed_and_not_on_the_order_of_the_rows(table: pd.DataFrame) -> None:
    first = split_reserve(table, 0.2, seed=0).reserve

    assert set(first.index) == set(split_reserve(table[::-1], 0.2, seed=0).reserve.index)
    assert set(first.index) != set(split_reserve(table, 0.2, seed=1).reserve.index)


def test_of_a_table_that_has_grown_nearly_the_same_customers_are_kept_back(table: pd.DataFrame) -> None:
    before = split_reserve(table[:4000], 0.2, seed=0)
    now = split_reserve(table, 0.2, seed=0)

    assert len(set(now.reserve.index) & set(before.kept.index)) < 40


def test_the_files_give_the_same_rows_again_and_only_their_owner_reads_them(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    parts = split_reserve(table, 0.3, seed=0)

    paths = write_reserve(parts.reserve, tmp_path / "reserve")
    kept = write_reserve(parts.kept, tmp_path / "kept")

    assert ["data1.csv", "data2.csv"] == sorted(path.name for path in (tmp_path / "reserve").iterdir())
    assert {0o600} == {path.stat().st_mode & 0o777 for path in paths}
    assert 0o700 == (tmp_path / "reserve").stat().st_mode & 0o777
    pd.testing.assert_frame_equal(parts.reserve, data.load(*paths), check_column_type=False)
    assert data.fingerprint(parts.kept) == data.fingerprint(data.load(*kept)), "blank outcomes stay blank"


@pytest.mark.parametrize("share", [0.0, 0.5, -0.1, float("nan")])
def test_no_other_share_is_taken(share: float, table: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"give a number between 0 and 0\.5"):
        split_reserve(table, share, seed=0)


def test_a_share_that_leaves_too_few_takers_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="keeps 5 of 480 customers back whose outcome is 1"):
        split_reserve(table, 0.01, seed=0)


def test_a_place_that_holds_something_else_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    write_reserve(split_reserve(table, 0.2, seed=0).reserve, tmp_path / "again")

    check_reserve_out(tmp_path / "again")
    check_reserve_out(tmp_path / "new")
    with pytest.raises(DestinationError, match="is a file"):
        check_reserve_out(tmp_path / "file")
    with pytest.raises(DestinationError, match="holds again, file; name a new folder"):
        check_reserve_out(tmp_path)
    with pytest.raises(DestinationError, match="cannot be written"):
        write_reserve(table, tmp_path / "file" / "under")
