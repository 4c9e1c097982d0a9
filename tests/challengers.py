"""Builders: champion and challengers on the real set, honest and otherwise, and the hold-out to judge them on."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest

from propensity import trial
from propensity.bundle import dump, read_manifest
from propensity.scoring import Classifier
from tests.bundles import Keys, replace_model, rewrite_manifest
from training import data, metrics, run
from training.candidates import choose
from training.fitting import fit
from training.gate.proof import KEY_CHECK, key_check
from training.gate.refit import offered
from training.options import Options
from training.pack import golden_rows, ranges
from training.public_set import write_csv
from training.reserve import split_reserve, write_reserve
from training.strip import fitted_steps

ID_KEY: Final = b"the key of the ID hashes, in tests"
_load: Final = data.load
DRAWS: Final = 25
"""Enough to tell good from bad; the gate itself draws more often."""


@dataclass(frozen=True)
class Scene:
    """The data in two parts that share no customer, and the keys."""

    folder: Path
    keys: Keys
    everything: tuple[Path, Path]
    training: tuple[Path, Path]
    holdout: tuple[Path, Path]
    id_key: Path

    def train(self, name: str, candidate: str, files: tuple[Path, Path] | None = None, seed: int = 0) -> Path:
        """Train one candidate as `leadline train` does, without a report."""
        data1, data2 = files or self.training
        out = self.folder / name
        with quick_figures():
            run.train(
                Options(
                    out, data1, data2, candidates=(candidate,), seed=seed, key=self.keys.private, id_key=ID_KEY, jobs=1
                )
            )
        said = read_manifest(out, None).parameters
        rewrite_manifest(out, self.keys, {"parameters": {**said, KEY_CHECK: key_check(ID_KEY)}})
        return out

    def rows(self, files: tuple[Path, Path]) -> pd.DataFrame:
        """Return the labelled rows of two files."""
        return data.labelled(_loaded(*files))

    def refit(self, folder: Path, rows: pd.DataFrame, columns: tuple[str, ...]) -> None:
        """Put a model into the bundle that was fitted on other rows or columns than the manifest says."""
        manifest = read_manifest(folder, None)
        (candidate,) = choose([manifest.candidate])
        fitted = fit(candidate, offered(rows, columns), int(manifest.parameters["seed"]))
        model = fitted_steps(fitted.estimator)
        features = offered(rows, fitted.names).features
        self.put(folder, model, {"features": [one.model_dump() for one in ranges(features, fitted.names)]})

    def put(self, folder: Path, model: Classifier, changes: Mapping[str, Any]) -> None:
        """Put another model into the bundle, and sign it with the trusted key."""
        if changes:
            rewrite_manifest(folder, self.keys, changes)
        manifest = read_manifest(folder, None)
        names = [feature.name for feature in manifest.features]
        golden = golden_rows(model, offered(self.rows(self.training), names).features, names, 0)
        replace_model(folder, self.keys, dump(model))
        rewrite_manifest(folder, self.keys, {"golden": [one.model_dump() for one in golden]})

    def claim(self, folder: Path, change: Callable[[str, float], float]) -> None:
        """Change what a manifest claims, and sign it with the trusted key."""
        claimed = [one.model_dump() for one in read_manifest(folder, None).metrics]
        for one in claimed:
            one.update({bound: change(one["name"], one[bound]) for bound in ("low", "value", "high")})
        rewrite_manifest(folder, self.keys, {"metrics": claimed})


@contextlib.contextmanager
def quick_figures() -> Iterator[None]:
    """Draw less often, write no report, read each file once, and load bundles without a trial in a child process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "BOOTSTRAPS", DRAWS)
        patch.setattr(run, "documents", lambda _story: {})
        patch.setattr(data, "load", _loaded)
        patch.setattr(trial, "prove_in_child", lambda *_: None)
        yield


@cache
def _loaded(data1: Path, data2: Path) -> pd.DataFrame:
    return _load(data1, data2)


def make_scene(folder: Path, keys: Keys) -> Scene:
    """Split the real set as `leadline train --reserve-share 0.2` does."""
    (folder / "all").mkdir()
    everything = write_csv(folder / "all")
    parts = split_reserve(data.load(*everything), 0.2, seed=0)
    training = write_reserve(parts.kept, folder / "training")
    holdout = write_reserve(parts.reserve, folder / "holdout")
    id_key = folder / "id.key"
    id_key.write_bytes(ID_KEY)
    return Scene(folder, keys, everything, training, holdout, id_key)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Scene:
    """Make the data and the keys that the gate's tests share."""
    return make_scene(tmp_path_factory.mktemp("gate"), keys)


@pytest.fixture(scope="session")
def linear(scene: Scene) -> Path:
    """Train a logistic regression."""
    return scene.train("linear", "logistic_regression")


@pytest.fixture(scope="session")
def tree(scene: Scene) -> Path:
    """Train a decision tree, which is better."""
    return scene.train("tree", "decision_tree")
