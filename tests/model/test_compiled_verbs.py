"""`leadline model compile`, and what training, signing, verifying and scoring make of compiled.npz."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from propensity.bundle import load, read_manifest
from propensity.compiled import CompiledModel
from tests.bundles import new_keys, rewrite_manifest
from tests.functional.command import Leadline, Ran
from tests.trained import DemoModel
from training.public_set import write_csv


@pytest.fixture
def leadline(demo_model: DemoModel, tmp_path: Path) -> Leadline:
    return Leadline(demo_model, tmp_path)


@pytest.fixture
def plain(leadline: Leadline) -> Path:
    """Copy the demo's bundle as it was before there were compiled models, signed with a key that `leadline` finds."""
    folder = Path(shutil.copytree(leadline.model.bundle, leadline.folder / "model"))
    (folder / "compiled.npz").unlink()
    path = folder / "manifest.json"
    files = json.loads(path.read_text())["files"]
    del files["compiled.npz"]
    path.write_text(json.dumps({**json.loads(path.read_text()), "files": files}))
    assert 0 == leadline("model", "sign", folder).returncode
    return folder


def last(ran: Ran) -> dict[str, Any]:
    assert 0 == ran.returncode, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_training_packs_a_compiled_model(demo_model: DemoModel) -> None:
    manifest = read_manifest(demo_model.bundle, demo_model.public_key)

    assert "compiled.npz" in manifest.files
    assert isinstance(load(demo_model.bundle, demo_model.public_key).model, CompiledModel)


def test_compiling_and_signing_gives_what_training_packs(leadline: Leadline, plain: Path) -> None:
    """The signature is stale in between, and the bundle is refused; compiling again changes nothing."""
    compiled = leadline("model", "compile", plain)
    refused = leadline("model", "verify", plain)
    signed = leadline("model", "sign", plain)
    verified = leadline("model", "verify", plain)
    again = last(leadline("model", "compile", plain, "--json"))
    still = leadline("model", "verify", plain)

    assert [0, 3, 0, 0, 0] == [ran.returncode for ran in (compiled, refused, signed, verified, still)]
    assert "the signature is stale now: `leadline model sign" in " ".join(compiled.stdout.split())
    assert (False, False) == (again["changed"], again["written"])
    assert (plain / "compiled.npz").read_bytes() == (leadline.model.bundle / "compiled.npz").read_bytes()


def test_a_dry_run_writes_nothing(leadline: Leadline, plain: Path) -> None:
    before = {one.name: one.read_bytes() for one in plain.iterdir()}

    said = last(leadline("model", "compile", plain, "--dry-run", "--json"))

    assert (True, False) == (said["changed"], said["written"])
    assert before == {one.name: one.read_bytes() for one in plain.iterdir()}


def test_a_bundle_of_a_stranger_is_not_compiled(leadline: Leadline, plain: Path) -> None:
    """Its pickle would have to be loaded."""
    (plain / "manifest.sig").write_bytes(b"another")

    ran = leadline("model", "compile", plain)

    assert 3 == ran.returncode
    assert "signed by somebody else" in " ".join(ran.stderr.split())
    assert not (plain / "compiled.npz").exists()


def test_offline_scores_are_the_same_with_and_without(leadline: Leadline, plain: Path) -> None:
    write_csv(leadline.folder)
    for name, bundle in (("with", leadline.model.bundle), ("without", plain)):
        assert 0 == leadline("score", "Data1.csv", "Data2.csv", "--model", bundle, "--out", f"{name}.csv").returncode

    scores = (leadline.folder / "with.csv").read_text()
    assert 5001 == len(scores.splitlines())
    assert scores == (leadline.folder / "without.csv").read_text()


def test_verifying_looks_at_both(leadline: Leadline, plain: Path) -> None:
    """A damaged compiled model is found, though the pickle holds."""
    keys = new_keys(leadline.folder)
    data = (leadline.model.bundle / "compiled.npz").read_bytes()[:-50]
    (plain / "compiled.npz").write_bytes(data)
    files = json.loads((plain / "manifest.json").read_text())["files"]
    rewrite_manifest(plain, keys, {"files": {**files, "compiled.npz": sha256(data).hexdigest()}})

    ran = leadline("model", "verify", plain, "--public-key", keys.public)

    assert 3 == ran.returncode
    assert "compiled.npz is cut off or damaged" in " ".join(ran.stderr.split())
