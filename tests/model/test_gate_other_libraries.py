"""A champion that was made with other library versions is not loaded, and is judged by what its manifest claims."""

import json
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from leadline.__main__ import main
from propensity.bundle import BundleError, current_libraries, read_manifest
from schemas.manifest import Metric
from tests.bundles import Keys, new_keys, replace_model, rewrite_manifest
from tests.challengers import ID_KEY, Scene, quick_figures
from tests.hostile_pickles import PROGRAMS
from training.gate.claims import Measured
from training.gate.gate import Question, Verdict, gate
from training.gate.judge import no_worse
from training.gate.line import LIMITS, Line
from training.gate.stand_in import stood_in
from training.metrics import CELLS
from training.pack import keyed_ids

OTHER: Final = {**current_libraries(), "numpy": "1.26.4", "scikit-learn": "1.3.2"}
FLAG: Final = "--allow-other-libraries"

Older = Callable[[Path], Path]
Verb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def older(scene: Scene, tmp_path: Path) -> Older:
    """Copy a bundle, and sign it as one that was made with other library versions."""

    def made(bundle: Path) -> Path:
        copy = Path(shutil.copytree(bundle, tmp_path / "older"))
        rewrite_manifest(copy, scene.keys, {"libraries": OTHER})
        return copy

    return made


def judged(scene: Scene, new: Path, old: Path, **more: Any) -> Verdict:  # noqa: ANN401  of Question
    settings = {"id_keys": (ID_KEY,), "jobs": 1, "allow_other_libraries": True, **more}
    with quick_figures():
        return gate(Question(new, old, scene.keys.public, scene.keys.public, scene.holdout, **settings))


def by_name(verdict: Verdict) -> dict[str, Line]:
    return {f"{line.group}: {line.check}": line for line in verdict.lines}


def failed(verdict: Verdict) -> set[str]:
    return {name for name, line in by_name(verdict).items() if line.passed is False}


def metrics_of(bundle: Path) -> list[dict[str, Any]]:
    return [one.model_dump() for one in read_manifest(bundle, None, same_libraries=False).metrics]


