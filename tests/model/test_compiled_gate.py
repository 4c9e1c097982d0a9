"""The gate compiles NEW's pickle again: another compiled model than that is a line that does not hold."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from propensity.bundle import compiled_of, load
from propensity.compiled import compile_model, to_bytes
from tests.bundles import rewrite_manifest
from tests.challengers import ID_KEY, Scene, quick_figures
from training.gate.gate import Question, Verdict, gate
from training.gate.line import Line

CHECK = "compiled.npz is that of model.pkl"


def judged(scene: Scene, new: Path, old: Path) -> Verdict:
    with quick_figures():
        return gate(Question(new, old, scene.keys.public, scene.keys.public, scene.holdout, (ID_KEY,), jobs=1))


def line_of(verdict: Verdict) -> Line:
    return next(line for line in verdict.lines if line.check == CHECK)


def with_file(scene: Scene, bundle: Path, to: Path, data: bytes | None) -> Path:
    """Copy a bundle, with another compiled model or none in it, signed with the trusted key."""
    shutil.copytree(bundle, to)
    files = json.loads((to / "manifest.json").read_text())["files"]
    del files["compiled.npz"]
    (to / "compiled.npz").unlink()
    if data is not None:
        (to / "compiled.npz").write_bytes(data)
        files["compiled.npz"] = hashlib.sha256(data).hexdigest()
    rewrite_manifest(to, scene.keys, {"files": files})
    return to


def test_that_of_the_pickle_holds(scene: Scene, tree: Path, linear: Path) -> None:
    for new in (tree, linear):
        line = line_of(judged(scene, new, new))

        assert line.passed
        assert "bytes are the same" in line.text


def test_one_that_scores_the_golden_rows_alike_and_others_otherwise_fails(
    scene: Scene, tree: Path, tmp_path: Path
) -> None:
    """Whoever holds the author's key could have written it; nothing in the bundle contradicts it."""
    bundle = load(tree, scene.keys.public, "pickle")
    honest = compile_model(bundle.model)
    root: Any = honest.root
    reached = root._slots(np.array([golden.row for golden in bundle.manifest.golden]))
    values = root.values.copy()
    unseen = next(slot for slot in np.flatnonzero(values > 0) if slot not in reached)
    values[unseen] = 0.0
    root.__dict__["values"] = values
    names = list(bundle.feature_names)
    bent = with_file(scene, tree, tmp_path / "bent", to_bytes(honest, bundle.manifest.files["model.pkl"], names))
    assert load(bent, scene.keys.public, "compiled").manifest.golden == bundle.manifest.golden

    verdict = judged(scene, bent, tree)

    assert [CHECK] == [line.check for line in verdict.failed]
    assert "`leadline model compile` makes the right one" in line_of(verdict).text


def test_none_is_told_and_is_no_fail(scene: Scene, tree: Path, tmp_path: Path) -> None:
    verdict = judged(scene, with_file(scene, tree, tmp_path / "none", None), tree)

    assert verdict.passed
    assert line_of(verdict).passed is None
    assert "`leadline model compile` would make one" in line_of(verdict).text


def test_it_is_the_pickle_that_is_judged(scene: Scene, tree: Path, linear: Path, tmp_path: Path) -> None:
    """A good compiled model does not cover a bad pickle."""
    other = load(linear, scene.keys.public, "pickle")
    mixed = with_file(scene, tree, tmp_path / "mixed", compiled_of(other.model, other.manifest))

    verdict = judged(scene, mixed, tree)

    assert [CHECK] == [line.check for line in verdict.failed]
