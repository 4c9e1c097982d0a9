"""What the tests of the hooks start from: two signed revisions, and a cluster that serves the older one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.delivery.hook_scene import Deployer, Keys, make_revision, new_keys
from tests.delivery.stand_in_kubectl import Cluster

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = "2026.11.01-aaaaaaa", "2026.11.25-bbbbbbb"


@pytest.fixture(scope="session")
def release_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Make the pipeline's keys."""
    return new_keys(tmp_path_factory.mktemp("release-keys"))


@pytest.fixture(scope="session")
def revisions(tmp_path_factory: pytest.TempPathFactory, release_keys: Keys) -> dict[str, Path]:
    """Make the revisions of an old and a new release, not to be changed."""
    folder = tmp_path_factory.mktemp("revisions")
    champions = {OLD: None, NEW: OLD}
    return {version: make_revision(folder / version, version, release_keys, old) for version, old in champions.items()}


@pytest.fixture(scope="session")
def serving_old(tmp_path_factory: pytest.TempPathFactory, release_keys: Keys, revisions: dict[str, Path]) -> str:
    """Deploy the old release once, and keep the cluster as text."""
    deployer = Deployer(tmp_path_factory.mktemp("first"), release_keys)
    assert [hook.out for hook in deployer.deploy(revisions[OLD]) if hook.code] == []
    deployer.cluster.calls.clear()
    deployer.cluster.rights.clear()
    return deployer.cluster.dump()


@pytest.fixture
def deployer(tmp_path: Path, release_keys: Keys, serving_old: str) -> Deployer:
    """Return a deployer whose cluster serves the old release."""
    return Deployer(tmp_path, release_keys, Cluster.load(serving_old))


@pytest.fixture
def first(tmp_path: Path, release_keys: Keys) -> Deployer:
    """Return a deployer whose cluster has no release yet."""
    return Deployer(tmp_path, release_keys)
