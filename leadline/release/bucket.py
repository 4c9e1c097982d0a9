"""Where models and releases are kept: `incoming/`, `bundles/`, `releases/` and `current/` of one bucket."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from leadline.output import CheckFailed
from leadline.release.archive import MAX_BYTES, File, from_zip, to_zip
from leadline.release.revision import GATE, RELEASE, SIGNATURE, parse
from ports import AlreadyThere, Object, Objects
from propensity.signing import SIGNATURE as BUNDLE_SIGNATURE
from schemas.release import Release, model_version_of

CURRENT: Final = "current/release.json"
RELEASES: Final = "releases/"
BUNDLES: Final = "bundles/"
_SUFFIX: Final = ".zip"
_OF_A_RUN: Final = frozenset({SIGNATURE, BUNDLE_SIGNATURE, GATE})
"""What differs between two builds of the same."""
_MAX_RELEASE_BYTES: Final = 1024 * 1024


class Kept(NamedTuple):
    """A release that is kept, by its version."""

    version: str
    kept_at: datetime

    @property
    def model_version(self) -> str:
        """The version of its model."""
        return model_version_of(self.version)


def release_key(version: str) -> str:
    """Return where a release's revision is kept."""
    return f"{RELEASES}{version}{_SUFFIX}"


def bundle_key(version: str) -> str:
    """Return where the bundle of a release is kept."""
    return f"{BUNDLES}{version}{_SUFFIX}"


def current(models: Objects) -> Release | None:
    """
    Return the last release that was validated in production, or None where none was.

    Raises:
        CheckFailed: What lies there is no release.
        Unavailable: S3 did not answer, or refused.
    """
    found = models.get(CURRENT, max_bytes=_MAX_RELEASE_BYTES)
    return None if found is None else parse(found.content, f"s3://{models.bucket}/{CURRENT}")


def kept(models: Objects) -> list[Kept]:
    """Return the releases that are kept, the newest first; raises `Unavailable`."""
    found = [
        Kept(one.key.removeprefix(RELEASES).removesuffix(_SUFFIX), one.modified)
        for one in models.list(RELEASES)
        if one.key.endswith(_SUFFIX)
    ]
    return sorted(found, key=lambda one: (one.kept_at, one.version), reverse=True)


def fetch(models: Objects, key: str) -> Object:
    """
    Return an archive of the bucket.

    Raises:
        CheckFailed: There is none.
        Unavailable: S3 did not answer, or refused.
    """
    found = models.get(key, max_bytes=MAX_BYTES)
    if found is None:
        raise CheckFailed(f"s3://{models.bucket}/{key} is not there; `leadline release ls` shows what is")
    return found


def keep(models: Objects, version: str, revision: Mapping[str, File], bundle: Mapping[str, File]) -> bool:
    """
    Keep a release and its bundle, the bundle first: a release that is there can be brought back with all its parts.

    Returns:
        Whether it is new; not, where the same was kept before.

    Raises:
        CheckFailed: Another one is kept under this version; it is left as it is.
        Unavailable: S3 did not answer, or refused.
    """
    new_bundle = _keep(models, bundle_key(version), bundle)
    return _keep(models, release_key(version), revision) or new_bundle


def _keep(models: Objects, key: str, files: Mapping[str, File]) -> bool:
    try:
        models.put(key, to_zip(files), once=True)
    except AlreadyThere as error:
        there = from_zip(fetch(models, key).content, f"s3://{models.bucket}/{key}")
        if _essence(there) != _essence(files):
            raise CheckFailed(
                f"s3://{models.bucket}/{key} holds something else under this version, and is kept; "
                "a release's version is its model and its commit: change one of them"
            ) from error
        return False
    return True


def _essence(files: Mapping[str, File]) -> dict[str, Any]:
    """
    Return what makes an archive what it is.

    A build that is run again signs with other bytes, at another time, and its gate measures other times.
    """
    plain: dict[str, Any] = {name: file for name, file in files.items() if name not in _OF_A_RUN}
    if RELEASE in plain:
        says = json.loads(files[RELEASE].content)
        named = {name: digest for name, digest in says["files"].items() if name not in _OF_A_RUN}
        plain[RELEASE] = {**says, "created_at": None, "files": named}
    return plain
