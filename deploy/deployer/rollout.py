"""Waiting until what was applied is what runs, and switching the worker on and off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deployer.commands import TimedOut
from deployer.errors import DeployError
from deployer.limits import POLL_S, READY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer.kubectl import Kubectl

WORKER = "leadline-worker"
CONSOLE = "leadline-console"
BOTH = (WORKER, CONSOLE)
PAUSED = "autoscaling.keda.sh/paused-replicas"
# Tells our pause from one that a person has made, which is not ours to end.
OURS = "leadline/paused-by-deployer"


def wait_until_it_runs(kubectl: Kubectl) -> None:
    """
    Wait for both Deployments.

    Args:
        kubectl: The cluster; its deadline is ours.

    Raises:
        DeployError: A rollout stands still, or the time is over.
    """
    for name in BOTH:
        wait_for(name, kubectl)


def wait_for(name: str, kubectl: Kubectl) -> None:
    """
    Wait until no pod of a Deployment is an old one, and all of the new ones are available.

    `kubectl rollout status` is content with no replicas before the controller has even seen the change.

    Args:
        name: The Deployment's.
        kubectl: The cluster; its deadline is ours.

    Raises:
        DeployError: There is no such Deployment, or its rollout stands still.
        TimedOut: The time is over.
    """
    commands = kubectl.commands
    while True:
        deployment = kubectl.get("deployment", name)
        if deployment is None:
            raise DeployError(f"Deployment {name} is gone; somebody has deleted it")
        waits_for = missing(deployment)
        if not waits_for:
            return
        if stands_still(deployment):
            raise DeployError(f"Deployment {name} stands still: {waits_for}")
        if commands.clock.now() + POLL_S >= commands.deadline:
            raise TimedOut(f"Deployment {name} was not rolled out in time: {waits_for}")
        commands.clock.sleep(POLL_S)


def missing(deployment: dict[str, Any]) -> str:
    """
    Say what a Deployment still lacks.

    Args:
        deployment: As the cluster has it.

    Returns:
        Nothing at all if it is rolled out.
    """
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "its controller has not seen the change yet"
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted or total > updated or available < updated:
        return (
            f"{updated} of {wanted} pods are new, {max(total - updated, 0)} old ones remain, {available} are available"
        )
    return ""


def stands_still(deployment: dict[str, Any]) -> bool:
    """
    Tell whether Kubernetes has given up on a rollout.

    Args:
        deployment: As the cluster has it, at its present generation.

    Returns:
        True after `progressDeadlineSeconds` without progress.
    """
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return False
    return any(one.get("reason") == "ProgressDeadlineExceeded" for one in status.get("conditions", []))


def wait_until_it_scales(kubectl: Kubectl) -> None:
    """
    Wait until KEDA says that it can read the queue.

    Args:
        kubectl: The cluster.

    Raises:
        DeployError: There is no ScaledObject.
        TimedOut: KEDA does not say so within `READY_S`.
    """
    clock = kubectl.commands.clock
    until = clock.now() + READY_S
    while True:
        scaled = kubectl.get("scaledobject", WORKER)
        if scaled is None:
            raise DeployError(f"ScaledObject {WORKER} is gone; somebody has deleted it")
        ready = [one for one in scaled.get("status", {}).get("conditions", []) if one["type"] == "Ready"]
        if any(one["status"] == "True" for one in ready):
            return
        if clock.now() >= until:
            reason = (
                ready[0].get("message", "no reason given")
                if ready
                else "KEDA has not looked at it; does its operator run?"
            )
            raise TimedOut(f"ScaledObject {WORKER} was not Ready within {READY_S} s: {reason}")
        clock.sleep(POLL_S)


def resume(kubectl: Kubectl) -> bool:
    """
    End the pause that a failed first release has left.

    Args:
        kubectl: The cluster.

    Returns:
        True if the worker is paused still, because a person has done it.

    Raises:
        DeployError: The cluster refused.
    """
    annotations = annotations_of(kubectl)
    if OURS in annotations:
        kubectl.call("annotate", "scaledobject", WORKER, f"{PAUSED}-", f"{OURS}-")
        return False
    return PAUSED in annotations


def is_stopped(kubectl: Kubectl) -> bool:
    """
    Tell whether a first release has failed here, and was stopped.

    Args:
        kubectl: The cluster.

    Returns:
        Whether the pause of `stop_serving` is on.

    Raises:
        DeployError: The cluster gave no answer.
    """
    return OURS in annotations_of(kubectl)


def annotations_of(kubectl: Kubectl) -> dict[str, str]:
    """Return what is noted on the ScaledObject, if there is one."""
    return dict((kubectl.get("scaledobject", WORKER) or {}).get("metadata", {}).get("annotations", {}))


def stop_serving(kubectl: Kubectl, names: Sequence[str] = BOTH) -> None:
    """
    Leave no pod of a release that has failed and has none before it.

    Args:
        kubectl: The cluster.
        names: The Deployments that nothing ran in before.

    Raises:
        DeployError: The cluster refused.
    """
    # Not left to KEDA, which may be the very thing that does not work.
    for name in names:
        if kubectl.get("deployment", name):
            kubectl.call("patch", "deployment", name, "--type=merge", "--patch", json.dumps({"spec": {"replicas": 0}}))
    if WORKER in names and kubectl.get("scaledobject", WORKER):
        kubectl.call("annotate", "scaledobject", WORKER, f"{PAUSED}=0", f"{OURS}=true", "--overwrite")
