"""A bundle with a compiled model: what is loaded, what is not, and what is refused."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from propensity.bundle import BundleError, Scorer, add_compiled, compiled_of, load, read_manifest, sign_bundle
from propensity.compiled import CompiledModel, compile_model, to_bytes
from propensity.features import FEATURES
from propensity.scoring import Classifier, score
from tests.bundles import Keys, likely_above, make_bundle, manifest_of, replace_model, rewrite_manifest
from tests.good_models import packed, rows

HEAVY: Final = {"sklearn", "scipy", "joblib", "threadpoolctl", "pandas", "multiprocessing", "subprocess"}

SCORERS: Final[tuple[Scorer, ...]] = ("auto", "compiled", "pickle")


def compiled_bundle(folder: Path, keys: Keys, model: Classifier, tolerance: float = 0.0) -> Path:
    """Make a bundle with both, signed."""
    made = make_bundle(folder, model, keys, tolerance)
    manifest = read_manifest(made, keys.public)
    add_compiled(made, manifest, compiled_of(model, manifest))
    sign_bundle(made, keys.private)
    return made


@pytest.fixture
def both(tmp_path: Path, keys: Keys) -> Path:
    return compiled_bundle(tmp_path / "both", keys, packed("vote"), 1e-12)


def test_auto_takes_what_is_compiled_and_the_pickle_where_nothing_is(
    both: Path, bundle_folder: Path, keys: Keys
) -> None:
    columns, _ = rows()
    compiled, pickled = load(both, keys.public), load(both, keys.public, "pickle")

    assert isinstance(compiled.model, CompiledModel)
    assert isinstance(load(both, keys.public, "compiled").model, CompiledModel)
    assert not isinstance(pickled.model, CompiledModel)
    assert not isinstance(load(bundle_folder, keys.public).model, CompiledModel)
    assert compiled.manifest == pickled.manifest
    assert np.array_equal(score(compiled.model, columns), score(pickled.model, columns))


def test_compiled_without_such_a_file_says_how_to_make_one(bundle_folder: Path, keys: Keys) -> None:
    with pytest.raises(BundleError, match=r"has no compiled\.npz; `leadline model compile` and then `leadline model s"):
        load(bundle_folder, keys.public, "compiled")


def test_a_file_that_the_manifest_does_not_name_is_not_looked_at(bundle_folder: Path, keys: Keys) -> None:
    (bundle_folder / "compiled.npz").write_bytes(b"put there by somebody")

    assert not isinstance(load(bundle_folder, keys.public).model, CompiledModel)
    with pytest.raises(BundleError, match="has no"):
        load(bundle_folder, keys.public, "compiled")


@pytest.mark.parametrize("name", ["compiled.npz", "model.pkl"])
@pytest.mark.parametrize("signed", [True, False])
def test_an_altered_file_is_refused_whichever_scores(name: str, signed: bool, both: Path, keys: Keys) -> None:
    data = bytearray((both / name).read_bytes())
    data[len(data) // 2] ^= 1
    (both / name).write_bytes(data)

    for scorer in SCORERS:
        with pytest.raises(BundleError, match=rf"{name} is not the file that manifest\.json names"):
            load(both, keys.public if signed else None, scorer)


def test_compiling_makes_the_signature_stale(bundle_folder: Path, keys: Keys) -> None:
    manifest = read_manifest(bundle_folder, keys.public)
    add_compiled(bundle_folder, manifest, compiled_of(likely_above(100), manifest))

    with pytest.raises(BundleError, match="signed by somebody else"):
        load(bundle_folder, keys.public)
    assert {"card.md", "compiled.npz", "manifest.json", "manifest.sig", "model.pkl"} == {
        one.name for one in bundle_folder.iterdir()
    }


def name_file(folder: Path, keys: Keys, data: bytes) -> None:
    """Put a file into the bundle as somebody with the key could."""
    (folder / "compiled.npz").write_bytes(data)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    rewrite_manifest(folder, keys, {"files": {**files, "compiled.npz": hashlib.sha256(data).hexdigest()}})


def test_a_signed_file_that_is_damaged_or_of_another_pickle_is_refused_with_the_way_out(both: Path, keys: Keys) -> None:
    good = (both / "compiled.npz").read_bytes()
    other = to_bytes(compile_model(packed("vote")), "b" * 64, FEATURES)

    for data, why in ((good[:-40], "is cut off or damaged"), (other, r"was made from another model\.pkl")):
        name_file(both, keys, data)
        for scorer in SCORERS[:2]:
            with pytest.raises(BundleError, match=rf"both/compiled\.npz {why}.*`leadline model compile` makes it anew"):
                load(both, keys.public, scorer)
        assert load(both, keys.public, "pickle").model


def test_one_that_scores_otherwise_is_refused_and_there_is_no_silent_way_to_the_pickle(both: Path, keys: Keys) -> None:
    digest = read_manifest(both, keys.public).files["model.pkl"]
    name_file(both, keys, to_bytes(compile_model(packed("naive Bayes")), digest, FEATURES))

    with pytest.raises(BundleError, match=r"compiled\.npz scores a golden row .* off what manifest\.json says"):
        load(both, keys.public)


def test_trees_may_not_differ_at_all(tmp_path: Path, keys: Keys) -> None:
    """The tolerance is the manifest's: none for trees."""
    folder = compiled_bundle(tmp_path / "trees", keys, packed("forest"))
    golden = json.loads((folder / "manifest.json").read_text())["golden"]
    golden[0]["score"] = abs(golden[0]["score"] - 1e-16)
    rewrite_manifest(folder, keys, {"golden": golden})

    with pytest.raises(BundleError, match="and 0 is allowed"):
        load(folder, keys.public)


