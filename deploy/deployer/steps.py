"""The four steps of a deployment, in the order in which CodeDeploy calls them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer import before, lastgood, recovery, rollout
from deployer.admission import admitted
from deployer.jobs import run_once
from deployer.lastgood import Former, LastGood
from deployer.manifests import join
from deployer.record import write_record, write_validated
from deployer.release import open_release
from deployer.render import render_job, render_release

if TYPE_CHECKING:
    from pathlib import Path

    from deployer.kubectl import Kubectl
    from deployer.release import Release
    from deployer.settings import Settings

CANARY = "leadline-canary"
CHECK = "leadline-check"


@dataclass(frozen=True)
class Prepared:
    """A release that is whole, what it applies, what it would change, and what was good before it."""

    release: Release
    manifests: str
    difference: str
    former: Former

    @property
    def as_good(self) -> LastGood:
        """The release as it is written down once it is the last good one."""
        return LastGood(self.release, self.manifests)

    @property
    def is_live(self) -> bool:
        """Whether this very release is the last good one already, and nothing in the cluster differs from it."""
        good = self.former.good
        return good is not None and good.release.text == self.release.text and not self.difference


def prepare(root: Path, settings: Settings, kubectl: Kubectl) -> Prepared:
    """
    Do what every step but the first starts with; nothing is changed.

    Args:
        root: The revision's root.
        settings: The deployer's.
        kubectl: The cluster.

    Returns:
        The release and what is known of it.

    Raises:
        Refused: The release is not what was signed.
        DeployError: The cluster gave no answer.
    """
    release = open_release(root, settings.release_key, kubectl.commands)
    former = lastgood.read(kubectl, settings.release_key)
    manifests = join(render_release(release, kubectl))
    return Prepared(release, manifests, kubectl.diff(manifests), former)


def verify(root: Path, settings: Settings, kubectl: Kubectl) -> str:
    """
    Check the release, all that it renders, what it was judged against, and that the cluster answers.

    Args:
        root: The revision's root.
        settings: The deployer's.
        kubectl: The cluster.

    Returns:
        What was found, in one line.

    Raises:
        Refused: The release is not what was signed, holds what no release may change, or was judged against another
            model than the one that is served.
        DeployError: The cluster or the bucket gave no answer.
    """
    release = open_release(root, settings.release_key, kubectl.commands)
    render_release(release, kubectl)
    for job in (CANARY, CHECK):
        render_job(release, kubectl, job, "-0")
    former = lastgood.read(kubectl, settings.release_key)
    why = admitted(release, former, settings.bucket, kubectl.commands)
    return f"{release.version} is whole and signed; the cluster answers; {why}"


def rehearse(root: Path, settings: Settings, kubectl: Kubectl) -> str:
    """
    Show what would change, and let the new image do its work in the canary's lane; nothing that serves is touched.

    Args:
        root: The revision's root.
        settings: The deployer's.
        kubectl: The cluster.

    Returns:
        What was done, in one line.

    Raises:
        Refused: The release is not what was signed.
        DeployError: The canary failed.
    """
    prepared = prepare(root, settings, kubectl)
    if prepared.is_live:
        return f"{prepared.release.version} is live and good already; nothing to rehearse"
    # Never a Secret: a release that holds one is refused.
    sys.stderr.write(prepared.difference)
    run_once(CANARY, prepared.release, kubectl)
    return f"{prepared.release.version} has passed its canary; nothing that serves was touched"


def apply(prepared: Prepared, kubectl: Kubectl) -> str:
    """
    Apply the release and wait until it is what runs.

    Args:
        prepared: The release.
        kubectl: The cluster.

    Returns:
        What was done, in one line.

    Raises:
        DeployError: It was refused, or did not come up in time.
    """
    if not prepared.is_live:
        kubectl.apply(prepared.manifests)
    paused = rollout.resume(kubectl)
    rollout.wait_until_it_runs(kubectl)
    done = "was live already" if prepared.is_live else "is applied and rolled out"
    hint = f"; the worker stays paused, as somebody has asked for ({rollout.PAUSED})" if paused else ""
    return f"{prepared.release.version} {done}{hint}"


def validate(root: Path, settings: Settings, kubectl: Kubectl) -> str:
    """
    Check the release with the worker's own settings, then write it down as the last good one.

    The ConfigMap goes first and the pipeline's record last: if that cannot be written, the caller takes both back, so
    that the champion is always what the cluster serves. That it was validated is true, and stays.

    Args:
        root: The revision's root.
        settings: The deployer's.
        kubectl: The cluster.

    Returns:
        What was done, in one line.

    Raises:
        DeployError: The check failed, KEDA is not ready, or the release could not be written down.
    """
    prepared = prepare(root, settings, kubectl)
    if not prepared.is_live:
        run_once(CHECK, prepared.release, kubectl)
    rollout.wait_until_it_scales(kubectl)
    lastgood.write(kubectl, prepared.as_good.data)
    recovery.prune(prepared.manifests, kubectl)
    before.forget(kubectl)
    write_validated(prepared.release, settings.bucket, kubectl.commands)
    write_record(prepared.release, settings.bucket, kubectl.commands)
    done = "was good already" if prepared.is_live else "works with the real services and is the last good release now"
    return f"{prepared.release.version} {done}"
