"""The hooks as CodeDeploy runs them: shell scripts, one process each, that find kubectl and aws on their PATH."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.delivery.hook_fixtures import NEW, OLD, deployer, release_keys, revisions, serving_old
from tests.delivery.hook_scene import STEPS, Deployer, execute, have_kubectl, served

from deployer.commands import Commands, TimedOut  # isort: skip  (hook_scene puts deploy/ on the path)
from deployer.errors import DeployError  # isort: skip

__all__ = ["deployer", "release_keys", "revisions", "serving_old"]
pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl, which renders, is not installed")

PATIENCE_S = 10
APPLY_OF_A_RELEASE = r"(?s)^kubectl apply .*kind: Deployment\n"


def test_the_four_hooks_deploy_a_release(deployer: Deployer, revisions: dict[str, Path]) -> None:
    ended = [deployer.run_hook(revisions[NEW], step) for step in STEPS]

    assert [(0, f"{step}: {NEW} ") for step in STEPS] == [
        (hook.code, hook.out[: len(hook.step + NEW) + 3]) for hook in ended
    ]
    assert served(NEW) == deployer.cluster.serving()
    assert not list(revisions[NEW].rglob("__pycache__")), "the next hook would find files that nobody signed"


def test_a_hook_that_fails_ends_with_a_code_and_the_old_release(deployer: Deployer, revisions: dict[str, Path]) -> None:
    deployer.deploy(revisions[NEW], STEPS[:3])
    deployer.cluster.plan.jobs = {"leadline-check": "Failed"}

    hook = deployer.run_hook(revisions[NEW], "validate")

    assert (hook.code, hook.out) == (1, f"validate: failed; the last good release {OLD} was put back\n")
    assert "log of" in hook.err
    assert served(OLD) == deployer.cluster.serving()


def test_a_hook_that_is_killed_in_its_middle_is_mended_by_the_rollback(
    deployer: Deployer, revisions: dict[str, Path]
) -> None:
    """Half of the release was applied when the deployer died; CodeDeploy then deploys the old revision."""
    before = deployer.cluster.lasting()
    deployer.cluster.plan.signal_on = APPLY_OF_A_RELEASE

    hook = deployer.run_hook(revisions[NEW], "apply")

    assert (hook.code, hook.out) == (-signal.SIGKILL, "")
    assert served(OLD) != deployer.cluster.serving()
    deployer.cluster.plan.signal_on = None
    assert all(ended.code == 0 for ended in deployer.deploy(revisions[OLD]))
    assert served(OLD) == deployer.cluster.serving()
    assert set(before["objects"]) == set(deployer.cluster.objects)


def test_a_hook_that_was_killed_can_be_run_again(deployer: Deployer, revisions: dict[str, Path]) -> None:
    deployer.cluster.plan.signal_on = APPLY_OF_A_RELEASE
    deployer.run_hook(revisions[NEW], "apply")
    deployer.cluster.plan.signal_on = None

    assert all(hook.code == 0 for hook in deployer.deploy(revisions[NEW], STEPS[2:]))
    assert served(NEW) == deployer.cluster.serving()


def test_a_hook_at_its_timeout_leaves_the_way_back_to_codedeploy(
    deployer: Deployer, revisions: dict[str, Path]
) -> None:
    """It puts nothing back itself: the rollback's hooks are at work already."""
    deployer.cluster.plan.signal_on, deployer.cluster.plan.signal = APPLY_OF_A_RELEASE, signal.SIGTERM

    hook = deployer.run_hook(revisions[NEW], "apply")

    assert hook.code == 1
    assert "left to CodeDeploy's rollback" in hook.err
    assert "apply" == deployer.cluster.calls[-1]["argv"][1]


def test_a_kubectl_that_hangs_while_a_release_is_applied_brings_the_old_one_back(
    deployer: Deployer, revisions: dict[str, Path]
) -> None:
    """It is killed after a time and named; what it should have told of was done, to the last object."""
    deployer.cluster.plan.hang_on = rf"(?s)^kubectl apply .*image: {served(NEW)['leadline-worker']}\n"

    hook = deployer.run_hook(revisions[NEW], "apply", DEPLOYER_COMMAND_S="8")

    assert (hook.code, hook.out) == (1, f"apply: failed; the last good release {OLD} was put back\n")
    assert re.search(r"^`kubectl apply .*` gave no answer within 8 s and was killed$", hook.err, re.MULTILINE)
    assert served(OLD) == deployer.cluster.serving()


def test_a_command_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    """A kubectl starts the AWS CLI for its token, which would hold the pipe for as long as it hangs."""
    started = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {started}; wait"

    with pytest.raises(TimedOut, match="gave no answer within"):
        execute(["sh", "-c", script], None, 0.5, dict(os.environ))

    assert ends(Path(f"/proc/{started.read_text().strip()}/stat"))


def ends(stat: Path) -> bool:
    """Wait until a process that was killed has ended: the kernel takes a moment for it."""
    give_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_at:
        try:
            if stat.read_text().split()[2] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_a_command_that_is_not_installed_is_named() -> None:
    with pytest.raises(DeployError, match="no-such-command cannot be started: No such file"):
        execute(["no-such-command"], None, 1, {"PATH": "/nowhere"})


def test_a_command_gets_no_more_time_than_its_step_has_left() -> None:
    """A step whose time is over starts none at all."""
    commands = Commands(dict(os.environ)).within(-1)

    with pytest.raises(TimedOut, match="the step's time is over before"):
        commands.run(sys.executable, "-c", "raise SystemExit(0)")


@pytest.mark.parametrize("arguments", [[], ["deploy"], ["verify", "apply"]])
def test_a_wrong_step_is_wrong_usage(deployer: Deployer, revisions: dict[str, Path], arguments: list[str]) -> None:
    ended = deployer.run(revisions[NEW], arguments)

    assert (ended.code, ended.out) == (2, "")
    assert "verify|rehearse|apply|validate" in ended.err


def test_a_hook_without_any_python_says_so(revisions: dict[str, Path], tmp_path: Path) -> None:
    """Its folder holds what the script itself needs, and no Python."""
    for program in ("dirname", "sh"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    script = (revisions[NEW] / "deploy" / "hooks" / "verify.sh").read_text(encoding="utf-8")
    (tmp_path / "verify.sh").write_text(script.replace(":/usr/local/bin:/usr/bin:/bin", ""), encoding="utf-8")
    command = ["/bin/sh", str(tmp_path / "verify.sh")]

    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)

    assert done.returncode == 78
    assert "neither python3.11 nor python3 is on the PATH" in done.stderr
