"""The models of the bench, signed bundles like any other: a forest of 100 trees for all consumers, and the vote."""

import shutil
from pathlib import Path
from typing import Final, NamedTuple

from sklearn.ensemble import RandomForestClassifier

from leadline.demo.model import demo_bundle
from propensity.bundle import (
    BundleError,
    add_compiled,
    compiled_of,
    dump,
    load,
    pack,
    read_manifest,
    sign_bundle,
)
from propensity.compiled import COMPILED
from propensity.signing import development_keys
from training import data
from training.options import Options
from training.pack import golden_rows
from training.progress import progress_bar
from training.run import train

FOLDER: Final = Path("build/bench")
TREES: Final = 100


class Model(NamedTuple):
    """A bundle, and the key that it is signed for."""

    bundle: Path
    public_key: Path


def forest() -> Model:
    """Return a forest of 100 trees on the columns that training chose for the demo; fitted where it is not there."""
    demo, public = demo_bundle(Path("build/demo"))
    folder = FOLDER / f"forest-{demo.name.removeprefix('model-')}"
    if not is_whole(folder, public):
        _fit_forest(demo, folder)
    return Model(folder, public)


def vote() -> Model:
    """Return the model that the full comparison chooses; trained where it is not there."""
    demo, public = demo_bundle(Path("build/demo"))
    folder = FOLDER / f"vote-{demo.name.removeprefix('model-')}"
    if not is_whole(folder, public):
        FOLDER.mkdir(parents=True, exist_ok=True)
        with progress_bar() as progress:
            train(Options(out=folder, candidates=("vote",)), progress)
    return Model(folder, public)


def is_whole(folder: Path, public_key: Path) -> bool:
    """Tell whether a bundle is there that can be served."""
    try:
        return COMPILED in read_manifest(folder, public_key).files
    except BundleError:
        return False


def _fit_forest(demo: Path, folder: Path) -> None:
    private, _ = development_keys()
    manifest = read_manifest(demo, None)
    names = [feature.name for feature in manifest.features]
    rows = data.labelled(data.load())
    matrix = data.matrix(rows, names)
    fitted = RandomForestClassifier(TREES, random_state=0).fit(matrix, data.labels(rows))
    draft = manifest.model_copy(
        update={"name": "bench-forest", "candidate": "random_forest", "golden": golden_rows(fitted, matrix, names, 0)}
    )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packed = pack(folder, dump(fitted), draft, {})
    add_compiled(folder, packed, compiled_of(fitted, packed))
    sign_bundle(folder, private)
    load(folder, None, "pickle")  # refused now rather than in the middle of a run
