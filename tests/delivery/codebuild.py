"""
CodeBuild on this machine: the commands of `buildspec.yml`, in order, in a copy of the source.

Stand-ins take the place of docker and of the AWS CLI; whatever else is called is the real one.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.trained import ROOT

BUILDSPEC: Final[dict[str, Any]] = yaml.safe_load((ROOT / "buildspec.yml").read_text(encoding="utf-8"))
STAND_INS: Final = Path(__file__).parent / "stand_ins"
CHECKS: Final = ("make check", "make test")
"""Commands that are not run here: this is a test itself."""

COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
REGISTRY: Final = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
_LEFT_OUT: Final = shutil.ignore_patterns(".*", "build", "mutants", "__pycache__", "docs", "tests")


@dataclass
class Built:
    """What a build left behind."""

    code: int
    log: str
    folder: Path
    calls: list[list[str]]
    """Of docker and the AWS CLI, by this build."""

    @property
    def built_images(self) -> list[str]:
        """The targets that docker was asked to build."""
        return [call[call.index("--target") + 1] for call in self.calls if call[:2] == ["docker", "build"]]


@dataclass
class CodeBuild:
    """The project: its environment, as `infra/pipeline.yaml` gives it, and a registry that outlives a build."""

    state: Path
    environ: Mapping[str, str]
    count: int = field(default=0)

    def run(self, model: Path, *, commit: str = COMMIT) -> Built:
        """
        Run the build of a fresh copy of the source.

        Args:
            model: The folder that CodeBuild has unpacked the pushed archive into.
            commit: That of the source.
        """
        self.count += 1
        folder = self.state / f"build-{self.count}"
        copy_source(folder)
        calls = self.state / "calls.jsonl"
        calls.unlink(missing_ok=True)
        calls.touch()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADLINE_")}
        environ = {
            **clean,
            **self.environ,
            "PATH": f"{STAND_INS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "STAND_IN_STATE": str(self.state),
            "STEP_TIMES": os.environ.get("STEP_TIMES", os.devnull),
            "CODEBUILD_SRC_DIR": str(folder),
            "CODEBUILD_SRC_DIR_Model": str(model),
            "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
            "CODEBUILD_BUILD_NUMBER": str(self.count),
        }
        command = [BUILDSPEC["env"]["shell"], "-c", script(("pre_build", "build"))]
        ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        made = [json.loads(line) for line in calls.read_text(encoding="utf-8").splitlines()]
        return Built(ran.returncode, ran.stdout + ran.stderr, folder, made)


def commands(phase: str) -> list[str]:
    """Return the commands of a phase, in order, without those of its `finally`."""
    found: list[str] = BUILDSPEC["phases"][phase]["commands"]
    return found


def script(phases: Sequence[str]) -> str:
    """
    Return what CodeBuild does, as one script.

    The commands of a phase share one shell; what one phase has set, no other one is promised. After a command that
    fails, the rest of its phase is left out, its `finally` is run all the same, and no phase begins any more.
    """
    lines = ["set -o nounset"]
    for phase in phases:
        last = [f"eval {shlex.quote(command)}" for command in BUILDSPEC["phases"][phase].get("finally", [])]
        lines += ["(", f"finish() {{ {'; '.join([*last, ':'])}; }}"]
        lines += [
            f"began=$EPOCHREALTIME; eval {shlex.quote(command)} || {{ status=$?; finish; exit $status; }}; "
            f"printf '%s %s %s\\n' $began $EPOCHREALTIME {shlex.quote(command)} >> $STEP_TIMES"
            for command in commands(phase)
            if command not in CHECKS
        ]
        lines += ["finish", ") || exit $?"]
    return "\n".join(lines)


def copy_source(folder: Path) -> None:
    """What git has, with our environments in their places: `make` would take minutes to make them again."""
    shutil.copytree(ROOT, folder, ignore=_LEFT_OUT)
    shutil.copy(ROOT / ".dockerignore", folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".venv-delivery").symlink_to(ROOT / ".venv-delivery")
