"""A release on disk: signed, of the known schema, and with exactly the files that it names."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.commands import tail
from deployer.errors import DeployError, Refused
from deployer.model import parse_model

if TYPE_CHECKING:
    from deployer.commands import Commands
    from deployer.model import Model

SCHEMA_VERSION = 1
KEYS = {"schema_version", "version", "created_at", "source_commit", "images", "model", "champion", "files"}
IMAGES = ("worker", "console")
UNNAMED = {"release.json", "release.sig"}  # the list cannot bear its own digest, nor that of its signature
IMAGE = re.compile(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,62}")
# What openssl says of a signature, wrong or none at all; anything else is no word about it.
UNSIGNED = re.compile(r"verification failure|error verifying", re.IGNORECASE)


@dataclass(frozen=True)
class Release:
    """One release; `text` is release.json byte for byte, which is what makes two releases the same."""

    version: str
    images: dict[str, str]
    model: Model
    champion: Model | None
    text: str
    signature: bytes
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
    for name in sorted(UNNAMED):
        if not (root / name).is_file():
            raise Refused(f"{name} is missing in {root}; the revision was not made by `leadline release make`")
    signed, signature = (root / "release.json").read_bytes(), (root / "release.sig").read_bytes()
    release = parse_signed(signed, signature, root, key, commands)
    check_files(root, json.loads(release.text)["files"])
    return release


def parse_signed(signed: bytes, signature: bytes, root: Path, key: Path, commands: Commands) -> Release:
    """
    Return a release from its release.json, if the pipeline has signed that.

    Args:
        signed: release.json.
        signature: release.sig.
        root: Folder that its files lie in.
        key: Public key (PEM) of the pipeline.
        commands: Runs openssl.

    Returns:
        The release; what its folder holds was not looked at.

    Raises:
        Refused: Another's signature, none at all, or none of the releases that this deployer knows.
        DeployError: openssl could not tell.
    """
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        for name, content in (("release.json", signed), ("release.sig", signature)):
            (Path(folder) / name).write_bytes(content)
        files = [str(Path(folder) / name) for name in ("release.sig", "release.json")]
        verify = ("openssl", "dgst", "-sha256", "-verify", str(key), "-signature", *files)
        done = commands.run(*verify, fine=(0, 1))
    if done.code:
        said = tail(done.err or done.out)
        kind = Refused if UNSIGNED.search(done.out + done.err) else DeployError
        raise kind(f"release.sig is not the signature of release.json by {key}: {said}")
    return parse_release(signed, signature, root)


def parse_release(signed: bytes, signature: bytes, root: Path) -> Release:
    """
    Return a release from its release.json.

    Args:
        signed: The whole file.
        signature: What signs it.
        root: Folder that its files lie in.

    Returns:
        The release.

    Raises:
        Refused: No JSON, another schema, missing or foreign keys, a version or an image out of form.
    """
    try:
        text = signed.decode()
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
    model = parse_model("model", content["model"])
    champion = None if content["champion"] is None else parse_model("champion", content["champion"])
    return Release(version, dict(images), model, champion, text, signature, root)


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
