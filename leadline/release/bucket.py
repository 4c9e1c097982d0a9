"""Where models and releases are kept: `incoming/`, `bundles/`, `releases/`, `validated/` and `current/` of a bucket."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from leadline.output import CheckFailed
from leadline.release.archive import MAX_BYTES, File, from_zip, to_zip
from leadline.release.revision import RELEASE, parse
from ports import AlreadyThere, Object, Objects
from schemas.release import Release, model_version_of

CURRENT: Final = "current/release.json"
RELEASES: Final = "releases/"
BUNDLES: Final = "bundles/"
VALIDATED: Final = "validated/"
"""Of each release that production has validated its release.json; only the deployer writes there."""
_ARCHIVE: Final = ".zip"
_RECORD: Final = ".json"
_MAX_RELEASE_BYTES: Final = 1024 * 1024


class Kept(NamedTuple):
    """A release that is kept, by its version, and whether production has validated it."""

    version: str
    kept_at: datetime
    validated: bool

    @property
    def model_version(self) -> str:
        """The version of its model."""
        return model_version_of(self.version)


def release_key(version: str) -> str:
    """Return where a release's revision is kept."""
    return f"{RELEASES}{version}{_ARCHIVE}"


def bundle_key(version: str) -> str:
    """Return where the bundle of a release is kept."""
    return f"{BUNDLES}{version}{_ARCHIVE}"


def current(models: Objects) -> Release | None:
    """
    Return the last release that was validated in production, or None where there is no word of one.

    Raises:
        CheckFailed: What lies there is no release.
        Unavailable: S3 did not answer, or refused.
    """
    found = models.get(CURRENT, max_bytes=_MAX_RELEASE_BYTES)
    return None if found is None else parse(found.content, f"s3://{models.bucket}/{CURRENT}")


def served(models: Objects) -> Release | None:
    """
    Return the same, where None means the first release: nothing was ever validated.

    Raises:
        CheckFailed: What lies there is no release; or nothing lies there any more.
        Unavailable: S3 did not answer, or refused.
    """
    now = current(models)
    if now is None and models.existed(CURRENT):
        raise CheckFailed(
            f"s3://{models.bucket}/{CURRENT} was deleted; put it back, or a model would be judged as if it were the "
            f"first: its last version, or {VALIDATED}VERSION{_RECORD} of the release that is served"
        )
    return now


def kept(models: Objects) -> list[Kept]:
    """Return the releases that are kept, the newest first; raises `Unavailable`."""
    validated = {version for version, _ in _listed(models, VALIDATED, _RECORD)}
    found = [Kept(version, kept_at, version in validated) for version, kept_at in _listed(models, RELEASES, _ARCHIVE)]
    return sorted(found, key=lambda one: (one.kept_at, one.version), reverse=True)


def is_kept(models: Objects, version: str) -> bool:
    """Tell whether a release of this version was built before; raises `Unavailable`."""
    return any(one.key == release_key(version) for one in models.list(release_key(version)))


def check_validated(models: Objects, version: str, release: File) -> None:
    """
    Check that production has validated just this release.

    Args:
        models: The bucket.
        version: The release's.
        release: Its release.json.

    Raises:
        CheckFailed: It has not.
        Unavailable: S3 did not answer, or refused.
    """
    key = f"{VALIDATED}{version}{_RECORD}"
    found = models.get(key, max_bytes=_MAX_RELEASE_BYTES)
    if found is None or found.content != release.content:
        raise CheckFailed(
            f"s3://{models.bucket}/{release_key(version)} is not the release that production validated as {version}: "
            f"its {RELEASE} is not {key}; restore the version of that archive that is"
        )


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

    A version is kept once. A bundle without its release is what a build has left that failed between the two.

    Returns:
        Whether it is new; not, where this very release was kept before.

    Raises:
        CheckFailed: Another one is kept under this version; it is left as it is.
        Unavailable: S3 did not answer, or refused.
    """
    if is_kept(models, version):
        _check_same(models, version, revision)
        return False
    models.put(bundle_key(version), to_zip(bundle))
    try:
        models.put(release_key(version), to_zip(revision), once=True)
    except AlreadyThere:  # also where our own call has succeeded, and its answer was lost
        _check_same(models, version, revision)
    return True


def built_before(models: Objects, version: str) -> CheckFailed:
    """Return what is said of a build whose release is kept already."""
    return CheckFailed(
        f"s3://{models.bucket}/{release_key(version)} is kept already: this model was built from this commit before, "
        "and a version is built once. Go on with that run (approve it, or retry the stage that failed), bring it back "
        "with `leadline model pin` where production has validated it, or change the model or the commit"
    )


def _check_same(models: Objects, version: str, revision: Mapping[str, File]) -> None:
    key = release_key(version)
    if from_zip(fetch(models, key).content, f"s3://{models.bucket}/{key}") != dict(revision):
        raise built_before(models, version)


def _listed(models: Objects, prefix: str, suffix: str) -> list[tuple[str, datetime]]:
    return [
        (one.key.removeprefix(prefix).removesuffix(suffix), one.modified)
        for one in models.list(prefix)
        if one.key.endswith(suffix)
    ]
