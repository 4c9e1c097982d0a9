"""A release on disk: signed, of the known schema, and with exactly the files that it names."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.errors import DeployError, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from deployer.commands import Commands

SCHEMA_VERSION = 1
KEYS = {"schema_version", "version", "created_at", "source_commit", "images", "model", "champion", "files"}
IMAGES = ("worker", "console")
UNNAMED = {"release.json", "release.sig"}  # the list cannot bear its own digest, nor that of its signature
IMAGE = re.compile(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,62}")


@dataclass(frozen=True)
class Release:
    """One release; `text` is release.json byte for byte, which is what makes two releases the same."""

    version: str
    images: dict[str, str]
    text: str
    root: Path


def open_release(root: Path, key: Path, commands: Commands) -> Release:
    """
    Read the release that lies in a folder, if it is what was signed.

    Args:
        root: The revision's root, where release.json and appspec.yml lie.
        key: Public key (PEM) of the pipeline.
        commands: Runs openssl.

    Returns:
        The release.

    Raises:
        Refused: A signature, a key, a digest or an image that is not as it must be.
    """
    check_signature(root, key, commands)
    text = (root / "release.json").read_text(encoding="utf-8")
    release = parse_release(text, root)
    check_files(root, json.loads(text)["files"])
    return release


def check_signature(root: Path, key: Path, commands: Commands) -> None:
    """
    Let openssl check release.sig over release.json.

    Args:
        root: The revision's root.
        key: Public key (PEM) of the pipeline.
        commands: Runs openssl.

    Raises:
        Refused: A file is missing, or the signature is not that of this key over these bytes.
    """
    for name in sorted(UNNAMED):
        if not (root / name).is_file():
            raise Refused(f"{name} is missing in {root}; the revision was not made by `leadline release make`")
    signature, signed = str(root / "release.sig"), str(root / "release.json")
    try:
        commands.run("openssl", "dgst", "-sha256", "-verify", str(key), "-signature", signature, signed)
    except DeployError as error:
        raise Refused(f"release.sig is not the signature of release.json by {key}: {error}") from None


def parse_release(text: str, root: Path) -> Release:
    """
    Return a release from the text of its release.json.

    Args:
        text: The whole file.
        root: Folder that its files lie in.

    Returns:
        The release.

    Raises:
        Refused: No JSON, another schema, missing or foreign keys, a version or an image out of form.
    """
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise Refused(f"release.json is no JSON: {error}") from None
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        found = content.get("schema_version") if isinstance(content, dict) else type(content).__name__
        raise Refused(f"release.json has schema_version {found}, this deployer knows {SCHEMA_VERSION}")
    if set(content) != KEYS:
        raise Refused(
            f"release.json must have exactly the keys {sorted(KEYS)}; these differ: {sorted(set(content) ^ KEYS)}"
        )
    version, images, files = content["version"], content["images"], content["files"]
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise Refused(f"version {version!r} is none: letters, digits and . + _ - only, at most 63")
    if not isinstance(images, dict) or set(images) != set(IMAGES):
        raise Refused(f"images must name exactly {', '.join(IMAGES)}")
    for name, image in images.items():
        if not isinstance(image, str) or not IMAGE.fullmatch(image):
            raise Refused(f"image {name} is {image!r}; it must be named by digest: REPOSITORY@sha256:..., with no tag")
    if not isinstance(files, dict) or not files or not all(isinstance(digest, str) for digest in files.values()):
        raise Refused("files must give the sha256 of every file by its path")
    return Release(version, dict(images), text, root)


def check_files(root: Path, named: dict[str, str]) -> None:
    """
    Compare the files of a revision with the list in its release.json.

    Args:
        root: The revision's root.
        named: SHA-256 (hex) of every file, by its path with slashes, relative to the root.

    Raises:
        Refused: A file is altered, missing or not on the list, or a symbolic link; all are named.
    """
    present = {
        path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    links = sorted(name for name, path in present.items() if path.is_symlink())
    foreign = sorted(set(present) - set(named) - UNNAMED)
    missing = sorted(set(named) - set(present))
    both = sorted(set(named) & set(present) - set(links))
    altered = [name for name in both if hashlib.sha256(present[name].read_bytes()).hexdigest() != named[name]]
    found = {"altered": altered, "missing": missing, "not named in release.json": foreign, "a symbolic link": links}
    faults = [f"{what}: {', '.join(names)}" for what, names in found.items() if names]
    if faults:
        raise Refused(f"the files in {root} are not those that were signed; {'; '.join(faults)}")
