"""The manifests of k8s/, rendered as the deployer does it: by kubectl, from a copy, with its default restrictions."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.trained import ROOT

K8S: Final = ROOT / "k8s"
OVERLAYS: Final = ("prod", "dev")
PARTS: Final = ("platform", "release", "jobs")
Tree = dict[str, Any]


def render(overlay: str, part: str = ".", changes: Mapping[str, Any] | None = None) -> list[Tree]:
    """
    Return the objects of an overlay, or of a part of one; without kubectl the test is skipped.

    Args:
        overlay: `prod` or `dev`.
        part: `platform`, `release` or `jobs`; all that is served without it.
        changes: Keys of a kustomization that stands beside k8s/ and names this one, as the deployer's does.
    """
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not here; it renders the manifests")
    return list(yaml.safe_load_all(rendered(overlay, part, json.dumps(changes))))


@cache
def rendered(overlay: str, part: str, changes: str) -> str:
    """Return the same as YAML. Every caller reads it anew, so that each may change what it gets."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(K8S, Path(folder) / "k8s")
        place = Path(folder) / "k8s" / "overlays" / overlay / part
        if (more := json.loads(changes)) is not None:
            content = {"resources": [f"../k8s/overlays/{overlay}/{part}"], **more}
            place = Path(folder) / "top"
            place.mkdir()
            (place / "kustomization.yaml").write_text(json.dumps(content))
        ran = subprocess.run(["kubectl", "kustomize", place], capture_output=True, text=True, check=False)
    assert (0, "") == (ran.returncode, ran.stderr), ran.stderr
    return ran.stdout


def one(objects: list[Tree], kind: str, name: str = "") -> Tree:
    """Return the only object of a kind, or the one of a name; a ConfigMap's hash is no part of its name."""
    found = [tree for tree in objects if kind == tree["kind"] and tree["metadata"]["name"].startswith(name)]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def pod_specs(objects: list[Tree]) -> Iterator[tuple[str, Tree]]:
    """Yield the pod of each Deployment and Job, with its name."""
    for tree in objects:
        if tree["kind"] in ("Deployment", "Job"):
            yield tree["metadata"]["name"], tree["spec"]["template"]["spec"]


def environment() -> dict[str, str]:
    """Return the values of prod's account."""
    text = (K8S / "overlays" / "prod" / "environment" / "environment.env").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
