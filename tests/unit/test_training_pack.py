"""What stands in a manifest beside figures, and the folder that is written whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from tests.bundles import likely_above, manifest_of
from training.errors import DestinationError
from training.folder import check_destination, whole_folder
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
    """Write what a bundle's folder holds, with a cache that the manifest names; the digests are not looked at."""
    folder.mkdir(parents=True)
    for name in ("model.pkl", "manifest.sig", "compiled.npz"):
        (folder / name).write_text("old")
    manifest = manifest_of(likely_above(100)).model_copy(
        update={"files": {"model.pkl": "0" * 64, "compiled.npz": "0" * 64}}
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return folder


def tree(folder: Path) -> dict[str, str]:
    """Return all that lies in a folder: the paths, each with the file's text or the link's target."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def refuse(out: Path, why: str) -> None:
    """Expect that a destination is refused, early and late."""
    with pytest.raises(DestinationError, match=why):
        check_destination(out)
    with pytest.raises(DestinationError, match=why), whole_folder(out):
        pytest.fail("it must not get here")


def write_new(out: Path) -> None:
    with whole_folder(out) as folder:
        (folder / "manifest.json").write_text("new")


def test_a_new_bundle_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    out = old_bundle(tmp_path / "model")

    write_new(out)

    assert {"model/manifest.json": "new"} == tree(tmp_path)
    assert [out] == [*tmp_path.iterdir()]


def test_an_error_leaves_the_old_bundle_and_no_trace(tmp_path: Path) -> None:
    old_bundle(tmp_path / "model")
    before = tree(tmp_path)

    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "model") as folder:
        (folder / "model.pkl").write_text(str(1 // 0))

    assert before == tree(tmp_path)
    assert 1 == len([*tmp_path.iterdir()])


def test_an_exit_in_the_middle_of_the_move_brings_the_old_bundle_back(tmp_path: Path) -> None:
    old_bundle(tmp_path / "model")
    before = tree(tmp_path)

    with pytest.raises(DestinationError), whole_folder(tmp_path / "model") as folder:
        folder.rmdir()  # so that the old one is moved away, and there is nothing to move into its place

    assert before == tree(tmp_path)
    assert 1 == len([*tmp_path.iterdir()])


def test_a_full_disk_is_told_and_leaves_the_old_bundle(tmp_path: Path) -> None:
    out = old_bundle(tmp_path / "model")
    before = tree(tmp_path)

    def write_too_much() -> None:
        with whole_folder(out) as folder:
            (folder / "model.pkl").symlink_to("/dev/full")
            (folder / "model.pkl").write_text("new")

    with pytest.raises(DestinationError, match=r"model cannot be written: No space left"):
        write_too_much()

    assert before == tree(tmp_path)
    assert 1 == len([*tmp_path.iterdir()])


@pytest.mark.parametrize("manifest", ['{"manifest_version": 3, "name": "my extension"}', "", "[]", "\xff"], ids=repr)
def test_a_folder_of_somebody_elses_with_a_manifest_is_not_replaced(manifest: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "docs").mkdir(parents=True)
    for name, text in (("manifest.json", manifest), ("thesis.txt", "years of work"), ("docs/index.md", "# Docs")):
        (project / name).write_text(text, encoding="latin-1")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}

    refuse(project, "project holds docs, manifest.json, thesis.txt, which a bundle of ours .* does not; name a new")

    assert before == {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert 3 == len(before)


@pytest.mark.parametrize("stranger", ["thesis.txt", ".git", "model.pkl.bak"])
def test_a_bundle_with_one_thing_beside_it_is_not_replaced(stranger: str, tmp_path: Path) -> None:
    out = old_bundle(tmp_path / "model")
    (out / stranger).mkdir()

    refuse(out, f"holds {stranger}, which")

    assert (out / stranger).is_dir()


def test_a_folder_that_bears_a_bundled_files_name_is_not_replaced(tmp_path: Path) -> None:
    out = old_bundle(tmp_path / "model")
    (out / "model.pkl").unlink()
    (out / "model.pkl").mkdir()

    refuse(out, r"holds model\.pkl, which")


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()

    write_new(tmp_path / "model")

    assert {"model/manifest.json": "new"} == tree(tmp_path)


def test_a_file_is_no_destination(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")

    refuse(tmp_path / "model", "is a file")
    refuse(tmp_path / "model" / "inside", "Not a directory")


def test_a_link_stays_and_the_folder_that_it_leads_to_is_replaced(tmp_path: Path) -> None:
    old_bundle(tmp_path / "models" / "today")
    (tmp_path / "current").symlink_to(Path("models") / "today")
    (tmp_path / "next").symlink_to(Path("models") / "tomorrow")

    write_new(tmp_path / "current")
    write_new(tmp_path / "next")

    assert {
        "current": "models/today",
        "next": "models/tomorrow",
        "models/today/manifest.json": "new",
        "models/tomorrow/manifest.json": "new",
    } == tree(tmp_path)
    assert {"today", "tomorrow"} == {path.name for path in (tmp_path / "models").iterdir()}


def test_a_link_in_a_circle_is_no_destination(tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to("model")

    refuse(tmp_path / "model", "is a link that leads in a circle|is a file")


def test_the_folder_that_one_works_in_is_not_pulled_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    refuse(Path(), r"is the folder that you work in; name a folder inside it")
    write_new(Path("other/../model"))

    assert {"model/manifest.json": "new"} == tree(tmp_path)


@pytest.mark.parametrize("out", ["/proc/leadline", "/proc/leadline/model", "/dev/null", "/dev/null/model"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(out: str) -> None:
    with pytest.raises(DestinationError, match=f"{out} (cannot be written|is a file)"):
        check_destination(Path(out))


def test_a_mount_point_is_refused_before_the_work() -> None:
    with pytest.raises(DestinationError, match=r"/proc is a mount point, .*; name a folder inside it"):
        check_destination(Path("/proc"))


def test_looking_at_a_destination_leaves_no_trace(tmp_path: Path) -> None:
    check_destination(tmp_path / "some" / "new" / "model")

    assert not [*tmp_path.iterdir()]
