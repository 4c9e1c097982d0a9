"""`leadline model gate` and `leadline model compare`, as the pipeline calls them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from leadline.__main__ import main
from tests.challengers import Scene, quick_figures

Said = tuple[int, str, str]


class Verbs:
    """The command, in this process, so that figures are drawn less often."""

    def __init__(self, scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._scene, self._capsys, self._patch = scene, capsys, monkeypatch
        monkeypatch.setenv("LEADLINE_PUBLIC_KEY", str(scene.keys.public))

    def __call__(self, *arguments: str | Path) -> Said:
        self._patch.setattr(sys, "argv", ["leadline", *map(str, arguments)])
        with quick_figures(), pytest.raises(SystemExit) as ended:
            main()
        written = self._capsys.readouterr()
        return int(str(ended.value.code)), written.out, written.err

    def gate(self, new: Path, old: Path, *more: str | Path) -> Said:
        """Ask the gate, with the hold-out and the key."""
        known = ("--holdout", *self._scene.holdout, "--id-key", self._scene.id_key)
        return self("model", "gate", new, "--champion", old, *known, *more)


@pytest.fixture
def verbs(scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verbs:
    return Verbs(scene, capsys, monkeypatch)


def last(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def test_a_good_one_gives_0_and_all_figures(verbs: Verbs, linear: Path, tree: Path) -> None:
    code, out, err = verbs.gate(tree, linear, "--json")

    found = last(out)
    assert (0, True, []) == (code, found["passed"], found["failed"])
    assert ("decision_tree", "logistic_regression") == (found["new"]["candidate"], found["champion"]["candidate"])
    assert (996, 96, None) == (found["customers"], found["takers"], found["fairness_approved_by"])
    accuracy = next(one for one in found["lines"] if (one["group"], one["check"]) == ("against OLD", "accuracy"))
    assert {"new", "old", "difference", "low", "high", "tolerance"} == set(accuracy["figures"])
    assert "NEW may take OLD's place" in err


def test_a_worse_one_gives_3_and_says_why(verbs: Verbs, linear: Path, tree: Path) -> None:
    code, out, _ = verbs.gate(linear, tree)

    assert 3 == code
    assert "NEW must not take OLD's place" in out
    assert "FAIL" in out
    assert "at most 0.01 worse" in out


def test_a_limit_and_an_approval_are_heard(verbs: Verbs, tree: Path) -> None:
    code, out, _ = verbs.gate(tree, tree, "--limit", "pickle_mb=0", "--approve-fairness", "J. Doe", "--json")

    found = last(out)
    assert (3, ["fitness: size of model.pkl"]) == (code, found["failed"])
    assert "J. Doe" == found["fairness_approved_by"]


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (("--limit", "beauty=1"), 2, "beauty: no such limit"),
        (("--limit", "accuracy"), 2, "is no NAME=NUMBER"),
        (("--id-key", "gone.key"), 1, "gone.key cannot be read"),
        (("--public-key", "gone.pem"), 78, "gone.pem cannot be read"),
        (("--training", "only-one.csv"), 2, "requires 2 arguments"),
    ],
)
def test_wrong_input_is_told(verbs: Verbs, tree: Path, more: tuple[str, ...], code: int, says: str) -> None:
    found, _, err = verbs.gate(tree, tree, *more)

    assert code == found
    assert says in err


def test_one_file_missing_or_a_bundle_of_a_stranger_is_refused(verbs: Verbs, tree: Path, tmp_path: Path) -> None:
    gone = verbs("model", "gate", tree, "--champion", tree, "--holdout", tmp_path / "a.csv", tmp_path / "b.csv")
    nobody = verbs.gate(tmp_path, tree)

    assert (1, True) == (gone[0], "a.csv cannot be read" in gone[2])
    assert (3, True) == (nobody[0], "manifest.json cannot be read" in nobody[2])


def test_two_are_shown_side_by_side(verbs: Verbs, scene: Scene, linear: Path, tree: Path) -> None:
    bare = verbs("model", "compare", tree, linear)
    code, out, err = verbs("model", "compare", tree, linear, "--holdout", *scene.holdout, "--json")

    assert 0 == bare[0] == code
    assert "decision_tree" in bare[1]
    assert "cross validation average_precision" in bare[1]
    found = last(out)
    assert ("decision_tree", "logistic_regression") == (found["a"]["candidate"], found["b"]["candidate"])
    accuracy = next(one for one in found["holdout"]["differences"] if one["name"] == "accuracy")
    assert accuracy["low"] <= accuracy["difference"] <= accuracy["high"]
    assert {"old", "new", "gained", "gained_takers", "lost", "lost_takers"} == set(found["holdout"]["leads"])
    assert "A minus B" in err
