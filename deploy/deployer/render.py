"""From k8s/ and release.json to the manifests that are applied. Only kustomize reads the YAML."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.commands import tail
from deployer.errors import DeployError, Refused
from deployer.manifests import Manifest, check_job, check_release, pin, split

if TYPE_CHECKING:
    from deployer.kubectl import Kubectl
    from deployer.release import Release

# What belongs to a release, or to a one-off Job, is found again by this label.
PART = "leadline/part"


def render_release(release: Release, kubectl: Kubectl) -> list[Manifest]:
    """
    Render what the release applies.

    Args:
        release: The release.
        kubectl: Runs kustomize.

    Returns:
        Its manifests, with images by digest.

    Raises:
        Refused: They hold what no release may change.
        DeployError: kustomize failed.
    """
    changes = {"labels": [{"pairs": {PART: "release"}}]}
    manifests = pin(split(kustomize(release, kubectl, "release", changes)), release.images)
    check_release(manifests, release.images)
    return manifests


def render_job(release: Release, kubectl: Kubectl, name: str, suffix: str) -> list[Manifest]:
    """
    Render one of the one-off Jobs.

    Args:
        release: The release.
        kubectl: Runs kustomize.
        name: `leadline-canary` or `leadline-check`.
        suffix: What makes this run's names its own; starts with a dash.

    Returns:
        The Job under its own name, and the ConfigMaps that the Jobs read.

    Raises:
        Refused: There is no such Job, it runs another image, or it cannot be told which model that must hold.
        DeployError: kustomize failed.
    """
    words = expected(release)
    told = [{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": words}]
    patch = {"target": {"kind": "Job", "name": name}, "patch": json.dumps(told)}
    changes = {"labels": [{"pairs": {PART: name}}], "nameSuffix": suffix, "patches": [patch]}
    manifests = pin(split(kustomize(release, kubectl, "jobs", changes)), release.images)
    wanted = [manifest for manifest in manifests if manifest.kind != "Job" or manifest.name == name + suffix]
    check_job(wanted, name + suffix, release.images, words)
    return wanted


def expected(release: Release) -> list[str]:
    """
    Return what tells a Job which model its image must hold: only release.json says so, of model and image alike.

    Args:
        release: The release.

    Returns:
        Arguments of `worker.canary` and `worker.check`.
    """
    model = release.model
    manifest = [] if model.manifest_sha256 is None else ["--expect-manifest", model.manifest_sha256]
    return ["--expect-model", model.sha256, *manifest]


def canonical(manifests: str, kubectl: Kubectl) -> str:
    """
    Return manifests as kustomize writes them.

    Only such text may be read without a YAML parser: others write one object in many ways, and can hide in them.

    Args:
        manifests: YAML documents.
        kubectl: Runs kustomize.

    Returns:
        YAML documents.

    Raises:
        Refused: They are no manifests.
        DeployError: kustomize failed.
    """
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        (Path(folder) / "manifests.yaml").write_text(manifests, encoding="utf-8")
        (Path(folder) / "kustomization.yaml").write_text('{"resources": ["manifests.yaml"]}', encoding="utf-8")
        done = kubectl.call("kustomize", folder, fine=(0, 1))
    if done.code:
        # What kustomize says of a file that it cannot read; anything else is no word about these manifests.
        kind = Refused if "accumulating resources" in done.err else DeployError
        raise kind(f"kustomize cannot read the manifests: {tail(done.err)}")
    return done.out


def kustomize(release: Release, kubectl: Kubectl, overlay: str, changes: dict[str, Any]) -> str:
    """
    Render an overlay of prod with some changes.

    Args:
        release: The release.
        kubectl: Runs kustomize.
        overlay: `release` or `jobs`.
        changes: More keys of a kustomization.

    Returns:
        YAML documents.

    Raises:
        DeployError: kustomize failed.
    """
    base = release.root / "k8s" / "overlays" / "prod" / overlay
    # The revision must stay as it was signed, so the kustomization on top of it lies elsewhere; kustomize wants its
    # resources relative, and follows no symbolic links while it counts the dots.
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        top = Path(folder).resolve()
        content = {"resources": [os.path.relpath(base.resolve(), top)], **changes}
        (top / "kustomization.yaml").write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
        return kubectl.call("kustomize", str(top)).out
