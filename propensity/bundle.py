"""The model bundle: packed and signed by training; checked, then loaded, by whoever scores."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import ValidationError

from propensity.compiled import (
    COMPILED,
    BadFile,
    CannotCompile,
    CompiledModel,
    compile_model,
    from_bytes,
    to_bytes,
)
from propensity.features import FEATURES, OPTIONAL, Matrix
from propensity.reasons import Wording
from propensity.scoring import Classifier, golden_gap
from propensity.signing import SIGNATURE, is_signed, sign
from schemas.decision import Reason
from schemas.manifest import Manifest

MANIFEST: Final = "manifest.json"
MODEL: Final = "model.pkl"
MAX_FILE_BYTES: Final = 256 * 1024 * 1024

Scorer = Literal["auto", "pickle", "compiled"]
"""What scores: `compiled` wants `compiled.npz`, `auto` takes it where the manifest names it, and else the pickle."""


class BundleError(Exception):
    """The bundle is refused. Nothing of it was unpickled, unless the message says that it was."""


class Bundle(NamedTuple):
    """A model that has proved to be what its manifest says."""

    model: Classifier
    manifest: Manifest
    explain: Callable[[Matrix], list[tuple[Reason, ...]]] | None = None
    """Gives the reasons for each row; None: a pickle tells none."""

    def reasons(self, rows: Matrix) -> list[tuple[Reason, ...]]:
        """Return up to three reasons for each of n rows, shape (n, k); none where only the pickle is there."""
        return [()] * len(rows) if self.explain is None or not len(rows) else self.explain(rows)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features, in the order of the matrix's columns."""
        return tuple(feature.name for feature in self.manifest.features)


def dump(model: Classifier) -> bytes:
    """Return the pickle of a fitted estimator."""
    import pickle

    return pickle.dumps(model, protocol=5)


def current_libraries() -> dict[str, str]:
    """Return the versions that a pickle depends on, without importing the libraries."""
    import importlib.metadata
    import platform

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
    (folder / MANIFEST).write_bytes(_manifest_text(manifest))
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


def load(folder: Path, public_key: Path | None, scorer: Scorer = "auto") -> Bundle:
    """
    Check signature and digests, and load what scores; it must score the golden rows as the manifest says.

    The compiled model is checked as a whole before a row is scored. Nothing is unpickled then, scikit-learn is not
    imported, and its version, numpy's and Python's need not be those that the pickle was made with.

    The pickle wants these versions. It is inspected, a child process tries it, and only then it is loaded. Trying and
    loading are the same: unpickle, and score the golden rows.

    Args:
        folder: The bundle.
        public_key: PEM file of the key that must have signed it; None (a laptop only) leaves out this one check.
        scorer: What to load.

    Raises:
        BundleError: Any check does not hold; nothing is unpickled here before the child has come through.
        BadKey: The public key cannot be used.
    """
    manifest, files = _verified(folder, public_key)
    if scorer == "compiled" and COMPILED not in files:
        raise BundleError(
            f"{folder} has no {COMPILED}; `leadline model compile` and then `leadline model sign` add it, or let the "
            "pickle score"
        )
    if scorer != "pickle" and COMPILED in files:
        model, wording = _compiled(folder, manifest, files[COMPILED]), Wording(manifest)
        return Bundle(model, manifest, lambda rows: wording.reasons(model.attributions(rows), rows))
    _check_libraries(folder, manifest)
    return Bundle(_unpickled(folder, manifest, files[MODEL]), manifest)


def compiled_of(model: Classifier, manifest: Manifest) -> bytes:
    """
    Return `compiled.npz` for a model: the same model gives the same bytes.

    Args:
        model: The fitted estimator, as it lies in `model.pkl`.
        manifest: With the digest of `model.pkl`, the features and the golden rows.

    Raises:
        CannotCompile: It has no such form, or does not score the golden rows as the manifest says.
    """
    columns = [feature.name for feature in manifest.features]
    data = to_bytes(compile_model(model), manifest.files[MODEL], columns)
    gap = golden_gap(from_bytes(data, manifest.files[MODEL], columns), manifest)
    if not gap <= manifest.tolerance:
        raise CannotCompile(f"compiled, it scores a golden row {gap:.3g} off; {manifest.tolerance:g} is allowed")
    return data


def add_compiled(folder: Path, manifest: Manifest, data: bytes) -> Manifest:
    """
    Put `compiled.npz` into a bundle, and its digest into the manifest. A signature that was there is stale then.

    Raises:
        OSError: The folder cannot be written.
    """
    digests = {**manifest.files, COMPILED: hashlib.sha256(data).hexdigest()}
    changed = Manifest.model_validate(manifest.model_copy(update={"files": digests}).model_dump())
    _replace(folder / COMPILED, data)
    _replace(folder / MANIFEST, _manifest_text(changed))
    return changed


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
    manifest = _verified(folder, public_key)[0]
    if same_libraries:
        _check_libraries(folder, manifest)
    return manifest


def _compiled(folder: Path, manifest: Manifest, data: bytes) -> CompiledModel:
    way_out = "`leadline model compile` makes it anew, and LEADLINE_SCORER=pickle does without it"
    try:
        model = from_bytes(data, manifest.files[MODEL], [feature.name for feature in manifest.features])
    except BadFile as error:
        raise BundleError(f"{folder / COMPILED} {error}; {way_out}") from error
    gap = golden_gap(model, manifest)
    if not gap <= manifest.tolerance:
        raise BundleError(
            f"{folder / COMPILED} scores a golden row {gap:.3g} off what {MANIFEST} says, and {manifest.tolerance:g} "
            f"is allowed; {way_out}"
        )
    return model


def _unpickled(folder: Path, manifest: Manifest, data: bytes) -> Classifier:
    from propensity.inspection.judge import inspect
    from propensity.trial import Unfit, prove, prove_in_child

    found = inspect(data)
    if not found.passes:
        raise BundleError(
            f"{folder / MODEL} does not pass inspection, and nothing of it ran: {'; '.join(found.reasons)}"
        )
    try:
        prove_in_child(data, manifest, found.modules)
        return prove(data, manifest)
    except Unfit as error:
        raise BundleError(f"{folder}: {error}") from error


def _verified(folder: Path, public_key: Path | None) -> tuple[Manifest, dict[str, bytes]]:
    text = _read(folder, MANIFEST)
    if public_key is not None and not is_signed(text, _read(folder, SIGNATURE), public_key):
        raise BundleError(
            f"{folder}: {SIGNATURE} was not made with the key of {public_key} over this {MANIFEST}; the bundle was "
            "altered or signed by somebody else: take it from its author again, or name the right key"
        )
    manifest = _parse(folder, text)
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


def _manifest_text(manifest: Manifest) -> bytes:
    return f"{manifest.model_dump_json(indent=1)}\n".encode()


def _replace(file: Path, data: bytes) -> None:
    """Write beside the file and move it into place, so that nobody reads half of it."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}.draft")
    try:
        draft.write_bytes(data)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


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