def test_a_model_that_does_not_score_as_its_manifest_says_is_not_compiled() -> None:
    from propensity.compiled import CannotCompile

    manifest = manifest_of(likely_above(100))
    manifest = manifest.model_copy(update={"files": {"model.pkl": "a" * 64}})

    with pytest.raises(CannotCompile, match="compiled, it scores a golden row"):
        compiled_of(packed("naive Bayes"), manifest)


def test_compiling_twice_gives_the_same_bytes() -> None:
    def once() -> bytes:
        manifest = manifest_of(packed("vote"), 1e-12)
        return compiled_of(packed("vote"), manifest.model_copy(update={"files": {"model.pkl": "a" * 64}}))

    assert once() == once()


def test_other_libraries_do_not_matter_to_what_is_compiled(both: Path, keys: Keys) -> None:
    rewrite_manifest(both, keys, {"libraries": {"python": "2.7.18", "numpy": "1.0.0", "scikit-learn": "0.1.0"}})

    assert load(both, keys.public).feature_names == FEATURES
    with pytest.raises(BundleError, match=r"made with numpy 1\.0\.0"):
        load(both, keys.public, "pickle")


def test_the_pickle_is_not_even_looked_into(both: Path, keys: Keys) -> None:
    """One that would be refused for what it names does no harm beside a compiled model of its digest."""
    hostile = b"cos\nsystem\n(S'true'\ntR."
    model = compile_model(packed("vote"))
    replace_model(both, keys, hostile)
    name_file(both, keys, to_bytes(model, hashlib.sha256(hostile).hexdigest(), FEATURES))

    assert load(both, keys.public, "compiled").model
    with pytest.raises(BundleError, match="does not pass inspection, and nothing of it ran"):
        load(both, keys.public, "pickle")


def test_scoring_with_it_tries_nothing_in_a_child_and_keeps_nothing_heavy(both: Path, keys: Keys) -> None:
    code = (
        "import sys, os, json, pathlib\n"
        "def refuse(*_): raise SystemExit('a child was started')\n"
        "os.posix_spawn = refuse\n"
        "from propensity.bundle import load\nfrom propensity.scoring import score\nimport numpy as np\n"
        "sys.modules['pickle'].Unpickler = sys.modules['pickle'].loads = refuse\n"
        f"bundle = load(pathlib.Path({str(both)!r}), pathlib.Path({str(keys.public)!r}))\n"
        "score(bundle.model, np.array([bundle.manifest.golden[0].row]))\n"
        "bundle.model.attributions(np.array([bundle.manifest.golden[0].row]))\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)

    loaded = json.loads(done.stdout)
    assert set() == {name.partition(".")[0] for name in loaded} & {*HEAVY, "cryptography"}
    assert "propensity.unpickle" not in loaded
    assert "propensity.trial" not in loaded