@pytest.fixture
def verb(scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Call `leadline model gate` in this process."""

    def called(new: Path, old: Path, *more: str) -> tuple[int, str, str]:
        known = ("--holdout", *scene.holdout, "--id-key", scene.id_key, "--public-key", scene.keys.public)
        arguments = ["leadline", "model", "gate", new, "--champion", old, *known, *more]
        monkeypatch.setattr(sys, "argv", [str(one) for one in arguments])
        with quick_figures(), pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return int(str(ended.value.code)), written.out, written.err

    return called


def test_it_is_refused_and_the_message_names_the_way_out(verb: Verb, tree: Path, linear: Path, older: Older) -> None:
    code, out, err = verb(tree, older(linear), "--json")

    assert 3 == code
    assert "made with numpy 1.26.4, and here is" in err
    assert "made with scikit-learn 1.3.2" in err
    assert FLAG in err
    assert {"error", "exit_code"} == set(json.loads(out))


def test_where_it_may_be_a_good_challenger_passes_and_all_is_told(
    verb: Verb, tree: Path, linear: Path, older: Older
) -> None:
    """The same lines are there as for a champion that is loaded, so nothing is left out in silence."""
    _, loaded, _ = verb(tree, linear, "--json")
    code, out, err = verb(tree, older(linear), FLAG, "--json")

    found, usual = json.loads(out.splitlines()[-1]), json.loads(loaded.splitlines()[-1])
    assert (0, True, []) == (code, found["passed"], found["failed"])
    assert set(usual) == set(found)
    assert (True, None) == (usual["champion_loaded"], usual["champion_not_loaded_because"])
    assert found["champion_loaded"] is False
    assert "made with numpy 1.26.4" in found["champion_not_loaded_because"]
    assert [(one["group"], one["check"]) for one in usual["lines"]] == [
        (one["group"], one["check"]) for one in found["lines"]
    ]
    assert "OLD was not loaded (made with numpy 1.26.4" in err.replace("\n", " ")


def test_what_only_its_scores_could_judge_is_shown_with_the_reason(
    scene: Scene, tree: Path, linear: Path, older: Older
) -> None:
    lines = by_name(judged(scene, tree, older(linear)))

    needs_scores = ("against OLD", "calibration", "shift", "fairness")
    shown = {name: line.text for name, line in lines.items() if line.passed is None and line.group in needs_scores}
    assert {"shift: scores", "fairness: age band", "fairness: family size", "fairness: region"} == set(shown)
    assert all("OLD was not loaded" in text for text in shown.values())
    assert "test rows" in lines["against OLD: accuracy"].text
    assert "test" == lines["against OLD: accuracy"].figures["old_rows"]


def test_a_worse_challenger_fails(scene: Scene, tree: Path, linear: Path, older: Older) -> None:
    verdict = judged(scene, linear, older(tree))

    assert not verdict.passed
    assert {"against OLD: accuracy", "against OLD: average precision", "against OLD: brier"} <= failed(verdict)


def test_wide_intervals_in_the_manifest_are_no_excuse(scene: Scene, tree: Path, linear: Path, older: Older) -> None:
    old = older(tree)
    rewrite_manifest(old, scene.keys, {"metrics": [{**one, "low": -9.0, "high": 9.0} for one in metrics_of(old)]})

    assert {"against OLD: roc auc", "against OLD: average precision"} <= failed(judged(scene, linear, old))


def test_nothing_of_it_is_unpickled(scene: Scene, tree: Path, linear: Path, older: Older, tmp_path: Path) -> None:
    old, marker = older(linear), tmp_path / "it-ran"
    planted = PROGRAMS["builtins.exec"](marker)
    replace_model(old, scene.keys, planted)

    verdict = judged(scene, tree, old)

    assert verdict.passed
    assert not marker.exists()
    pickle.loads(planted)  # noqa: S301  our own, and it must do what it was planted for
    assert marker.exists()


def test_signature_and_digests_are_asked_for_all_the_same(
    scene: Scene, tree: Path, linear: Path, older: Older, tmp_path: Path
) -> None:
    old = older(linear)
    stranger: Keys = new_keys(tmp_path)

    with pytest.raises(BundleError, match="signed by somebody else"):
        gate(Question(tree, old, scene.keys.public, stranger.public, scene.holdout, allow_other_libraries=True))
    (old / "model.pkl").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"model\.pkl is not the file"):
        judged(scene, tree, old)


def test_a_challenger_made_with_other_libraries_is_refused_flag_or_not(
    scene: Scene, tree: Path, linear: Path, older: Older
) -> None:
    with pytest.raises(BundleError, match=r"^(?!.*--allow-other-libraries).*made with numpy 1\.26\.4"):
        judged(scene, older(tree), linear)


def test_with_the_same_libraries_the_flag_changes_nothing(scene: Scene, tree: Path, linear: Path) -> None:
    def timeless(verdict: Verdict) -> list[Line]:
        return [line for line in verdict.lines if not line.check.startswith("time of")]

    asked, unasked = (judged(scene, tree, linear, allow_other_libraries=one) for one in (True, False))

    assert timeless(unasked) == timeless(asked)
    assert asked.not_loaded is None


def test_what_needs_its_manifest_only_is_judged_as_ever(scene: Scene, tree: Path, linear: Path, older: Older) -> None:
    """Whom it has seen, and how many they were."""
    old = older(linear)
    holdout = keyed_ids([str(one) for one in scene.rows(scene.holdout).index], ID_KEY)
    said = read_manifest(old, None, same_libraries=False).training.model_dump()
    rewrite_manifest(old, scene.keys, {"training": {**said, "id_hashes": sorted(holdout)}})

    verdict = judged(scene, tree, old)

    assert {"hold-out: unseen by OLD", "hold-out: training IDs of OLD"} == failed(verdict)
    assert "996 of 996 hold-out customers were in OLD's training" in by_name(verdict)["hold-out: unseen by OLD"].text


def test_cross_validated_figures_stand_in_where_it_claims_none_of_test_rows(
    scene: Scene, tree: Path, linear: Path, older: Older
) -> None:
    old = older(linear)
    validated = [one for one in metrics_of(old) if one["rows"] == "cross_validation"]
    rewrite_manifest(old, scene.keys, {"metrics": validated})

    verdict = judged(scene, tree, old)

    assert verdict.passed
    accuracy = by_name(verdict)["against OLD: accuracy"]
    assert "cross-validation rows" in accuracy.text
    assert next(one["value"] for one in validated if one["name"] == "accuracy") == accuracy.figures["old"]


def test_a_figure_that_it_does_not_claim_is_no_pass(scene: Scene, tree: Path, linear: Path, older: Older) -> None:
    old = older(linear)
    gone = {"brier", *CELLS}
    rewrite_manifest(old, scene.keys, {"metrics": [one for one in metrics_of(old) if one["name"] not in gone]})

    verdict = judged(scene, tree, old)

    assert {"against OLD: brier", "shift: leads"} == failed(verdict)
    assert "nothing can stand in" in by_name(verdict)["against OLD: brier"].text


def test_many_more_leads_than_it_claims_fail(scene: Scene, tree: Path, linear: Path, older: Older) -> None:
    old = older(linear)
    few = {"true_positives": 1.0, "false_positives": 1.0}
    rewrite_manifest(
        old, scene.keys, {"metrics": [{**one, "value": few.get(one["name"], one["value"])} for one in metrics_of(old)]}
    )

    verdict = judged(scene, tree, old)

    assert {"shift: leads"} == failed(verdict)
    assert "at most 2 times as many" in by_name(verdict)["shift: leads"].text


def test_accuracy_is_taken_where_the_champion_claims_it_at_its_own_threshold(
    scene: Scene, tree: Path, linear: Path, older: Older
) -> None:
    """At one half the challenger would look better than at the low threshold that the champion was measured at."""
    old = older(linear)
    usual = by_name(judged(scene, tree, old))["against OLD: accuracy"].figures["new"]
    rewrite_manifest(old, scene.keys, {"threshold": 0.0})

    found = by_name(judged(scene, tree, old))["against OLD: accuracy"].figures["new"]

    rows = scene.rows(scene.holdout)
    takers = float((rows["loan_on_card"] == 1).mean())
    assert found == pytest.approx(takers)
    assert usual != found


@pytest.mark.parametrize(
    ("new", "old", "holds"),
    [
        pytest.param((0.96, 0.945, 0.975), (0.975, 0.965, 0.985), True, id="may be chance"),
        pytest.param((0.95, 0.935, 0.965), (0.980, 0.970, 0.985), False, id="beyond chance"),
        pytest.param((0.97, 0.970, 0.970), (0.979, 0.979, 0.979), True, id="beyond chance but within the limit"),
        pytest.param((0.96, 0.900, 0.965), (0.975, 0.974, 0.990), False, id="the far sides are no help"),
        pytest.param((0.96, 0.950, 0.970), (0.979, 0.900, 0.990), False, id="a wide claim counts as NEW's interval"),
        pytest.param((0.99, 0.980, 1.000), (0.960, 0.950, 0.970), True, id="better"),
    ],
)
def test_a_loss_beyond_the_limit_holds_only_where_both_intervals_together_allow_for_it(
    new: tuple[float, float, float], old: tuple[float, float, float], holds: bool, tree: Path
) -> None:
    found, claim = (
        Metric(name="accuracy", value=value, low=low, high=high, rows="test") for value, low, high in (new, old)
    )

    difference = stood_in(Measured({"accuracy": found}, 1000), claim, read_manifest(tree, None))

    assert difference.low <= difference.difference <= difference.high
    assert holds is no_worse([difference], LIMITS)[0].passed
