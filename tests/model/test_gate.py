"""The gate lets a good challenger through, and stops each kind of bad one with a line of its own."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from propensity.bundle import BundleError, read_manifest
from tests.bundles import new_keys, rewrite_manifest
from tests.challengers import ID_KEY, Scene, quick_figures
from tests.cheats import (
    bent,
    doctored,
    fitted_on_the_holdout,
    knows_it_by_heart,
    resampled_before_the_split,
    saw_the_holdout,
    uses_age,
)
from training.errors import DataError
from training.gate.gate import Question, Verdict, gate
from training.gate.proof import KEY_CHECK, Known, no_twins, unseen
from training.gate.refit import recipe_of

OTHER_KEY = b"a key of nobody's"


@pytest.fixture(scope="module")
def saw(scene: Scene) -> Path:
    """Train the good challenger on everything, the hold-out's customers among them."""
    return saw_the_holdout(scene, scene.folder, scene.folder / "saw")


@pytest.fixture
def spoilt(tree: Path, tmp_path: Path) -> Path:
    """Copy the good challenger, to be spoilt."""
    return Path(shutil.copytree(tree, tmp_path / "spoilt"))


def judged(scene: Scene, new: Path, old: Path, **more: Any) -> Verdict:  # noqa: ANN401  of Question
    settings = {"holdout": scene.holdout, "training": scene.training, "id_keys": (ID_KEY,), "jobs": 1, **more}
    with quick_figures():
        return gate(Question(new, old, scene.keys.public, scene.keys.public, **settings))


def failures(verdict: Verdict) -> dict[str, str]:
    """Return what each line that failed says."""
    return {f"{line.group}: {line.check}": line.text for line in verdict.failed}


def test_a_good_challenger_passes(scene: Scene, linear: Path, tree: Path) -> None:
    verdict = judged(scene, tree, linear)

    assert {} == failures(verdict)
    assert verdict.passed
    groups = {line.group for line in verdict.lines}
    assert {"hold-out", "refit", "against OLD", "calibration", "shift", "fairness", "fitness"} < groups
    assert {"claims against the refit", "claims against the hold-out"} < groups


def test_the_same_model_again_passes_without_its_training_data(scene: Scene, tree: Path) -> None:
    """The key is known by the manifest; what cannot be judged is said, and is no fail."""
    verdict = judged(scene, tree, tree, training=None)

    assert verdict.passed
    unjudged = {line.check: line.text for line in verdict.lines if line.passed is None}
    assert "give NEW's own data with --training" in unjudged["training data"]


def test_the_files_with_the_hold_out_among_them_are_training_data_too(scene: Scene, tree: Path) -> None:
    assert judged(scene, tree, tree, training=scene.everything).passed


def test_a_worse_one_fails(scene: Scene, linear: Path, tree: Path) -> None:
    found = failures(judged(scene, linear, tree, training=None))

    assert {"against OLD: accuracy", "against OLD: average precision", "against OLD: brier"} <= set(found)
    assert all(name.startswith(("against OLD", "fairness")) for name in found), "its claims are honest"


def test_an_uncalibrated_one_fails(scene: Scene, linear: Path) -> None:
    weighted = scene.train("weighted", "weighted_logistic_regression")

    found = failures(judged(scene, weighted, linear, training=None))

    assert "calibration: calibration error" in found
    assert "against OLD: calibration error" in found


def test_scores_bent_so_that_the_ranking_stays_fail(scene: Scene, linear: Path, tmp_path: Path) -> None:
    found = failures(judged(scene, bent(scene, linear, tmp_path / "bent"), linear, training=None))

    assert "calibration: calibration error" in found
    assert not {"against OLD: roc auc", "against OLD: accuracy", "against OLD: average precision"} & set(found)


def test_one_that_was_fitted_on_the_hold_out_without_saying_so_fails(scene: Scene, tree: Path, tmp_path: Path) -> None:
    """Its ID hashes are those of honest training data; but fitted on these, the recipe gives another model."""
    found = failures(judged(scene, fitted_on_the_holdout(scene, tree, tmp_path / "leaky"), tree))

    assert "not made from these rows" in found["refit: same model"]


