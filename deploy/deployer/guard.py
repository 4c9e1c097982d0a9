"""Around a step: its time, and the way back when it fails after touching what serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer import lastgood, recovery, rollout, steps
from deployer.errors import DeployError, told
from deployer.kubectl import Kubectl
from deployer.limits import RESTORE_S, WORK_S
from deployer.record import Unrecorded, write_record

if TYPE_CHECKING:
    from pathlib import Path

    from deployer.commands import Commands
    from deployer.lastgood import LastGood
    from deployer.settings import Settings


class Undone(DeployError):
    """A step has failed after touching what serves; `outcome` says in one line what serves now."""

    def __init__(self, reason: str, outcome: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


def run_step(step: str, root: Path, settings: Settings, commands: Commands) -> str:
    """
    Run one step within its time.

    Args:
        step: `verify`, `rehearse`, `apply` or `validate`.
        root: The revision's root.
        settings: The deployer's.
        commands: Runs external commands.

    Returns:
        What was done, in one line.

    Raises:
        DeployError: It failed before anything that serves was touched.
        Undone: It failed later; `outcome` says whether the last good release is back.
    """
    kubectl = Kubectl(commands.within(WORK_S[step]))
    if step == "apply":
        return apply(root, settings, kubectl)
    if step == "validate":
        return validate(root, settings, kubectl)
    return {"verify": steps.verify, "rehearse": steps.rehearse}[step](root, settings, kubectl)


def apply(root: Path, settings: Settings, kubectl: Kubectl) -> str:
    """
    Apply a release, or put the last good one back.

    Args:
        root: The revision's root.
        settings: The deployer's.
        kubectl: The cluster.

    Returns:
        What was done, in one line.

    Raises:
        DeployError: It failed before anything was touched.
        Undone: It failed later.
    """
    prepared = steps.prepare(root, settings, kubectl)
    try:
        return steps.apply(prepared, kubectl)
    except Exception as error:
        raise undone(told(error), prepared.former, settings, in_time_to_restore(kubectl)) from error


def validate(root: Path, settings: Settings, kubectl: Kubectl) -> str:
    """
    Validate what `apply` has left running, or put the last good release back.

    Args:
        root: The revision's root.
        settings: The deployer's.
        kubectl: The cluster.

    Returns:
        What was done, in one line.

    Raises:
        Undone: It failed.
    """
    # Read before the step writes it: what it says afterwards may be the release that has just failed.
    try:
        former = lastgood.read(kubectl)
    except Exception as error:
        again = in_time_to_restore(kubectl)
        try:
            former = lastgood.read(again)
        except Exception as second:  # noqa: BLE001  it is told, whatever it is
            raise hopeless(told(error), told(second), None) from error
        raise undone(told(error), former, settings, again) from error
    try:
        return steps.validate(root, settings, kubectl)
    except Exception as error:
        raise undone(told(error), former, settings, in_time_to_restore(kubectl)) from error


def in_time_to_restore(kubectl: Kubectl) -> Kubectl:
    """Return the same cluster with a deadline of its own: a step that has used up its time still finds its way back."""
    return Kubectl(kubectl.commands.within(RESTORE_S))


def undone(error: DeployError, former: LastGood | None, settings: Settings, kubectl: Kubectl) -> Undone:
    """
    Take back what a step has done.

    Args:
        error: Why it failed.
        former: What was good before it.
        settings: The deployer's.
        kubectl: The cluster.

    Returns:
        What to raise.
    """
    try:
        if former is None:
            rollout.stop_serving(kubectl)
            lastgood.write(kubectl, None)
            return Undone(
                str(error), "failed; no release was good before it, so the worker is paused and nothing serves"
            )
        recovery.restore(former, kubectl)
        if isinstance(error, Unrecorded):  # a call that was cut off may have written it all the same
            write_record(former.release_json, settings.bucket, kubectl.commands)
    except Unrecorded as second:
        outcome = (
            f"failed; {former and former.version} was put back, but whether the bucket's record says so is not known"
        )
        return Undone(f"{error}\n{second}", outcome)
    except Exception as second:  # noqa: BLE001  it is told, whatever it is
        return hopeless(error, told(second), former)
    return Undone(str(error), f"failed; the last good release {former.version} was put back")


def hopeless(error: DeployError, second: DeployError, former: LastGood | None) -> Undone:
    """
    Say that the last good release could not be put back.

    Args:
        error: Why the step failed.
        second: Why the way back failed.
        former: The last good release, as far as it is known.

    Returns:
        What to raise.
    """
    which = former.version if former else "what was there before"
    outcome = f"failed, and {which} could not be put back; CodeDeploy's rollback deploys the last good revision again"
    return Undone(f"{error}\nand then: {second}", outcome)
