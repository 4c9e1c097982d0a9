"""Back to the last good release, when a step that touches what serves has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer import before, lastgood, manifests, rollout
from deployer.render import PART

if TYPE_CHECKING:
    from deployer.before import Ran
    from deployer.kubectl import Kubectl
    from deployer.lastgood import Former, LastGood


def restore(good: LastGood, kubectl: Kubectl) -> None:
    """
    Make the cluster serve the last good release again, and say that it is the last good one.

    Args:
        good: The release.
        kubectl: The cluster.

    Raises:
        DeployError: The cluster refused, or the old pods do not come up in time.
    """
    kubectl.apply(good.manifests)
    rollout.resume(kubectl)
    rollout.wait_until_it_runs(kubectl)
    lastgood.write(kubectl, good.data)
    prune(good.manifests, kubectl)


def restore_what_ran(former: Former, ran: Ran, kubectl: Kubectl) -> None:
    """
    Run again what ran before a release, or nothing if nothing ran, where no good release may be put back.

    Args:
        former: What the ConfigMap of the last good release held.
        ran: What ran.
        kubectl: The cluster.

    Raises:
        DeployError: The cluster refused, or the old pods do not come up in time.
    """
    if ran:
        before.put_back(ran, kubectl)
    else:
        rollout.stop_serving(kubectl)
    lastgood.write(kubectl, former.data)
    before.forget(kubectl)


def prune(kept: str, kubectl: Kubectl) -> None:
    """
    Delete settings that no release uses any more; their names change with their content.

    Args:
        kept: Manifests of the release that stays.
        kubectl: The cluster.

    Raises:
        DeployError: The cluster refused.
    """
    used = {manifest.name for manifest in manifests.split(kept) if manifest.kind == "ConfigMap"}
    for found in kubectl.get_all("configmaps", f"{PART}=release"):
        if found["metadata"]["name"] not in used:
            kubectl.remove("configmap", found["metadata"]["name"])
