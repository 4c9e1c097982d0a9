"""The last good release: kept in the cluster, because the deployer may be replaced at any time."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.errors import Refused
from deployer.manifests import check_release, split
from deployer.release import parse_signed
from deployer.render import canonical

if TYPE_CHECKING:
    from deployer.kubectl import Kubectl
    from deployer.release import Release

NAME = "leadline-last-good"
KEYS = ("release.json", "release.sig", "manifests.yaml")


@dataclass(frozen=True)
class LastGood:
    """What was validated last: the release, and the manifests as they were applied."""

    release: Release
    manifests: str

    @property
    def version(self) -> str:
        """The version that its release.json names."""
        return self.release.version

    @property
    def data(self) -> dict[str, str]:
        """What the ConfigMap holds; the signature as base64."""
        signature = base64.b64encode(self.release.signature).decode()
        return {"release.json": self.release.text, "release.sig": signature, "manifests.yaml": self.manifests}


@dataclass(frozen=True)
class Former:
    """What the ConfigMap held before a step, and the release in it, if there is one that may be put back."""

    good: LastGood | None = None
    fault: str = ""  # why what is there may not be put back
    data: dict[str, str] = field(default_factory=dict)


def read(kubectl: Kubectl, key: Path) -> Former:
    """
    Read the last good release.

    It is checked like one that is to be deployed, because it may be: whoever can write to the ConfigMap must not be
    able to have an image or a kind of object applied that no release holds. The manifests are tied to the signed
    release by their images, kinds and names; settings are not, which who can write here can change anyway.

    Args:
        kubectl: The cluster.
        key: Public key (PEM) of the pipeline.

    Returns:
        Empty before the first release.

    Raises:
        DeployError: The cluster gave no answer, or openssl could not tell.
    """
    data = (kubectl.get("configmap", NAME) or {}).get("data") or {}
    if not data:
        return Former()
    try:
        return Former(checked(data, kubectl, key), data=data)
    except Refused as error:
        return Former(fault=f"ConfigMap {NAME} may not be put back: {error}", data=data)


def checked(data: dict[str, str], kubectl: Kubectl, key: Path) -> LastGood:
    """
    Return the release that the ConfigMap holds, if it is one that a pipeline has signed.

    Args:
        data: What the ConfigMap holds.
        kubectl: Runs openssl.
        key: Public key (PEM) of the pipeline.

    Returns:
        The release and its manifests.

    Raises:
        Refused: Something is missing, or it is not what was signed, or the manifests are not this release's.
    """
    missing = [name for name in KEYS if not data.get(name)]
    if missing:
        raise Refused(f"it must hold {', '.join(KEYS)}, and lacks {', '.join(missing)}")
    try:
        signature = base64.b64decode(data["release.sig"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"its release.sig is no base64: {error}") from None
    release = parse_signed(data["release.json"].encode(), signature, Path(), key, kubectl.commands)
    check_release(split(data["manifests.yaml"]), release.images)
    if data["manifests.yaml"] != canonical(data["manifests.yaml"], kubectl):
        raise Refused("its manifests.yaml is not as kustomize writes it, so that this check says nothing")
    return LastGood(release, data["manifests.yaml"])


def write(kubectl: Kubectl, data: dict[str, str]) -> None:
    """
    Write down which release is the last good one.

    Args:
        kubectl: The cluster.
        data: `LastGood.data`, or what was there before; empty: an empty ConfigMap is left.

    Raises:
        DeployError: The cluster refused.
    """
    kubectl.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": data}))