def test_one_that_knows_the_hold_out_by_heart_fails_without_training_data_too(
    scene: Scene, tree: Path, tmp_path: Path
) -> None:
    """It is too good to be true: the hold-out's figures are far from what it claims."""
    found = failures(judged(scene, knows_it_by_heart(scene, tree, tmp_path / "heart"), tree, training=None))

    assert "claims against the hold-out: cross validation accuracy" in found


def test_one_that_leaves_out_the_hashes_of_the_hold_out_fails(
    scene: Scene, tree: Path, saw: Path, tmp_path: Path
) -> None:
    leaky = Path(shutil.copytree(saw, tmp_path / "leaky"))
    training = read_manifest(leaky, None).training.model_dump()
    honest = read_manifest(tree, None).training.id_hashes
    rewrite_manifest(leaky, scene.keys, {"training": {**training, "id_hashes": honest}})

    found = failures(judged(scene, leaky, tree, training=None))

    assert {"hold-out: training IDs of NEW"} == set(found)
    assert "3984 different ID hashes for 4980 training rows" in found["hold-out: training IDs of NEW"]


def test_one_that_was_resampled_before_the_split_fails(scene: Scene, tree: Path, tmp_path: Path) -> None:
    """Copies of a taker lie in several folds, so that each is scored by a model that has seen it."""
    found = failures(judged(scene, resampled_before_the_split(scene, tree, tmp_path / "early"), tree))

    assert {"recall", "precision", "average_precision"} <= claims_of(found, "refit")
    assert {"recall", "conversion_top_10"} <= claims_of(found, "hold-out")


def test_doctored_figures_fail_though_a_trusted_key_has_signed_them(scene: Scene, tree: Path, tmp_path: Path) -> None:
    found = failures(judged(scene, doctored(scene, tree, tmp_path / "doctored"), tree))

    assert {"claims against the refit: cross validation accuracy"} <= set(found)
    assert "claimed 0.99" in found["claims against the refit: cross validation accuracy"]
    assert {"accuracy", "roc_auc"} >= claims_of(found, "refit")


def claims_of(found: dict[str, str], reference: str) -> set[str]:
    start = f"claims against the {reference}: cross validation "
    return {name.removeprefix(start) for name in found if name.startswith(start)}


def test_one_that_saw_the_hold_out_fails_with_the_count_and_so_does_an_old_one(
    scene: Scene, tree: Path, saw: Path
) -> None:
    new = failures(judged(scene, saw, tree, training=None))
    old = failures(judged(scene, tree, saw, training=None))

    assert {"hold-out: unseen by NEW"} == set(new)
    assert "996 of 996 hold-out customers were in OLD's training" in old["hold-out: unseen by OLD"]


def test_one_that_asks_for_age_fails_unless_producers_were_told(scene: Scene, tree: Path, tmp_path: Path) -> None:
    aged = uses_age(scene, tree, tmp_path / "aged")

    found = failures(judged(scene, aged, tree, training=None))
    told = judged(scene, aged, tree, allow_new_fields=True, training=None)

    assert {"fitness: customer fields"} == set(found)
    assert "producers need not send age" in found["fitness: customer fields"]
    assert told.passed


def test_without_the_right_key_nothing_is_proved(scene: Scene, tree: Path, saw: Path) -> None:
    """A wrong key would find no overlap either, so it must not pass for the right one."""
    none = failures(judged(scene, tree, tree, id_keys=(), training=None))
    wrong = failures(judged(scene, saw, tree, id_keys=(OTHER_KEY,), training=None))
    both = judged(scene, tree, tree, id_keys=(OTHER_KEY, ID_KEY), training=None)

    assert "give their key with --id-key" in none["hold-out: unseen by NEW"]
    assert "not proved: no given key" in wrong["hold-out: unseen by NEW"]
    assert both.passed


def test_training_customers_show_which_key_is_right_where_the_manifest_does_not(scene: Scene, tree: Path) -> None:
    manifest = read_manifest(tree, None)
    said = {name: value for name, value in manifest.parameters.items() if name != KEY_CHECK}
    silent = manifest.model_copy(update={"parameters": said})
    holdout, training = scene.rows(scene.holdout), scene.rows(scene.training)

    assert unseen("NEW", silent, Known((OTHER_KEY, ID_KEY), holdout, training)).passed
    assert not unseen("NEW", silent, Known((OTHER_KEY,), holdout, training)).passed
    assert not unseen("NEW", silent, Known((ID_KEY,), holdout, None)).passed


