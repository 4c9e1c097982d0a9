"""`current/release.json` in the model bucket: what the pipeline takes the champion from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.commands import Commands

KEY = "current/release.json"


class Unrecorded(DeployError):
    """The pipeline's record could not be written, or it is not known whether it was."""


def write_record(release_json: str, bucket: str, commands: Commands) -> None:
    """
    Put a release.json where the pipeline finds it.

    Args:
        release_json: The file, byte for byte.
        bucket: The model bucket.
        commands: Runs the AWS CLI.

    Raises:
        Unrecorded: It could not be written.
    """
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        body = Path(folder) / "release.json"
        body.write_bytes(release_json.encode())
        put = ("aws", "s3api", "put-object", "--bucket", bucket, "--key", KEY, "--body", str(body))
        try:
            commands.run(*put, "--content-type", "application/json")
        except DeployError as error:
            raise Unrecorded(f"s3://{bucket}/{KEY} could not be written: {error}") from None
