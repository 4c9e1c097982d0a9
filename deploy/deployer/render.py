"""From k8s/ and release.json to the manifests that are applied. Only kustomize reads the YAML."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        Refused: There is no such Job, or it runs another image.
        DeployError: kustomize failed.
    """
    changes = {"labels": [{"pairs": {PART: name}}], "nameSuffix": suffix}
    manifests = pin(split(kustomize(release, kubectl, "jobs", changes)), release.images)
    wanted = [manifest for manifest in manifests if manifest.kind != "Job" or manifest.name == name + suffix]
    check_job(wanted, name + suffix, release.images)
    return wanted


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
