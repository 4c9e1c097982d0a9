"""What a release may say of itself, and which one a version means."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import ValidationError

from leadline.output import CheckFailed
from leadline.release.bucket import Kept
from leadline.release.deploy import find
from schemas.release import Release, model_version_of, release_version

DIGEST: Final = "a" * 64
SAYS: Final[dict[str, Any]] = {
    "version": "2026.02.01-0123456",
    "created_at": "2026-02-01T10:00:00Z",
    "source_commit": "0123456789" * 4,
    "images": {name: f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/leadline/{name}@sha256:{DIGEST}"
               for name in ("worker", "console")},
    "model": {"name": "leadline", "version": "2026.02.01", "sha256": DIGEST, "manifest_sha256": "b" * 64},
    "champion": None,
    "files": {"appspec.yml": DIGEST, "deploy/deployer/__init__.py": DIGEST},
}  # fmt: skip


def test_a_release_is_named_for_its_model_and_its_commit() -> None:
    release = Release.model_validate(SAYS)

    assert release.version == release_version(release.model.version, release.source_commit)
    assert release.model.version == model_version_of(release.version)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "2026.02.01-6543210"},
        {"version": f"{'x' * 56}-0123456", "model": {**SAYS["model"], "version": "x" * 56}},
        {"model": {"name": "leadline", "version": "2026.02.01", "sha256": DIGEST}},
        {"model": {**SAYS["model"], "threshold": 0.5}},
        {"source_commit": "0123456789" * 3},
        {"created_at": "yesterday"},
        {"images": {"worker": SAYS["images"]["worker"]}},
        {"images": {**SAYS["images"], "trainer": SAYS["images"]["worker"]}},
        {"images": {**SAYS["images"], "worker": "leadline/worker:latest"}},
        {"files": {"../../etc/passwd": DIGEST}},
        {"files": {"/etc/passwd": DIGEST}},
        {"files": {"deploy/.hidden": DIGEST}},
        {"files": {"appspec.yml": "0"}},
        {"schema_version": 2},
        {"extra": 1},
    ],
)
def test_a_release_that_says_anything_else_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Release.model_validate(SAYS | changes)


NEWEST: Final = datetime(2026, 2, 3, tzinfo=UTC)
KEPT: Final = [
    Kept(version, NEWEST - timedelta(days=age), validated)
    for age, (version, validated) in enumerate(
        [
            ("3-aaaaaaa", False),
            ("2-ddddddd", False),
            ("2-bbbbbbb", True),
            ("1-ccccccc", True),
            ("2-aaaaaaa", True),
            ("1-0000000", True),
        ]
    )
]
"""The newest first."""


def test_a_models_version_means_its_newest_validated_release_and_a_releases_version_itself() -> None:
    assert "2-bbbbbbb" == find(KEPT, "2").version
    assert "1-ccccccc" == find(KEPT, "1").version
    assert "2-aaaaaaa" == find(KEPT, "2-aaaaaaa").version


@pytest.mark.parametrize("version", ["2-ddddddd", "3-aaaaaaa", "3"])
def test_what_production_has_never_validated_is_not_brought_back(version: str) -> None:
    """Its archive is kept before a person has approved it."""
    with pytest.raises(CheckFailed, match="is kept and was never validated in production: nobody has approved it"):
        find(KEPT, version)


@pytest.mark.parametrize(
    ("kept", "version", "said"),
    [
        (KEPT, "2-aaaaaab", "near it are 2-aaaaaaa"),
        (KEPT, "prod", "the newest are 2-bbbbbbb"),
        (KEPT[:2], "prod", "none at all"),
        ([], "1", "none at all"),
    ],
)
def test_what_is_not_kept_is_refused_with_what_is(kept: list[Kept], version: str, said: str) -> None:
    with pytest.raises(CheckFailed, match=said):
        find(kept, version)
