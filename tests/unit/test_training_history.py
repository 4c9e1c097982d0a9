"""Every training leaves a line beside its bundle."""

from pathlib import Path

import pytest

from tests.bundles import likely_above, manifest_of
from training.errors import DestinationError
from training.history import check_record, history_file, read_history, record

PARAMETERS = {"select_by": "accuracy", "seed": "0", "folds": "10", "repeats": "1"}
MANIFEST = manifest_of(likely_above(100)).model_copy(
    update={"parameters": PARAMETERS, "files": {"model.pkl": "a" * 64}}
)


def test_runs_are_read_back_in_order_and_the_bundle_may_come_and_go(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    assert [] == read_history(folder)

    record(folder, MANIFEST, ["it was the only one"], 12.34)
    folder.mkdir()
    record(folder, MANIFEST.model_copy(update={"version": "2"}), [], 1.0)

    first, second = read_history(folder)
    assert ("1", 12.3, ["it was the only one"]) == (first["version"], first["seconds"], first["reasons"])
    assert ("2", "a" * 64) == (second["version"], second["sha256"])


def test_a_line_that_was_cut_off_costs_no_other(tmp_path: Path) -> None:
    record(tmp_path / "model", MANIFEST, [], 1.0)
    with history_file(tmp_path / "model").open("a") as lines:
        lines.write('{"version": "2", "sha')

    assert ["1"] == [run["version"] for run in read_history(tmp_path / "model")]


def test_a_record_that_cannot_be_written_is_told_with_its_file(tmp_path: Path) -> None:
    history_file(tmp_path / "model").mkdir()

    with pytest.raises(DestinationError, match=r"model\.history\.jsonl"):
        check_record(tmp_path / "model")
    with pytest.raises(DestinationError, match=r"model\.history\.jsonl"):
        record(tmp_path / "model", MANIFEST, [], 1.0)
    with pytest.raises(DestinationError, match="cannot be read"):
        read_history(tmp_path / "model")
