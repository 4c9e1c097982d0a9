"""appspec.yml and the hooks that it names: the agent takes a misspelt key in silence, so these tests do not."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.delivery import hook_scene

from deployer import limits  # isort: skip  (hook_scene puts deploy/ on the path)

ROOT = hook_scene.ROOT
HOOKS = {
    "BeforeInstall": "verify",
    "AfterInstall": "rehearse",
    "ApplicationStart": "apply",
    "ValidateService": "validate",
}
LONGEST_EVENT_S = 3600  # CodeDeploy's own limit for all scripts of one lifecycle event
PARTS = {"version", "os", "files", "file_exists_behavior", "hooks"}
SCRIPTS = [ROOT / "deploy" / "hooks" / f"{step}.sh" for step in hook_scene.STEPS]
PYTHON_FILES = sorted((ROOT / "deploy" / "deployer").glob("*.py"))


@pytest.fixture(scope="module")
def appspec() -> dict[str, Any]:
    """Read appspec.yml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "appspec.yml").read_text(encoding="utf-8"))
    return content


def test_it_has_the_keys_that_the_agent_knows_and_no_other(appspec: dict[str, Any]) -> None:
    assert set(appspec) == PARTS
    assert appspec["version"] == 0.0
    assert appspec["os"] == "linux"
    assert appspec["file_exists_behavior"] == "OVERWRITE"
    assert all(set(entry) == {"source", "destination"} for entry in appspec["files"])
    assert all(
        set(script) == {"location", "timeout", "runas"} for scripts in appspec["hooks"].values() for script in scripts
    )


def test_everything_is_copied_to_one_folder(appspec: dict[str, Any]) -> None:
    assert appspec["files"] == [{"source": "/", "destination": "/opt/leadline/release"}]


def test_every_event_runs_its_one_script_as_root(appspec: dict[str, Any]) -> None:
    """Above all no ApplicationStop: the agent would run the one of the revision before."""
    assert set(appspec["hooks"]) == set(HOOKS)
    for event, step in HOOKS.items():
        (script,) = appspec["hooks"][event]
        assert script["location"] == f"deploy/hooks/{step}.sh"
        assert script["runas"] == "root"


def python_3_9() -> str | None:
    """Return a Python 3.9 that starts, from the PATH or from where pyenv keeps its own."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [*filter(None, [shutil.which("python3.9")]), *map(str, versions.glob("3.9.*/bin/python3.9"))]
    starts = (
        one for one in candidates if subprocess.run([one, "-c", ""], capture_output=True, check=False).returncode == 0
    )
    return next(starts, None)


@pytest.mark.parametrize(("event", "step"), HOOKS.items())
def test_a_hook_has_time_for_its_work_and_for_the_way_back(appspec: dict[str, Any], event: str, step: str) -> None:
    (script,) = appspec["hooks"][event]
    assert limits.longest(step) <= script["timeout"] <= LONGEST_EVENT_S


def test_the_waits_of_a_step_fit_into_its_time() -> None:
    """A Job's log is read, and the Job removed, after its wait has ended: a few commands more."""
    few = 5 * limits.REQUEST_S
    assert limits.JOB_S + few <= limits.WORK_S["rehearse"]
    assert limits.JOB_S + limits.READY_S + few // 2 <= limits.WORK_S["validate"]
    assert limits.COMMAND_S <= limits.MARGIN_S
    assert limits.REQUEST_S < limits.COMMAND_S


def test_kubernetes_gives_up_on_a_job_or_a_rollout_before_the_deployer_does() -> None:
    """Then the reason is the cluster's own, and not only that time is over."""
    base = ROOT / "k8s" / "base"
    jobs = [
        yaml.safe_load((base / "canary" / f"{name}.yaml").read_text(encoding="utf-8")) for name in ("canary", "check")
    ]
    kinds = [
        yaml.safe_load((base / name / "deployment.yaml").read_text(encoding="utf-8")) for name in ("worker", "console")
    ]
    assert all(job["spec"]["activeDeadlineSeconds"] < limits.JOB_S for job in jobs)
    assert all(job["spec"]["backoffLimit"] == 0 for job in jobs)
    assert all(one["spec"]["progressDeadlineSeconds"] < min(limits.WORK_S["apply"], limits.RESTORE_S) for one in kinds)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_hook_is_executable_in_the_folder_and_in_git(script: Path) -> None:
    assert os.access(script, os.X_OK)
    listed = subprocess.run(
        ["git", "ls-files", "--stage", str(script)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert all(line.startswith("100755 ") for line in listed.stdout.splitlines())


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_hook_is_read_by_any_posix_shell(script: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert script.read_bytes().startswith(b"#!/bin/sh\n")
    assert not subprocess.run([shell, "-n", str(script)], capture_output=True, check=False).stderr


def test_there_are_no_other_hooks() -> None:
    assert sorted(path.name for path in (ROOT / "deploy" / "hooks").iterdir()) == sorted(path.name for path in SCRIPTS)


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: path.name)
def test_the_deployer_needs_python_3_9_and_nothing_but_its_library(path: Path) -> None:
    """Amazon Linux 2023 calls Python 3.9 python3, and nothing is installed there."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    imports = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    froms = [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    tops = {name.split(".")[0] for name in imports + froms}
    assert tops <= sys.stdlib_module_names | {"deployer"}


def test_the_deployer_runs_on_python_3_9(tmp_path: Path) -> None:
    """It says what its settings lack: every module is imported by then."""
    python = python_3_9()
    if not python:
        pytest.skip("no Python 3.9 here")
    done = subprocess.run(
        [python, "-B", "-m", "deployer", "validate"],
        env={"PYTHONPATH": str(ROOT / "deploy"), "DEPLOYER_ENV": str(tmp_path / "none")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 78
    assert "MODELS_BUCKET" in done.stderr
