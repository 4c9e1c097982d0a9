"""Bring a release that is kept back into production: find it, verify it, deploy it, follow it."""

import difflib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from leadline.output import CheckFailed
from leadline.release.archive import from_zip
from leadline.release.bucket import Kept, check_validated, fetch, release_key
from leadline.release.revision import RELEASE, verified
from ports import Deployment, Deployments, Hook, Objects, Revision, Unavailable
from schemas.release import Release

POLL_S: Final = 5.0
_NEAR: Final = 5
_PATIENCE: Final = 6
"""How many looks in a row may get no answer."""

Show = Callable[[Deployment, Sequence[Hook]], object]
"""Told how far the deployment is."""


def find(releases: Sequence[Kept], version: str) -> Kept:
    """
    Return the validated release of this version, or the newest of them with the model of this version.

    Args:
        releases: The newest first.
        version: Of a release, or of a model.

    Raises:
        CheckFailed: There is none; why, and those that come near.
    """
    validated = [one for one in releases if one.validated]
    for one in (*validated, *releases):
        if one.version == version:
            return _validated(one)
    for one in (*validated, *releases):
        if one.model_version == version:
            return _validated(one)
    names = [one.version for one in validated]
    near = difflib.get_close_matches(version, [*names, *(one.model_version for one in validated)], _NEAR, 0.5)
    shown = list(dict.fromkeys(near)) or names[:_NEAR]
    hint = f"near it are {', '.join(shown)}" if near else f"the newest are {', '.join(shown) or 'none at all'}"
    raise CheckFailed(f"no release {version!r} is kept; of the validated ones {hint} (`leadline release ls` shows all)")


def _validated(one: Kept) -> Kept:
    if not one.validated:
        raise CheckFailed(
            f"release {one.version} is kept and was never validated in production: nobody has approved it, or it has "
            "failed there, or is still on its way; its own run of the pipeline may bring it there, `pin` does not"
        )
    return one


def revision_of(models: Objects, version: str, public_key: Path | None) -> tuple[Revision, Release]:
    """
    Return what is to be deployed, and what it says of itself. Other content under its name will not be deployed.

    Raises:
        CheckFailed: It is no release of this version, not what production validated, or not signed with the key.
        Unavailable: S3 did not answer, or refused.
    """
    key = release_key(version)
    archive = fetch(models, key)
    what = f"s3://{models.bucket}/{key}"
    files = from_zip(archive.content, what)
    release = verified(files, what, public_key)
    if release.version != version:
        raise CheckFailed(f"{what} holds release {release.version}; somebody has put it under another name")
    check_validated(models, version, files[RELEASE])
    return Revision(models.bucket, key, archive.etag), release


class StillRunning(Exception):
    """The deployment goes on, and nobody waits for its end any more."""


def follow(
    deployments: Deployments,
    deployment: str,
    show: Show,
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> tuple[Deployment, Sequence[Hook]]:
    """
    Wait for the end of a deployment.

    Args:
        deployments: Where it runs.
        deployment: Its id.
        show: Told after every look.
        timeout_s: How long to wait at most.
        clock: Tells the time, in seconds.
        sleep: Waits between two looks, in seconds.

    Returns:
        Its end, and how its hooks went.

    Raises:
        StillRunning: It takes longer, or CodeDeploy has not answered for several looks in a row.
    """
    end, missed = clock() + timeout_s, 0
    while True:
        try:
            state, hooks = deployments.state(deployment), deployments.hooks(deployment)
        except Unavailable as error:
            missed += 1
            if missed == _PATIENCE or clock() >= end:
                raise StillRunning(f"deployment {deployment} goes on, and cannot be followed: {error}") from error
        else:
            missed = 0
            show(state, hooks)
            if state.is_over:
                return state, hooks
            if clock() >= end:
                raise StillRunning(f"deployment {deployment} is {state.status} after {timeout_s:g} s, and goes on")
        sleep(POLL_S)
