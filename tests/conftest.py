"""What several tests start from: keys, and a signed bundle with a small real model."""

from pathlib import Path

import pytest
from hypothesis import settings

from propensity.bundle import Bundle, load
from tests.bundles import Keys, likely_above, make_bundle, new_keys

# The machine that runs the tests may be slow: nothing is judged by the time that it takes.
settings.register_profile("leadline", deadline=None, max_examples=150)
settings.load_profile("leadline")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Make the pair of keys that the bundles of these tests are signed with."""
    return new_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Bundle:
    """Load a bundle whose model is sure of those who spend more than 100, and of nobody else."""
    folder = make_bundle(tmp_path_factory.mktemp("bundles") / "tree", likely_above(100), keys)
    return load(folder, keys.public)


@pytest.fixture
def bundle_folder(tmp_path: Path, keys: Keys) -> Path:
    """Make a bundle that is good, to be spoilt."""
    return make_bundle(tmp_path / "bundle", likely_above(100), keys)
