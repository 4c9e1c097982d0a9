"""Which model a release serves, and which one it was judged against, as release.json names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from deployer.errors import Refused

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Model:
    """Which model an image serves: digests of `model.pkl` and, from releases that name it, of `manifest.json`."""

    name: str
    version: str
    sha256: str
    manifest_sha256: str | None = None

    def is_same(self, other: Model) -> bool:
        """Whether the other is this one; the manifest counts where both name it."""
        manifests = {self.manifest_sha256, other.manifest_sha256} - {None}
        mine, theirs = ((one.name, one.version, one.sha256) for one in (self, other))
        return mine == theirs and len(manifests) <= 1


def parse_model(what: str, content: Any) -> Model:  # noqa: ANN401  whatever stands there
    """
    Return a model that release.json names; what else it says of it counts for nothing.

    Args:
        what: `model` or `champion`.
        content: What stands there.

    Returns:
        The model.

    Raises:
        Refused: A name, a version or a digest is missing or out of form.
    """
    found = content if isinstance(content, dict) else {}
    name, version, sha256 = (found.get(key) for key in ("name", "version", "sha256"))
    manifest = found.get("manifest_sha256")
    if not all(isinstance(text, str) and text for text in (name, version)):
        raise Refused(f"{what} is {content!r}; it must have a name and a version")
    for key, digest in (("sha256", sha256), ("manifest_sha256", "0" * 64 if manifest is None else manifest)):
        if not isinstance(digest, str) or not SHA256.fullmatch(digest):
            raise Refused(f"{what}.{key} is {digest!r}; it must be 64 hex digits, in lower case")
    return Model(str(name), str(version), str(sha256), manifest)
