"""
Challengers that must not pass the gate, each with its own trick. All are signed with a trusted key.

`python -m tests.cheats` prints the gate's table for a good challenger and for each of these.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from leadline.output import console_for
from leadline.verbs.model_gate import show
from propensity.bundle import load, read_manifest
from propensity.features import FEATURES
from tests.bundles import new_keys, rewrite_manifest
from tests.challengers import ID_KEY, Scene, make_scene, quick_figures
from training.candidates import choose
from training.evaluate import cross_validate, folds
from training.gate.claims import measured
from training.gate.gate import Question, gate
from training.gate.refit import offered
from training.options import Options


def fitted_on_the_holdout(scene: Scene, honest: Path, to: Path) -> Path:
    """Fit on training data and hold-out, and leave the manifest as it was."""
    shutil.copytree(honest, to)
    scene.refit(to, scene.rows(scene.everything), FEATURES)
    return to


def knows_it_by_heart(scene: Scene, honest: Path, to: Path) -> Path:
    """Put a tree in that gives every customer's outcome, the hold-out's too."""
    shutil.copytree(honest, to)
    names = [feature.name for feature in read_manifest(to, None).features]
    rows = offered(scene.rows(scene.everything), names)
    scene.put(to, DecisionTreeClassifier(random_state=0).fit(rows.features, rows.labels), {})
    return to


def hides_hashes(scene: Scene, honest: Path, to: Path) -> Path:
    """Train on everything, and leave the hold-out's customers out of the hashes."""
    scene.train(to.name, "decision_tree", scene.everything)
    training = read_manifest(to, None).training.model_dump()
    hashes = read_manifest(honest, None).training.id_hashes
    rewrite_manifest(to, scene.keys, {"training": {**training, "id_hashes": hashes}})
    return to


def resampled_before_the_split(scene: Scene, honest: Path, to: Path) -> Path:
    """Copy the takers before the folds are drawn: each is scored by a model that has seen it, and the claims shine."""
    shutil.copytree(honest, to)
    rows = offered(scene.rows(scene.training), FEATURES)
    takers = np.flatnonzero(rows.labels == 1)
    copied = rows.rows(np.concatenate([np.arange(len(rows.labels)), np.repeat(takers, 8)]))
    plan, options = folds(copied.labels, 1, seed=0), Options(Path(), jobs=1)
    scores = cross_validate(choose(["decision_tree"]), copied, plan, options)["decision_tree"].scores
    with quick_figures():
        claimed = measured(copied.labels, scores, 0.5).metrics
    scene.claim(to, lambda name, _value: claimed[name].value)
    return to


def doctored(scene: Scene, honest: Path, to: Path) -> Path:
    """Claim a somewhat higher accuracy and ROC AUC."""
    shutil.copytree(honest, to)
    scene.claim(to, lambda name, value: min(1.0, value + 0.012) if name in {"accuracy", "roc_auc"} else value)
    return to


def uses_age(scene: Scene, honest: Path, to: Path) -> Path:
    """Offer the age to the model as well, honestly recorded."""
    shutil.copytree(honest, to)
    said, columns = read_manifest(to, None).parameters, (*FEATURES, "age")
    rewrite_manifest(to, scene.keys, {"parameters": {**said, "columns_offered": ", ".join(columns)}})
    scene.refit(to, scene.rows(scene.training), columns)
    return to


def saw_the_holdout(scene: Scene, _honest: Path, to: Path) -> Path:
    """Train on everything, and say so."""
    return scene.train(to.name, "decision_tree", scene.everything)


def bent(scene: Scene, honest: Path, to: Path) -> Path:
    """Raise the odds of a logistic regression to a power: nobody changes places, and no probability is right."""
    shutil.copytree(honest, to)
    model: Any = load(to, scene.keys.public, "pickle").model
    model.steps[-1][1].coef_ *= 0.4
    model.steps[-1][1].intercept_ *= 0.4
    scene.put(to, model, {})
    return to


CHEATS: Final[Mapping[str, Callable[[Scene, Path, Path], Path]]] = {
    "fitted on the hold-out, hashes and manifest as before": fitted_on_the_holdout,
    "knows the hold-out by heart": knows_it_by_heart,
    "fitted on the hold-out, its hashes left out": hides_hashes,
    "resampled before the split": resampled_before_the_split,
    "doctored figures": doctored,
    "saw the hold-out": saw_the_holdout,
    "another schema": uses_age,
}
"""Each starts from the good challenger, a decision tree."""


def main() -> None:
    """Print all tables; those of cheats against the very model that they started from."""
    folder = Path(tempfile.mkdtemp())
    scene = make_scene(folder, new_keys(folder))
    linear, tree = scene.train("linear", "logistic_regression"), scene.train("tree", "decision_tree")
    weighted = scene.train("weighted", "weighted_logistic_regression")
    trials = {
        "good": (tree, linear),
        "worse": (linear, tree),
        "weighted, so not calibrated": (weighted, linear),
        "odds raised to a power": (bent(scene, linear, folder / "bent"), linear),
        **{name: (make(scene, tree, folder / make.__name__), tree) for name, make in CHEATS.items()},
    }
    console = console_for(as_json=False)
    for name, (new, old) in trials.items():
        console.print(f"\n===== {name}")
        training = scene.everything if new.name in {"hides_hashes", "saw_the_holdout"} else scene.training
        with quick_figures():
            question = Question(
                new, old, scene.keys.public, scene.keys.public, scene.holdout, (ID_KEY,), training, jobs=1
            )
            show(console, gate(question))


if __name__ == "__main__":
    main()
