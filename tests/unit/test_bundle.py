"""A bundle that is not what it says is refused, for a reason of its own, before anything of it runs."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from propensity.bundle import BundleError, current_libraries, load, other_libraries, read_manifest
from propensity.features import FEATURES, matrix_from_columns
from propensity.scoring import score
from propensity.signing import BadKey
from tests.bundles import (
    Keys,
    likely_above,
    make_bundle,
    manifest_of,
    new_keys,
    replace_model,
    rewrite_manifest,
    table,
)

FILES: Final = ("model.pkl", "card.md", "manifest.json", "manifest.sig")


@pytest.mark.parametrize(
    ("model", "tolerance"),
    [
        (make_pipeline(StandardScaler(), LogisticRegression()), 1e-12),
        (GaussianNB(), 1e-12),
        (DecisionTreeClassifier(random_state=0), 0),
        (RandomForestClassifier(7, random_state=0), 0),
        (HistGradientBoostingClassifier(max_iter=7, random_state=0), 0),
    ],
    ids=["logistic regression", "naive Bayes", "decision tree", "random forest", "boosting"],
)
def test_a_good_bundle_loads_and_scores_as_before(model: Any, tolerance: float, keys: Keys, tmp_path: Path) -> None:  # noqa: ANN401  scikit-learn has no types
    columns, takers = table()
    matrix = matrix_from_columns(columns, FEATURES)
    model.fit(matrix, takers)
    loaded = load(make_bundle(tmp_path / "bundle", model, keys, tolerance), keys.public)
    assert loaded.feature_names == FEATURES
    assert abs(score(loaded.model, matrix) - model.predict_proba(matrix)[:, 1]).max() <= tolerance


def test_the_manifest_alone_is_read_without_the_model(bundle_folder: Path, keys: Keys) -> None:
    replace_model(bundle_folder, keys, b"no pickle")
    manifest = read_manifest(bundle_folder, keys.public)
    assert manifest.id.sha256 == hashlib.sha256(b"no pickle").hexdigest()


def test_the_manifest_is_read_whatever_it_was_made_with_if_that_is_asked_for(bundle_folder: Path, keys: Keys) -> None:
    """Signature, digests and schema are checked all the same, and the model is still not to be loaded."""
    made_with = {**current_libraries(), "numpy": "1.0.0"}
    rewrite_manifest(bundle_folder, keys, {"libraries": made_with})

    assert made_with == read_manifest(bundle_folder, keys.public, same_libraries=False).libraries
    for refused in (read_manifest, load):
        with pytest.raises(BundleError, match=r"made with numpy 1\.0\.0"):
            refused(bundle_folder, keys.public)

    (bundle_folder / "card.md").write_text("another")
    with pytest.raises(BundleError, match=r"card\.md is not the file"):
        read_manifest(bundle_folder, keys.public, same_libraries=False)
    rewrite_manifest(bundle_folder, keys, {"surprise": 1})
    with pytest.raises(BundleError, match="/surprise"):
        read_manifest(bundle_folder, keys.public, same_libraries=False)
    (bundle_folder / "manifest.sig").write_bytes(b"x")
    with pytest.raises(BundleError, match="signed by somebody else"):
        read_manifest(bundle_folder, keys.public, same_libraries=False)


def test_all_libraries_that_are_other_ones_are_named_and_the_last_number_does_not_count() -> None:
    here = current_libraries()
    major, minor = here["numpy"].split(".")[:2]
    manifest = manifest_of(likely_above(100))

    def other(libraries: Mapping[str, str]) -> str | None:
        return other_libraries(manifest.model_copy(update={"libraries": libraries}))

    assert other(here) is None
    assert other({**here, "numpy": f"{major}.{minor}.999"}) is None
    assert (
        f"made with numpy 1.0, and here is {here['numpy']}; made with scikit-learn none, and here is "
        f"{here['scikit-learn']}"
    ) == other({"python": here["python"], "numpy": "1.0"})


@pytest.mark.parametrize("name", FILES)
def test_a_bundle_without_one_of_its_files_is_refused(name: str, bundle_folder: Path, keys: Keys) -> None:
    (bundle_folder / name).unlink()
    with pytest.raises(BundleError, match=rf"{name} cannot be read"):
        load(bundle_folder, keys.public)


def test_no_bundle_at_all_is_refused(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "file").write_text("no folder")
    for nowhere in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(BundleError, match=r"manifest\.json cannot be read"):
            load(nowhere, keys.public)


def test_an_unsigned_bundle_is_refused_unless_no_key_is_asked_for(bundle_folder: Path, keys: Keys) -> None:
    (bundle_folder / "manifest.sig").unlink()
    with pytest.raises(BundleError, match="an unsigned bundle wants `leadline model sign`"):
        load(bundle_folder, keys.public)
    assert load(bundle_folder, None).feature_names == FEATURES


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("name", "fault"), [("model.pkl", "is not the file"), ("card.md", "is not the file")])
def test_an_altered_file_is_refused_signature_checked_or_not(
    name: str, fault: str, signed: bool, bundle_folder: Path, keys: Keys
) -> None:
    (bundle_folder / name).write_bytes((bundle_folder / name).read_bytes() + b" ")
    with pytest.raises(BundleError, match=f"{name} {fault}"):
        load(bundle_folder, keys.public if signed else None)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig"])
def test_an_altered_manifest_or_signature_is_refused(name: str, bundle_folder: Path, keys: Keys) -> None:
    content = (bundle_folder / name).read_bytes()
    for altered in (content + b" ", content[:-1], b"", content.replace(b"tiny", b"tidy") if name[-1] == "n" else b"x"):
        (bundle_folder / name).write_bytes(altered)
        with pytest.raises(BundleError, match="altered or signed by somebody else"):
            load(bundle_folder, keys.public)


def test_a_bundle_that_somebody_else_signed_is_refused(bundle_folder: Path, keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = new_keys(tmp_path / "other")
    with pytest.raises(BundleError, match="signed by somebody else"):
        load(bundle_folder, other.public)
    rewrite_manifest(bundle_folder, other, {})
    with pytest.raises(BundleError, match="signed by somebody else"):
        load(bundle_folder, keys.public)
    with pytest.raises(BadKey):
        load(bundle_folder, tmp_path / "no key")


@pytest.mark.parametrize("library", ["python", "numpy", "scikit-learn"])
def test_other_versions_are_refused_but_for_the_last_number(library: str, bundle_folder: Path, keys: Keys) -> None:
    here = current_libraries()
    major, minor = here[library].split(".")[:2]
    rewrite_manifest(bundle_folder, keys, {"libraries": {**here, library: f"{major}.{minor}.999"}})
    assert load(bundle_folder, keys.public)
    for other in (f"{major}.{int(minor) + 1}.0", f"{int(major) + 1}.{minor}.0", "", "x"):
        rewrite_manifest(bundle_folder, keys, {"libraries": {**here, library: other}})
        with pytest.raises(BundleError, match=f"made with {library} {other}, and here is"):
            load(bundle_folder, keys.public)
    rewrite_manifest(bundle_folder, keys, {"libraries": {name: v for name, v in here.items() if name != library}})
    with pytest.raises(BundleError, match=f"made with {library} none"):
        load(bundle_folder, keys.public)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"surprise": 1}, "/surprise: Extra inputs are not permitted"),
        ({"schema_version": 2}, "/schema_version"),
        ({"threshold": 1.5}, "/threshold"),
        ({"threshold": "0.5"}, "/threshold"),
        ({"files": {"../model.pkl": "0" * 64}}, "/files"),
        ({"files": {"model.pkl": "short"}}, "/files/model.pkl"),
        ({"files": {}}, "does not name model.pkl"),
        ({"features": []}, "/features"),
        ({"golden": []}, "/golden"),
        ({"features": [{"name": "shoe_size", "minimum": 30, "maximum": 50}]}, "no customer has the features shoe_size"),
        ({"features": [{"name": "loan_on_card", "minimum": 0, "maximum": 1}]}, "no customer has the features loan_on"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_manifest_that_says_something_else_is_refused(
    changes: Mapping[str, Any], fault: str, bundle_folder: Path, keys: Keys
) -> None:
    rewrite_manifest(bundle_folder, keys, changes)
    with pytest.raises(BundleError, match=fault):
        load(bundle_folder, keys.public)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 5000])
def test_a_manifest_that_is_no_json_object_is_refused(text: bytes, bundle_folder: Path) -> None:
    (bundle_folder / "manifest.json").write_bytes(text)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load(bundle_folder, None)


@pytest.mark.parametrize(
    ("golden", "fault"),
    [
        ([{"row": [0.0] * 9, "score": 0.25}], "scores a golden row 0.25 off"),
        ([{"row": [0.0] * 8, "score": 0.0}], "does not fit the golden rows"),
        ([{"row": [0.0] * 9, "score": 0.0}, {"row": [0.0], "score": 0.0}], "does not fit the golden rows"),
    ],
)
def test_a_model_that_scores_otherwise_is_refused(
    golden: list[dict[str, Any]], fault: str, bundle_folder: Path, keys: Keys
) -> None:
    rewrite_manifest(bundle_folder, keys, {"golden": golden})
    with pytest.raises(BundleError, match=fault):
        load(bundle_folder, keys.public)


def test_a_model_of_another_width_than_its_features_is_refused(bundle_folder: Path, keys: Keys) -> None:
    features = json.loads((bundle_folder / "manifest.json").read_text())["features"]
    rewrite_manifest(bundle_folder, keys, {"features": features[:8]})
    with pytest.raises(BundleError, match="does not fit the golden rows"):
        load(bundle_folder, keys.public)


def test_files_that_the_manifest_does_not_name_are_not_read(bundle_folder: Path, keys: Keys) -> None:
    (bundle_folder / "evil.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    shutil.copy(bundle_folder / "evil.pkl", bundle_folder / "model.pkl.bak")
    assert load(bundle_folder, keys.public)
