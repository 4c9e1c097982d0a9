"""The model bundle: packed and signed by training; checked, then loaded, by whoever scores."""

import hashlib
import importlib.metadata
import pickle
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from propensity.features import FEATURES, OPTIONAL
from propensity.inspection.judge import MAX_BYTES, inspect
from propensity.scoring import Classifier
from propensity.signing import SIGNATURE, is_signed, sign
from propensity.trial import Unfit, prove, prove_in_child
from schemas.manifest import Manifest

MANIFEST: Final = "manifest.json"
MODEL: Final = "model.pkl"
MAX_FILE_BYTES: Final = MAX_BYTES


class BundleError(Exception):
    """The bundle is refused. Nothing of it was unpickled, unless the message says that it was."""


class Bundle(NamedTuple):
    """A model that has proved to be what its manifest says."""

    model: Classifier
    manifest: Manifest

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features, in the order of the matrix's columns."""
        return tuple(feature.name for feature in self.manifest.features)


def dump(model: Classifier) -> bytes:
    """Return the pickle of a fitted estimator."""
    return pickle.dumps(model, protocol=5)


def current_libraries() -> dict[str, str]:
    """Return the versions that a pickle depends on, without importing the libraries."""
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scikit-learn")}
    return {"python": platform.python_version(), **versions}


def other_libraries(manifest: Manifest) -> str | None:
    """Return in words which versions are not those that run here (the last number may differ), and None for none."""
    made, here = manifest.libraries, current_libraries()
    other = [
        f"made with {name} {made.get(name, 'none')}, and here is {version}"
        for name, version in here.items()
        if made.get(name, "none").split(".")[:2] != version.split(".")[:2]
    ]
    return "; ".join(other) or None


def pack(folder: Path, pickled: bytes, draft: Manifest, documents: Mapping[str, bytes]) -> Manifest:
    """
    Write an unsigned bundle: the pickle, the documents, and the manifest with the digest of each.

    Args:
        folder: Exists, and is empty.
        pickled: What `dump` returned.
        draft: The manifest; its `files` are replaced.
        documents: File names and contents (`card.md`, `report.html`).

    Returns:
        The manifest as written.
    """
    files = {MODEL: pickled, **documents}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = Manifest.model_validate(draft.model_copy(update={"files": digests}).model_dump())
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return manifest


def sign_bundle(folder: Path, key: Path | Callable[[bytes], bytes]) -> None:
    """
    Sign the manifest, and by its digests every file of the bundle.

    Args:
        folder: The bundle.
        key: File of a private key, or what signs a message where the key cannot be had as a file.

    Raises:
        BundleError: There is no manifest.
        BadKey: The private key cannot be used.
    """
    message = _read(folder, MANIFEST)
    (folder / SIGNATURE).write_bytes(sign(message, key) if isinstance(key, Path) else key(message))


def load(folder: Path, public_key: Path | None) -> Bundle:
    """
    Check signature, digests and versions, inspect the pickle, have a child process try it, and only then load it.

    Trying and loading are the same: unpickle, and score the golden rows.

    Args:
        folder: The bundle.
        public_key: PEM file of the key that must have signed it; None (a laptop only) leaves out this one check.

    Raises:
        BundleError: Any check does not hold; nothing is unpickled here before the child has come through.
        BadKey: The public key cannot be used.
    """
    manifest, files = _verified(folder, public_key)
    found = inspect(files[MODEL])
    if not found.passes:
        raise BundleError(
            f"{folder / MODEL} does not pass inspection, and nothing of it ran: {'; '.join(found.reasons)}"
        )
    try:
        prove_in_child(files[MODEL], manifest, found.modules)
        return Bundle(prove(files[MODEL], manifest), manifest)
    except Unfit as error:
        raise BundleError(f"{folder}: {error}") from error


def read_manifest(folder: Path, public_key: Path | None, *, same_libraries: bool = True) -> Manifest:
    """
    Check signature, digests and versions, and return the manifest; the model is not unpickled.

    Args:
        folder: The bundle.
        public_key: PEM file of the key that must have signed it; None leaves out this one check.
        same_libraries: Whether the bundle must be made with the versions that run here. False is for those who never
            load the model; signature, digests and schema are checked all the same.

    Raises:
        BundleError: A check does not hold.
        BadKey: The public key cannot be used.
    """
    return _verified(folder, public_key, same_libraries=same_libraries)[0]


def _verified(
    folder: Path, public_key: Path | None, *, same_libraries: bool = True
) -> tuple[Manifest, dict[str, bytes]]:
    text = _read(folder, MANIFEST)
    if public_key is not None and not is_signed(text, _read(folder, SIGNATURE), public_key):
        raise BundleError(
            f"{folder}: {SIGNATURE} was not made with the key of {public_key} over this {MANIFEST}; the bundle was "
            "altered or signed by somebody else: take it from its author again, or name the right key"
        )
    manifest = _parse(folder, text)
    if same_libraries:
        _check_libraries(folder, manifest)
    files = {name: _read(folder, name) for name in manifest.files}
    for name, data in files.items():
        if hashlib.sha256(data).hexdigest() != manifest.files[name]:
            raise BundleError(f"{folder}: {name} is not the file that {MANIFEST} names; take the bundle again")
    return manifest, files


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BundleError(f"{path} is larger than {MAX_FILE_BYTES} bytes; that is no bundle of ours")
        return path.read_bytes()
    except OSError as error:
        way_out = (
            "an unsigned bundle wants `leadline model sign`" if name == SIGNATURE else "`leadline train` makes one"
        )
        raise BundleError(f"{path} cannot be read ({error.strerror}); {way_out}") from error


def _parse(folder: Path, text: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = "/".join(map(str, first["loc"]))
        raise BundleError(f"{folder / MANIFEST}: /{where}: {first['msg']}") from error
    if MODEL not in manifest.files:
        raise BundleError(f"{folder / MANIFEST} does not name {MODEL} among its files")
    if unknown := {feature.name for feature in manifest.features}.difference(FEATURES, OPTIONAL):
        raise BundleError(
            f"{folder / MANIFEST}: no customer has the features {', '.join(sorted(unknown))}; train again"
        )
    return manifest


def _check_libraries(folder: Path, manifest: Manifest) -> None:
    if other := other_libraries(manifest):
        raise BundleError(f"{folder}: {other}; train again here, or run the versions that it was made with")
