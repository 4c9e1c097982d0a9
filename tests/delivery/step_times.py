"""
`python -m tests.delivery.step_times`: how long each step from a push to a release takes on this machine.

It runs the build of a better model in `test_buildspec.py`, with stand-ins for docker and for AWS's network, and adds
what the hooks may take at most. `make check`, `make test` and the images are measured by running them.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.trained import ROOT

sys.path.insert(0, str(ROOT / "deploy"))
from deployer.limits import JOB_S, RESTORE_S, TOUCHING, WORK_S

_TEST: Final = "tests/delivery/test_buildspec.py::test_a_better_model_becomes_a_signed_release"
_WIDTH: Final = 96


def main() -> int:
    """Print a line for each command of the second build, and one for each hook; return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", _TEST]
        ran = subprocess.run(command, cwd=ROOT, env=os.environ | {"STEP_TIMES": str(times)}, check=False)
        steps = [line.split(" ", 2) for line in times.read_text(encoding="utf-8").splitlines() if line[:1].isdigit()]
    second = len(steps) // 2  # the first half is the first release's, which comes before
    print("seconds  command")
    for began, ended, text in steps[second:]:
        print(f"{float(ended) - float(began):7.1f}  {' '.join(text.split())[:_WIDTH]}")
    print("\nat most  hook")
    for step, work_s in WORK_S.items():
        back = f", then {RESTORE_S} to put the last good release back" if step in TOUCHING else ""
        print(f"{work_s:7d}  {step}{back}")
    print(f"a one-off job may take {JOB_S} of them")
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
