"""
What the pipeline reads in the models bucket.

`validated/VERSION.json` is there of every release that has passed; `current/release.json` is the one that the next
newcomer's champion is taken from.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.commands import Commands
    from deployer.release import Release

CURRENT = "current/release.json"


class Unrecorded(DeployError):
    """The pipeline's record could not be written, or it is not known whether it was."""


def validated(version: str) -> str:
    """Return the key of a validated release."""
    return f"validated/{version}.json"


def write_record(release: Release, bucket: str, commands: Commands) -> None:
    """
    Write down a release as the one that is served now.

    Args:
        release: It.
        bucket: The models bucket.
        commands: Runs the AWS CLI.

    Raises:
        Unrecorded: It could not be written.
    """
    put(release, CURRENT, bucket, commands)


def write_validated(release: Release, bucket: str, commands: Commands) -> None:
    """
    Write down that a release has passed all steps, which stays so whatever is served later.

    Args:
        release: It.
        bucket: The models bucket.
        commands: Runs the AWS CLI.

    Raises:
        Unrecorded: It could not be written.
    """
    put(release, validated(release.version), bucket, commands)


def put(release: Release, key: str, bucket: str, commands: Commands) -> None:
    """
    Put a release.json, byte for byte, where the pipeline finds it.

    Args:
        release: The release.
        key: Where.
        bucket: The models bucket.
        commands: Runs the AWS CLI.

    Raises:
        Unrecorded: It could not be written.
    """
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        body = Path(folder) / "release.json"
        body.write_bytes(release.text.encode())
        words = ("aws", "s3api", "put-object", "--bucket", bucket, "--key", key, "--body", str(body))
        try:
            commands.run(*words, "--content-type", "application/json")
        except DeployError as error:
            raise Unrecorded(f"s3://{bucket}/{key} could not be written: {error}") from None


def was_validated(release: Release, bucket: str, commands: Commands) -> bool:
    """
    Tell whether this very release has passed all steps before.

    It is looked for by listing: who may not list is told 403 of a missing object, which an error could be as well.

    Args:
        release: It.
        bucket: The models bucket.
        commands: Runs the AWS CLI.

    Returns:
        Whether there is such an object, with the same bytes: the same version may have been built twice.

    Raises:
        DeployError: The bucket gave no answer, or no right to look.
    """
    key = validated(release.version)
    listing = ("aws", "s3api", "list-objects-v2", "--bucket", bucket, "--prefix", key, "--max-keys", "1")
    listed = json.loads(commands.run(*listing, "--output", "json").out or "{}")  # nothing at all where there is none
    if key not in [one["Key"] for one in listed.get("Contents") or []]:
        return False
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        body = Path(folder) / "release.json"
        commands.run("aws", "s3api", "get-object", "--bucket", bucket, "--key", key, str(body))
        return body.read_bytes() == release.text.encode()
