"""What stands in a manifest beside figures, and the folder that is written whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from training.errors import DestinationError
from training.folder import whole_folder
from training.pack import GOLDEN_ROWS, baseline, golden_rows, id_key, keyed_ids, ranges, tolerance

NAMES = ("highest_spend", "level", "security")
FEATURES = np.column_stack([np.arange(100) * 2.0, np.arange(100) % 3 + 1.0, np.arange(100) % 2.0])
LABELS = (FEATURES[:, 0] > 150).astype(np.int64)
MODEL = DecisionTreeClassifier(random_state=0).fit(FEATURES, LABELS)


def test_golden_rows_are_within_range_and_nobodys() -> None:
    rows = golden_rows(MODEL, FEATURES, NAMES, seed=0)

    table = np.array([golden.row for golden in rows])
    assert GOLDEN_ROWS == len(rows)
    assert GOLDEN_ROWS >= 32
    assert not {golden.row for golden in rows} & set(map(tuple, FEATURES.tolist()))
    assert (table >= FEATURES.min(axis=0)).all()
    assert (table <= FEATURES.max(axis=0)).all()
    assert {0.0, 1.0} == {golden.score for golden in rows}
    assert rows == golden_rows(MODEL, FEATURES, NAMES, seed=0)


def test_golden_rows_are_nobodys_even_where_customers_fill_every_cell() -> None:
    flags = FEATURES[:, 1:]
    model = DecisionTreeClassifier().fit(flags, LABELS)

    rows = golden_rows(model, flags, NAMES[1:], seed=0)

    assert not {golden.row for golden in rows} & set(map(tuple, flags.tolist()))


def test_ranges_are_those_of_the_rows() -> None:
    assert [("highest_spend", 0, 198), ("level", 1, 3), ("security", 0, 1)] == [
        (feature.name, feature.minimum, feature.maximum) for feature in ranges(FEATURES, NAMES)
    ]


def test_a_baseline_tells_every_row_by_bins_that_begin_at_their_edge() -> None:
    found = {one.name: one for one in baseline(FEATURES, NAMES, LABELS.astype(float))}

    assert {*NAMES, "score"} == set(found)
    assert (2.0, 3.0) == found["level"].edges
    assert (0.34, 0.33, 0.33) == found["level"].shares
    assert all(pytest.approx(1) == sum(one.shares) for one in found.values())
    assert all(len(one.edges) + 1 == len(one.shares) for one in found.values())


def test_only_trees_must_score_exactly() -> None:
    assert 0 == tolerance(MODEL)
    assert 0 < tolerance(object()) <= 1e-12


def test_ids_are_told_by_their_key_alone() -> None:
    hashes = keyed_ids(["1", "2"], b"key")

    assert hashes == keyed_ids(["2", "1"], b"key")
    assert not {*hashes} & {*keyed_ids(["1", "2"], b"another")}


def test_another_signing_key_gives_another_key_for_ids(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)

    assert id_key(tmp_path / "a") != id_key(tmp_path / "b")


def old_bundle(folder: Path) -> Path:
    folder.mkdir()
    (folder / "manifest.json").write_text("old")
    return folder


def test_a_new_bundle_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    out = old_bundle(tmp_path / "model")
    (out / "compiled.npz").write_text("made from the old one")

    with whole_folder(out) as folder:
        (folder / "manifest.json").write_text("new")

    assert ["manifest.json"] == [path.name for path in out.iterdir()]
    assert "new" == (out / "manifest.json").read_text()
    assert [out] == [*tmp_path.iterdir()]


def test_an_error_leaves_the_old_bundle_and_no_trace(tmp_path: Path) -> None:
    out = old_bundle(tmp_path / "model")

    with pytest.raises(IsADirectoryError), whole_folder(out) as folder:
        folder.write_text("an error in the middle of the work")

    assert "old" == (out / "manifest.json").read_text()
    assert [out] == [*tmp_path.iterdir()]


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(DestinationError, match="holds other files and no manifest"), whole_folder(tmp_path):
        pytest.fail("it must not get here")

    assert (tmp_path / "thesis.txt").exists()


def test_a_file_is_no_destination(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")

    with pytest.raises(DestinationError, match="is a file"), whole_folder(tmp_path / "model"):
        pytest.fail("it must not get here")
