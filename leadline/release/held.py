"""A bundle in memory: what was verified, and what is then packed, kept or written, are the same bytes."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from leadline.output import CheckFailed
from leadline.release.archive import File, write
from propensity.bundle import MANIFEST, MAX_FILE_BYTES, MODEL, BundleError, read_manifest
from propensity.signing import SIGNATURE
from schemas.manifest import Manifest
from schemas.release import ReleasedModel


class Held(NamedTuple):
    """A bundle whose checks hold: the manifest, its signature where there is one, and the files that it names."""

    manifest: Manifest
    files: Mapping[str, File]

    @property
    def pickled(self) -> bytes:
        """The model."""
        return self.files[MODEL].content

    @property
    def model(self) -> ReleasedModel:
        """What a release says of it."""
        digest = hashlib.sha256(self.files[MANIFEST].content).hexdigest()
        return ReleasedModel(**self.manifest.id.model_dump(), manifest_sha256=digest)


def from_files(files: Mapping[str, File], what: str, public_key: Path | None, *, same_libraries: bool = True) -> Held:
    """
    Check a bundle that lies in memory. Nothing is unpickled.

    Args:
        files: The bundle, and nothing else.
        what: How it is called, for what is raised.
        public_key: PEM file of the key that must have signed it; None leaves out this one check.
        same_libraries: Whether it must be made with the versions that run here.

    Raises:
        BundleError: A check does not hold.
        BadKey: The public key cannot be used.
        CheckFailed: It holds a file that its manifest does not name.
    """
    with tempfile.TemporaryDirectory(prefix="leadline-") as temporary:
        folder = Path(temporary) / "bundle"
        write(files, folder)
        try:
            manifest = read_manifest(folder, public_key, same_libraries=same_libraries)
        except BundleError as error:
            raise type(error)(str(error).replace(str(folder), what)) from error
    if strangers := set(files) - {MANIFEST, SIGNATURE, *manifest.files}:
        raise CheckFailed(
            f"{what} holds {', '.join(sorted(strangers)[:5])}, which its manifest does not name; "
            "`leadline model push` packs a bundle as it must be"
        )
    return Held(manifest, files)


def from_folder(folder: Path, public_key: Path | None, *, same_libraries: bool = True) -> Held:
    """Read a bundle's own files from a folder, once, and check them; raises as `from_files` does."""
    found = {name: _read(folder / name) for name in (MANIFEST, SIGNATURE)}
    found |= {name: _read(folder / name) for name in _named(found[MANIFEST])}
    files = {name: File(content) for name, content in found.items() if content is not None}
    return from_files(files, str(folder), public_key, same_libraries=same_libraries)


def _named(manifest: bytes | None) -> list[str]:
    """Return the files that a manifest names; none where it is no manifest, which the check will tell."""
    try:
        return [] if manifest is None else list(Manifest.model_validate_json(manifest).files)
    except ValidationError:
        return []


def _read(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BundleError(f"{path} is larger than {MAX_FILE_BYTES} bytes; that is no bundle of ours")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); `leadline train` makes one") from error