def test_other_training_data_than_the_manifests_fail(scene: Scene, tree: Path) -> None:
    found = failures(judged(scene, tree, tree, training=scene.holdout))

    assert "give the files that NEW was trained on" in found["refit: training data"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"candidate": "crystal_ball"}, "crystal_ball: no such candidate"),
        ({"parameters": {"columns_offered": "level"}}, "do not say how the model was made"),
        ({"parameters": {"columns_offered": "shoe_size", "seed": "0"}}, "shoe_size, which no customer has"),
        ({"parameters": {"columns_offered": "level", "seed": "-1"}}, "-1 is no seed"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_told(changes: dict[str, Any], says: str, tree: Path) -> None:
    found = recipe_of(read_manifest(tree, None).model_copy(update=changes))

    assert isinstance(found, str)
    assert says in found


def test_without_a_recipe_it_fails(scene: Scene, tree: Path, spoilt: Path) -> None:
    rewrite_manifest(spoilt, scene.keys, {"candidate": "crystal_ball"})

    assert "no such candidate" in failures(judged(scene, spoilt, tree))["refit: recipe"]


def test_a_threshold_that_its_economics_do_not_give_and_an_unknown_figure_fail(
    scene: Scene, tree: Path, spoilt: Path
) -> None:
    (figure, *_) = read_manifest(spoilt, None).metrics
    odd = {**figure.model_dump(), "name": "applause"}
    rewrite_manifest(spoilt, scene.keys, {"threshold": 0.0, "metrics": [odd]})

    found = failures(judged(scene, spoilt, tree, training=None))

    assert {"fitness: threshold", "shift: leads"} <= set(found)
    assert "unknown to the gate: applause" in found["claims against the hold-out: the usual figures"]
    assert "not claimed: accuracy, " in found["claims against the hold-out: the usual figures"]


def test_customers_under_other_numbers_are_found(scene: Scene) -> None:
    """Somebody adds the hold-out to the training data, and gives its customers new IDs."""
    holdout, training = scene.rows(scene.holdout), scene.rows(scene.training)
    renamed = holdout.set_axis([f"9{one}" for one in holdout.index])

    honest = no_twins(Known((), holdout, training))
    added = no_twins(Known((), holdout, pd.concat([training, renamed])))

    assert (True, False) == (honest.passed, added.passed)
    assert "996 hold-out customers are alike" in added.text


def test_a_bundle_that_nobody_trusted_has_signed_is_refused(scene: Scene, tree: Path, tmp_path: Path) -> None:
    stranger = new_keys(tmp_path)

    with pytest.raises(BundleError, match="signed by somebody else"):
        gate(Question(tree, tree, stranger.public, scene.keys.public, scene.holdout))


def test_wrong_data_are_refused_with_the_way_out(scene: Scene, tree: Path, tmp_path: Path) -> None:
    first, second = scene.holdout
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(line.rpartition(",")[0] for line in second.read_text().splitlines()) + "\n")
    few = tmp_path / "few1.csv", tmp_path / "few2.csv"
    for path, source in zip(few, scene.holdout, strict=True):
        path.write_text("".join(source.read_text().splitlines(keepends=True)[:100]))

    with pytest.raises(DataError, match=r"bare\.csv, line 1, column LoanOnCard: missing"):
        judged(scene, tree, tree, holdout=(first, bare))
    with pytest.raises(DataError, match="from 20 of each outcome on"):
        judged(scene, tree, tree, holdout=few)
    with pytest.raises(DataError, match=r"gone\.csv cannot be read"):
        judged(scene, tree, tree, holdout=(first, tmp_path / "gone.csv"))


def test_every_line_can_be_written_as_json(scene: Scene, linear: Path, tree: Path) -> None:
    lines = json.loads(json.dumps([line._asdict() for line in judged(scene, tree, linear, training=None).lines]))

    names = [(line["group"], line["check"]) for line in lines]
    assert len(names) == len(set(names))
