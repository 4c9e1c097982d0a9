"""The tools that people check templates, manifests, images and scripts with. They live in environments of their own."""

from pathlib import Path

import pytest

from tests.trained import ROOT


def tool(environment: str, name: str) -> Path:
    """Return a tool of another environment; without that environment the test is skipped."""
    folder = ROOT / environment
    if not folder.is_dir():
        pytest.skip(f"{environment} is not there; `make test` makes it")
    return folder / "bin" / name
