"""The demo's model for tests: trained once for all test processes, and kept in build/test until code or data change."""

import fcntl
import os
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from leadline.demo.model import demo_bundle

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "build" / "test"


class DemoModel(NamedTuple):
    """A signed bundle, the key that it is checked with, and the environment that a verb finds that key by."""

    bundle: Path
    public_key: Path
    environ: dict[str, str]


@pytest.fixture(scope="session")
def demo_model() -> DemoModel:
    """Return the model that `leadline demo` trains, signed with a key of the tests' own."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    config = {"XDG_CONFIG_HOME": str(FOLDER / "config")}
    with pytest.MonkeyPatch.context() as patch, (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setenv("XDG_CONFIG_HOME", config["XDG_CONFIG_HOME"])
        bundle, public_key = demo_bundle(FOLDER)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADLINE_")}
    return DemoModel(bundle, public_key, clean | config)
