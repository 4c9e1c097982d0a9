"""The last good release: kept in the cluster, because the deployer may be replaced at any time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.kubectl import Kubectl

NAME = "leadline-last-good"
KEYS = ("release.json", "manifests.yaml")


@dataclass(frozen=True)
class LastGood:
    """What was validated last: release.json byte for byte, and the manifests as they were applied."""

    release_json: str
    manifests: str

    @property
    def version(self) -> str:
        """The version that its release.json names."""
        return str(json.loads(self.release_json)["version"])


def read(kubectl: Kubectl) -> LastGood | None:
    """
    Read the last good release.

    Args:
        kubectl: The cluster.

    Returns:
        None before the first.

    Raises:
        DeployError: The cluster gave no answer, or the ConfigMap is not as we write it.
    """
    data = (kubectl.get("configmap", NAME) or {}).get("data") or {}
    if not data:
        return None
    try:
        found = LastGood(*(data[key] for key in KEYS))
        found.version  # noqa: B018 (raises if release.json is none)
    except (KeyError, ValueError, TypeError):
        raise DeployError(
            f"ConfigMap {NAME} is damaged: it must hold {' and '.join(KEYS)}; delete it to start anew"
        ) from None
    return found


def write(kubectl: Kubectl, good: LastGood | None) -> None:
    """
    Write down which release is the last good one.

    Args:
        kubectl: The cluster.
        good: The release, or none at all: then an empty ConfigMap is left.

    Raises:
        DeployError: The cluster refused.
    """
    data = {"release.json": good.release_json, "manifests.yaml": good.manifests} if good else {}
    kubectl.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": data}))
