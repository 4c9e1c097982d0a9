"""A bundle on its way: what a push sends, and what is asked of it when it arrives in the build."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from leadline.output import CheckFailed
from leadline.release.archive import File, read, write
from propensity.bundle import MANIFEST, MODEL, BundleError, read_manifest
from propensity.inspection.judge import inspect
from propensity.signing import SIGNATURE
from schemas.event import canonical_time
from schemas.manifest import Manifest

INCOMING: Final = "incoming/bundle.zip"


def checked(folder: Path, public_key: Path) -> Manifest:
    """
    Check signature, digests, versions and the pickle. Nothing is unpickled.

    Raises:
        BundleError: A check of the bundle does not hold.
        BadKey: The public key cannot be used.
        CheckFailed: The pickle does not pass inspection.
    """
    manifest = read_manifest(folder, public_key)
    found = inspect((folder / MODEL).read_bytes())
    if not found.passes:
        raise CheckFailed(
            f"{folder / MODEL} does not pass inspection, and nothing of it ran: {'; '.join(found.reasons)}"
        )
    return manifest


def parts(folder: Path, manifest: Manifest) -> dict[str, File]:
    """
    Return the files of a bundle: those that the manifest names, the manifest and its signature; nothing else.

    Raises:
        CheckFailed: A file has changed since it was checked.
    """
    files = {name: File((folder / name).read_bytes()) for name in (MANIFEST, SIGNATURE, *manifest.files)}
    for name, digest in manifest.files.items():
        if hashlib.sha256(files[name].content).hexdigest() != digest:
            raise CheckFailed(f"{folder / name} has changed since it was checked; once more, please")
    return files


def arrived(place: Path, public_key: Path, champion: Manifest | None, out: Path, *, same_allowed: bool) -> Manifest:
    """
    Check what has arrived in the build, and write it to a folder.

    Args:
        place: The archive, or the folder that it was unpacked into.
        public_key: PEM file of the data scientists' key.
        champion: What the bundle that is served says of itself; None for the first.
        out: Where to; empty, or made.
        same_allowed: Whether it may be the champion's own model: new code around an old model.

    Raises:
        CheckFailed, BundleError: It is not to be built, and why.
        BadKey: The public key cannot be used.
    """
    files = read(place)
    with tempfile.TemporaryDirectory(prefix="leadline-") as temporary:
        folder = Path(temporary) / "bundle"
        write(files, folder)
        try:
            manifest = checked(folder, public_key)
        except (BundleError, CheckFailed) as error:
            raise type(error)(str(error).replace(str(folder), str(place))) from error
    _check_files(files, manifest, place)
    if champion is not None:
        check_against(champion, manifest, same_allowed=same_allowed)
    write(files, out)
    return manifest


def check_against(champion: Manifest, newcomer: Manifest, *, same_allowed: bool) -> None:
    """
    Check that the newcomer is a later model of the same product.

    Raises:
        CheckFailed: It is not.
    """
    new, old = newcomer.id, champion.id
    if new.name != old.name:
        raise CheckFailed(f"this is a bundle of {new.name}, and {old.name} is served here; push it to its own bucket")
    if new == old:
        if same_allowed:
            return
        raise CheckFailed(f"{new.name} {new.version} is what is served already; there is nothing to release")
    if new.sha256 == old.sha256 or new.version == old.version:
        raise CheckFailed(
            f"{new.name} {new.version} has the version or the pickle of {old.version}, which is served, and is "
            "another bundle; train again"
        )
    made, served = (canonical_time(manifest.created_at) for manifest in (newcomer, champion))
    if made <= served:
        raise CheckFailed(
            f"{new.name} {new.version} was made at {made}, not after {old.version}, which is served and was made at "
            f"{served}; `leadline model pin` brings an old release back"
        )


def _check_files(files: Mapping[str, File], manifest: Manifest, place: Path) -> None:
    """What nobody signed does not travel along."""
    if strangers := set(files) - {MANIFEST, SIGNATURE, *manifest.files}:
        raise CheckFailed(
            f"{place} holds {', '.join(sorted(strangers)[:5])}, which its manifest does not name; "
            "`leadline model push` packs a bundle as it must be"
        )
