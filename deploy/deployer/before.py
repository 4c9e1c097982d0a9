"""What ran before a release, where no good release is known that could be put back."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from deployer import rollout
from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.kubectl import Kubectl

NAME = "leadline-before"
KEY = "templates.json"
# On each Deployment the digest of what is written down: who can write a ConfigMap must not be able to have it run.
DIGEST = "leadline/before"
# The pod template of each Deployment that ran, by its name: image and settings belong together.
Ran = dict[str, Any]


def note(kubectl: Kubectl) -> Ran:
    """
    Write down what runs now, unless something is written down already.

    That stays until a deployment has ended: its hooks may be killed, and what the next one then finds running was never
    validated.

    Args:
        kubectl: The cluster.

    Returns:
        What is written down.

    Raises:
        DeployError: The cluster gave no answer, or refused.
    """
    noted = read(kubectl)
    if noted is not None:
        return noted
    ran = what_runs(kubectl)
    data = {KEY: json.dumps(ran)}
    for name in ran:
        kubectl.call("annotate", "deployment", name, f"{DIGEST}={digest(data[KEY])}", "--overwrite")
    kubectl.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": data}))
    return ran


def read(kubectl: Kubectl) -> Ran | None:
    """
    Read what was written down.

    Args:
        kubectl: The cluster.

    Returns:
        None if nothing was.

    Raises:
        DeployError: The cluster gave no answer, or the ConfigMap is not what we have written.
    """
    found = kubectl.get("configmap", NAME)
    if found is None:
        return None
    text = str((found.get("data") or {}).get(KEY))
    try:
        ran = dict(json.loads(text))
    except (ValueError, TypeError):
        raise DeployError(f"ConfigMap {NAME} is damaged: it must hold {KEY}; delete it to start anew") from None
    deployments = {name: kubectl.get("deployment", name) or {} for name in rollout.BOTH if name in ran}
    noted = [one.get("metadata", {}).get("annotations", {}).get(DIGEST) for one in deployments.values()]
    if len(noted) < len(ran) or any(one != digest(text) for one in noted):
        raise DeployError(
            f"ConfigMap {NAME} is not what was written down: the Deployments bear another digest of it ({DIGEST}); "
            "delete it to start anew"
        )
    return ran


def digest(text: str) -> str:
    """Return the SHA-256 of what is written down, in hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def what_runs(kubectl: Kubectl) -> Ran:
    """
    Return the pod template of each Deployment.

    Args:
        kubectl: The cluster.

    Returns:
        Nothing where a first release has failed: what it has left was stopped on purpose.

    Raises:
        DeployError: The cluster gave no answer.
    """
    if rollout.is_stopped(kubectl):
        return {}
    found = {name: kubectl.get("deployment", name) for name in rollout.BOTH}
    return {name: one["spec"]["template"] for name, one in found.items() if one is not None}


def put_back(ran: Ran, kubectl: Kubectl) -> None:
    """
    Run again what ran before; a Deployment that did not exist is left without pods.

    Args:
        ran: What ran.
        kubectl: The cluster.

    Raises:
        DeployError: The cluster refused, or the old pods do not come up in time.
    """
    rollout.stop_serving(kubectl, [name for name in rollout.BOTH if name not in ran])
    for name, template in ran.items():
        change = [{"op": "replace", "path": "/spec/template", "value": template}]
        kubectl.call("patch", "deployment", name, "--type=json", "--patch", json.dumps(change))
    for name in ran:
        rollout.wait_for(name, kubectl)


def forget(kubectl: Kubectl) -> None:
    """
    Take away what was written down.

    Args:
        kubectl: The cluster.

    Raises:
        DeployError: The cluster refused.
    """
    kubectl.remove("configmap", NAME)


def images(ran: Ran) -> str:
    """
    Name what ran.

    Args:
        ran: What ran.

    Returns:
        The images, with commas.
    """
    return ", ".join(str(one["image"]) for template in ran.values() for one in template["spec"]["containers"])
