"""Around a step: its time, and the way back when it fails after touching what serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer import before, lastgood, recovery, steps
from deployer.errors import DeployError, told
from deployer.kubectl import Kubectl
from deployer.limits import RESTORE_S, WORK_S
from deployer.record import Unrecorded, write_record

if TYPE_CHECKING:
    from pathlib import Path

    from deployer.before import Ran
    from deployer.commands import Commands
    from deployer.lastgood import Former, LastGood
    from deployer.settings import Settings


class Undone(DeployError):
    """A step has failed after touching what serves; `outcome` says in one line what serves now."""

    def __init__(self, reason: str, outcome: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


@dataclass(frozen=True)
class WayBack:
    """What was there before a step: the last good release, and where that may not be put back, what ran."""

    former: Former
    ran: Ran


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
    way = WayBack(prepared.former, {} if prepared.former.good else before.note(kubectl))
    try:
        return steps.apply(prepared, kubectl)
    except Exception as error:
        raise undone(told(error), way, settings, in_time_to_restore(kubectl)) from error


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
        way = way_back(settings, kubectl)
    except Exception as error:
        again = in_time_to_restore(kubectl)
        try:
            way = way_back(settings, again)
        except Exception as second:  # noqa: BLE001  it is told, whatever it is
            raise hopeless(told(error), told(second), None) from error
        raise undone(told(error), way, settings, again) from error
    try:
        return steps.validate(root, settings, kubectl)
    except Exception as error:
        raise undone(told(error), way, settings, in_time_to_restore(kubectl)) from error


def way_back(settings: Settings, kubectl: Kubectl) -> WayBack:
    """Return what `apply` has found, from where it is kept."""
    former = lastgood.read(kubectl, settings.release_key)
    return WayBack(former, {} if former.good else before.read(kubectl) or {})


def in_time_to_restore(kubectl: Kubectl) -> Kubectl:
    """Return the same cluster with a deadline of its own: a step that has used up its time still finds its way back."""
    return Kubectl(kubectl.commands.within(RESTORE_S))


def undone(error: DeployError, way: WayBack, settings: Settings, kubectl: Kubectl) -> Undone:
    """
    Take back what a step has done.

    Args:
        error: Why it failed.
        way: What was there before it.
        settings: The deployer's.
        kubectl: The cluster.

    Returns:
        What to raise.
    """
    good = way.former.good
    try:
        if good is None:
            recovery.restore_what_ran(way.former, way.ran, kubectl)
            return without_a_good_one(error, way)
        recovery.restore(good, kubectl)
        if isinstance(error, Unrecorded):  # a call that was cut off may have written it all the same
            write_record(good.release, settings.bucket, kubectl.commands)
    except Unrecorded as second:
        outcome = f"failed; {good and good.version} was put back, but whether the bucket's record says so is not known"
        return Undone(f"{error}\n{second}", outcome)
    except Exception as second:  # noqa: BLE001  it is told, whatever it is
        return hopeless(error, told(second), good)
    return Undone(str(error), f"failed; the last good release {good.version} was put back")


def without_a_good_one(error: DeployError, way: WayBack) -> Undone:
    """
    Say what serves after a step has failed that no good release is known before.

    Args:
        error: Why it failed.
        way: What was there before it.

    Returns:
        What to raise.
    """
    none = "the last good release may not be put back" if way.former.fault else "no release was good before it"
    serves = (
        f"what ran before runs again ({before.images(way.ran)})"
        if way.ran
        else "the worker is paused and nothing serves"
    )
    pin = "; `leadline model pin VERSION` deploys a release that was validated" if way.ran or way.former.fault else ""
    # There is nothing to overwrite it with, and it does no harm: `verify` asks the cluster, and not the record.
    record = "; whether the bucket's record names it is not known" if isinstance(error, Unrecorded) else ""
    reason = f"{error}\n{way.former.fault}" if way.former.fault else str(error)
    return Undone(reason, f"failed; {none}, so {serves}{record}{pin}")


def hopeless(error: DeployError, second: DeployError, good: LastGood | None) -> Undone:
    """
    Say that what was there before could not be put back.

    Args:
        error: Why the step failed.
        second: Why the way back failed.
        good: The last good release, as far as it is known.

    Returns:
        What to raise.
    """
    which = good.version if good else "what was there before"
    outcome = f"failed, and {which} could not be put back; CodeDeploy's rollback deploys the last good revision again"
    return Undone(f"{error}\nand then: {second}", outcome)
