"""The revision that CodeDeploy gets: one folder with the release, all that it deploys, and one signature over it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from leadline.output import CheckFailed
from leadline.release.archive import File, read
from leadline.release.source import plain_file
from propensity.signing import is_signed
from schemas.release import Release

RELEASE: Final = "release.json"
SIGNATURE: Final = "release.sig"
GATE: Final = "gate.json"


def documents(gate: Path, sboms: Iterable[Path]) -> dict[str, File]:
    """
    Return what else travels along: the gate's verdict, and the lists of parts under `sbom/`.

    Raises:
        CheckFailed: One of them cannot be read, or two have one name.
    """
    files = {GATE: plain_file(gate)}
    for sbom in sboms:
        if f"sbom/{sbom.name}" in files:
            raise CheckFailed(f"two --sbom files are named {sbom.name}; name them apart")
        files[f"sbom/{sbom.name}"] = plain_file(sbom)
    return files


def assemble(files: Mapping[str, File], says: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> dict[str, File]:
    """
    Add the signed release to the files that it names.

    Args:
        files: All others.
        says: What the release says besides: version, images, model, champion and so on.
        sign: Signs its bytes.

    Raises:
        CheckFailed: What it would say is not allowed.
    """
    digests = {name: hashlib.sha256(files[name].content).hexdigest() for name in sorted(files)}
    release = _parsed({**says, "files": digests}, "this release")
    text = (release.model_dump_json(indent=1) + "\n").encode()
    return {**files, RELEASE: File(text), SIGNATURE: File(sign(text))}


def read_release(place: Path, public_key: Path | None) -> Release:
    """Read and verify a revision that lies in a folder or an archive; raises as `verified` does."""
    return verified(read(place), str(place), public_key)


def verified(files: Mapping[str, File], what: str, public_key: Path | None) -> Release:
    """
    Check a revision's signature, and that it holds exactly the files that its release names.

    Args:
        files: The revision.
        what: How it is called, for what is raised.
        public_key: PEM file of the key that must have signed it; None leaves out this one check.

    Raises:
        CheckFailed: A check does not hold.
        BadKey: The public key cannot be used.
    """
    for name in (RELEASE, SIGNATURE):
        if name not in files:
            raise CheckFailed(f"{what} holds no {name}: it is no release")
    text = files[RELEASE].content
    if public_key is not None and not is_signed(text, files[SIGNATURE].content, public_key):
        raise CheckFailed(
            f"{what}: {SIGNATURE} was not made with the key of {public_key} over this {RELEASE}; it was altered, or "
            "signed by somebody else"
        )
    release = parse(text, what)
    found = {name: file for name, file in files.items() if name not in {RELEASE, SIGNATURE}}
    if different := sorted(set(found) ^ set(release.files)):
        raise CheckFailed(f"{what}: {different[0]} is in the release or in {RELEASE}, and must be in both or in none")
    for name, file in found.items():
        if hashlib.sha256(file.content).hexdigest() != release.files[name]:
            raise CheckFailed(f"{what}: {name} is not the file that {RELEASE} names")
    return release


def parse(text: bytes, what: str) -> Release:
    """
    Read `release.json`.

    Raises:
        CheckFailed: It is none.
    """
    try:
        return Release.model_validate_json(text)
    except ValidationError as error:
        raise CheckFailed(_fault(what, error)) from error


def _parsed(says: Mapping[str, Any], what: str) -> Release:
    try:
        return Release.model_validate(says)
    except ValidationError as error:
        raise CheckFailed(_fault(what, error)) from error


def _fault(what: str, error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{what}: /{'/'.join(map(str, first['loc']))}: {first['msg']}"
