"""The shell scripts, read by shellcheck: those that we ship, and the one that a new deployer starts with."""

import subprocess
from pathlib import Path

import pytest

from tests.delivery.tools import tool
from tests.trained import ROOT

SCRIPTS = [ROOT / "image.sh", ROOT / "requirements.sh", *sorted((ROOT / "deploy" / "hooks").glob("*.sh"))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    ran = subprocess.run([tool(".venv-delivery", "shellcheck"), script], capture_output=True, text=True, check=False)

    assert (0, "") == (ran.returncode, ran.stdout)


def test_shellcheck_finds_what_is_there() -> None:
    command = [tool(".venv-delivery", "shellcheck"), "--shell=sh", "-"]
    ran = subprocess.run(command, input="rm -r $folder/*", capture_output=True, text=True, check=False)

    assert 1 == ran.returncode
    assert "SC2154" in ran.stdout
