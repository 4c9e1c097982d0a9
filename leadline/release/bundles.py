"""A bundle on its way: what is asked of it before it is pushed, and when it arrives in the build."""

from pathlib import Path
from typing import Final

from leadline.output import CheckFailed
from leadline.release.archive import read
from leadline.release.held import Held, from_files
from propensity.bundle import MODEL
from propensity.inspection.judge import inspect
from schemas.event import canonical_time
from schemas.release import COMMIT_DIGITS, MAX_MODEL_VERSION

INCOMING: Final = "incoming/bundle.zip"


def examine(bundle: Held, what: str) -> None:
    """
    Inspect the pickle, none of which is run, and the version's length.

    Raises:
        CheckFailed: The pickle does not pass inspection, or a release of this model could not be named.
    """
    found = inspect(bundle.pickled)
    if not found.passes:
        raise CheckFailed(f"{what}/{MODEL} does not pass inspection, and nothing of it ran: {'; '.join(found.reasons)}")
    version = bundle.manifest.version
    if len(version) > MAX_MODEL_VERSION:
        raise CheckFailed(
            f"{what}: version {version} has {len(version)} characters, and {MAX_MODEL_VERSION} are allowed, for a "
            f"release's version is that, a dash and {COMMIT_DIGITS} digits; train again under a shorter one"
        )


def arrived(place: Path, public_key: Path, champion: Held | None, *, same_allowed: bool) -> Held:
    """
    Check what has arrived in the build.

    Args:
        place: The archive, or the folder that it was unpacked into.
        public_key: PEM file of the data scientists' key.
        champion: The bundle that is served; None for the first.
        same_allowed: Whether it may be the champion's own model: new code around an old model.

    Raises:
        CheckFailed, BundleError: It is not to be built, and why.
        BadKey: The public key cannot be used.
    """
    newcomer = from_files(read(place), str(place), public_key)
    examine(newcomer, str(place))
    if champion is not None:
        check_against(champion, newcomer, same_allowed=same_allowed)
    return newcomer


def check_against(champion: Held, newcomer: Held, *, same_allowed: bool) -> None:
    """
    Check that the newcomer is a later model of the same product.

    Raises:
        CheckFailed: It is not.
    """
    new, old = newcomer.model, champion.model
    if new.name != old.name:
        raise CheckFailed(f"this is a bundle of {new.name}, and {old.name} is served here; push it to its own bucket")
    if new == old:
        if same_allowed:
            return
        raise CheckFailed(f"{new.name} {new.version} is what is served already; there is nothing to release")
    if new.id == old.id:
        raise CheckFailed(
            f"{new.name} {new.version} is another manifest around the served pickle: threshold, bounds or figures are "
            "not those of the model that is served under this version; push that bundle, or train again"
        )
    if new.sha256 == old.sha256 or new.version == old.version:
        raise CheckFailed(
            f"{new.name} {new.version} has the version or the pickle of {old.version}, which is served, and is "
            "another bundle; train again"
        )
    made, served = (canonical_time(one.manifest.created_at) for one in (newcomer, champion))
    if made <= served:
        raise CheckFailed(
            f"{new.name} {new.version} was made at {made}, not after {old.version}, which is served and was made at "
            f"{served}; `leadline model pin` brings an old release back"
        )
