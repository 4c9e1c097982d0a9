"""
`python -m deployer STEP`: one step of a deployment.

One line on stdout says what was done; reasons go to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the release
was refused, 78 the deployer's own settings are wrong.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from deployer.commands import Clock, Commands, Execute, execute
from deployer.errors import Stopped, told
from deployer.guard import run_step
from deployer.limits import WORK_S
from deployer.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

ROOT = Path(__file__).resolve().parents[2]


def main(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    root: Path = ROOT,
    clock: Clock | None = None,
    run: Execute = execute,
) -> int:
    """
    Run one step.

    Args:
        arguments: Exactly one: the step.
        environment: The process's environment.
        root: The revision's root, where appspec.yml lies.
        clock: Time.
        run: What runs external commands.

    Returns:
        The exit code.
    """
    if len(arguments) != 1 or arguments[0] not in WORK_S:
        sys.stderr.write(f"usage: python -m deployer {'|'.join(WORK_S)}\n")
        return 2
    step = arguments[0]
    try:
        settings = read_settings(environment)
        commands = Commands(settings.environment, clock or Clock(), run, command_s=settings.command_s)
        line = run_step(step, root, settings, commands)
    except Exception as error:  # noqa: BLE001  it is told, whatever it is
        sys.stderr.write(f"{told(error)}\n")
        sys.stdout.write(f"{step}: {getattr(error, 'outcome', 'failed; nothing that serves was changed')}\n")
        return told(error).exit_code
    except Stopped:
        sys.stderr.write(f"{step} was stopped at its timeout; what it was doing is left to CodeDeploy's rollback\n")
        return 1
    sys.stdout.write(f"{step}: {line}\n")
    return 0


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Turn CodeDeploy's SIGTERM into an exception, so that the command that runs is killed, too."""
    raise Stopped


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main(sys.argv[1:], os.environ))
