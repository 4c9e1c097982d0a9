"""One-off Jobs: run the new image once, wait for its end, keep its log, leave nothing behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from deployer.commands import TimedOut
from deployer.errors import DeployError
from deployer.limits import JOB_S, POLL_S
from deployer.manifests import join
from deployer.render import PART, render_job

if TYPE_CHECKING:
    from deployer.kubectl import Kubectl
    from deployer.release import Release

LOG_LINES = 60
LONGEST_NAME = 63


def run_once(name: str, release: Release, kubectl: Kubectl) -> None:
    """
    Run a Job and wait until it has completed.

    Args:
        name: `leadline-canary` or `leadline-check`.
        release: Whose image and manifests.
        kubectl: The cluster.

    Raises:
        DeployError: The Job failed, or did not end in time; its log's end is in the message.
    """
    clear(name, kubectl)
    suffix = suffix_of(name, release.version, kubectl.commands.clock.now())
    manifests = render_job(release, kubectl, name, suffix)
    try:
        kubectl.apply(join(manifests))
        wait(name + suffix, kubectl)
    except DeployError as error:
        raise type(error)(f"{error}{aftermath(name, suffix, kubectl)}") from None
    remove(name, kubectl)


def suffix_of(name: str, version: str, now: float) -> str:
    """
    Return what makes a run's names its own: the release, and the second in which it started.

    Args:
        name: The Job's name without it.
        version: The release's version.
        now: Seconds since the epoch.

    Returns:
        A dash and more, such that the name is valid in Kubernetes.
    """
    attempt = f"-{int(now):x}"
    slug = re.sub(r"[^a-z0-9-]+", "-", version.lower())
    room = LONGEST_NAME - len(name) - len(attempt) - 1
    return f"-{slug[:room].rstrip('-')}{attempt}"


def clear(name: str, kubectl: Kubectl) -> None:
    """
    Remove what a hook that was killed has left, and wait until its pods are gone.

    Two canaries at once would take each other's event.

    Args:
        name: The Job's name without suffix.
        kubectl: The cluster; its deadline is ours.

    Raises:
        DeployError: Something was refused.
        TimedOut: They do not go away.
    """
    remove(name, kubectl)
    while kubectl.get_all("jobs", selector_of(name)):
        kubectl.commands.clock.sleep(POLL_S)


def remove(name: str, kubectl: Kubectl) -> None:
    """
    Remove the Job, whatever its suffix, and the ConfigMaps that it reads.

    Args:
        name: The Job's name without suffix.
        kubectl: The cluster.

    Raises:
        DeployError: Something was refused.
    """
    for kind in ("jobs", "configmaps"):
        for left in kubectl.get_all(kind, selector_of(name)):
            kubectl.remove(kind, left["metadata"]["name"])


def selector_of(name: str) -> str:
    """Return what finds a Job again, and what belongs to it, whatever the suffix."""
    return f"{PART}={name}"


def wait(job: str, kubectl: Kubectl) -> None:
    """
    Wait until a Job has completed; `kubectl wait --for=condition=complete` would not see that it has failed.

    Args:
        job: Its full name.
        kubectl: The cluster.

    Raises:
        DeployError: It has failed, or somebody has deleted it.
        TimedOut: It has done neither within `JOB_S`.
    """
    clock = kubectl.commands.clock
    until = clock.now() + JOB_S
    while True:
        found = kubectl.get("job", job)
        if found is None:
            raise DeployError(f"Job {job} is gone; somebody has deleted it")
        ended = {one["type"]: one for one in found.get("status", {}).get("conditions", []) if one["status"] == "True"}
        if "Complete" in ended:
            return
        if "Failed" in ended:
            raise DeployError(f"Job {job} failed: {ended['Failed'].get('message', 'no reason given')}")
        if clock.now() >= until:
            raise TimedOut(f"Job {job} did not end within {JOB_S} s")
        clock.sleep(POLL_S)


def aftermath(name: str, suffix: str, kubectl: Kubectl) -> str:
    """
    Say what a failed Job's pods say, and remove it; that this fails, too, must not hide why the Job did.

    Args:
        name: The Job's name without suffix.
        suffix: This run's.
        kubectl: The cluster.

    Returns:
        More for the message.
    """
    selector = f"batch.kubernetes.io/job-name={name}{suffix}"
    try:
        states = "; ".join(state(pod) for pod in kubectl.get_all("pods", selector))
        log = kubectl.call("logs", f"--selector={selector}", f"--tail={LOG_LINES}", "--prefix").out
        remove(name, kubectl)
    except DeployError as error:
        return f"\nand its log could not be read, or it could not be removed: {error}"
    return f"\npods: {states or 'none'}\nlog:\n{log.strip() or '(empty)'}"


def state(pod: dict[str, Any]) -> str:
    """
    Say in a few words how far a pod has come.

    Args:
        pod: The pod.

    Returns:
        Its name, its phase, and what each container waits for or ended with.
    """
    status = pod.get("status", {})
    words = []
    for container in status.get("containerStatuses", []):
        for how, detail in container.get("state", {}).items():
            words.append(f"{how} {detail.get('reason', '')} {detail.get('exitCode', '')}".strip())
    return f"{pod['metadata']['name']} {status.get('phase', 'Unknown')} {', '.join(words)}".strip()
