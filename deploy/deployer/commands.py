"""External commands: every one goes through here, has a deadline, and fails with a reason that can be read."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from deployer.errors import DeployError
from deployer.limits import COMMAND_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TAIL_LINES = 12


@dataclass(frozen=True)
class Completed:
    """What a command left: its exit code and both its outputs."""

    code: int
    out: str
    err: str = ""


class TimedOut(DeployError):
    """A command gave no answer in its time and was killed, or a wait came to its end."""


class Execute(Protocol):
    """What runs a command; `execute` below is the one that a deployer has."""

    def __call__(
        self, argv: Sequence[str], stdin: str | None, timeout_s: float, environment: dict[str, str]
    ) -> Completed:
        """Run it; see `execute`."""
        ...


@dataclass(frozen=True)
class Clock:
    """Time at the edge, so that waiting can be tested without waiting."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


def execute(argv: Sequence[str], stdin: str | None, timeout_s: float, environment: dict[str, str]) -> Completed:
    """
    Run one command to its end.

    Args:
        argv: The command and its arguments.
        stdin: What it reads; nothing at all if absent.
        timeout_s: Seconds after which it and all that it has started are killed.
        environment: All environment variables that it sees.

    Returns:
        Its exit code and outputs.

    Raises:
        TimedOut: It was killed.
        DeployError: It is not installed, or may not be run.
    """
    # A session of its own: kubectl starts `aws` for its token, which would outlive a killed kubectl and hold our pipe.
    try:
        process = subprocess.Popen(  # noqa: S603 (no shell, and the arguments are our own)
            list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, start_new_session=True, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise DeployError(f"{argv[0]} cannot be started: {error.strerror}; install it on the deployer's PATH") from None
    try:
        out, err = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        kill(process)
        raise TimedOut(f"`{shown(argv)}` gave no answer within {timeout_s:.0f} s and was killed") from None
    except BaseException:
        kill(process)
        raise
    return Completed(process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """
    End a command and all that it has started.

    Args:
        process: Leader of a process group of its own.
    """
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@dataclass(frozen=True)
class Commands:
    """Runs commands until a deadline: none may outlast the time that its step has left."""

    environment: dict[str, str]
    clock: Clock = field(default_factory=Clock)
    execute: Execute = execute
    deadline: float = float("inf")
    command_s: float = COMMAND_S

    def within(self, seconds: float) -> Commands:
        """
        Return the same with a new deadline.

        Args:
            seconds: From now.

        Returns:
            Commands that end by then.
        """
        return replace(self, deadline=self.clock.now() + seconds)

    def run(self, *argv: str, stdin: str | None = None, fine: tuple[int, ...] = (0,)) -> Completed:
        """
        Run one command.

        Args:
            argv: The command and its arguments.
            stdin: What it reads.
            fine: Exit codes that are no failure.

        Returns:
            What it left.

        Raises:
            TimedOut: It was killed, or the step has no time left for it.
            DeployError: It failed; the message ends with the last lines that it wrote.
        """
        left = self.deadline - self.clock.now()
        if left <= 0:
            raise TimedOut(f"the step's time is over before `{shown(argv)}`")
        done = self.execute(argv, stdin, min(self.command_s, left), self.environment)
        if done.code not in fine:
            raise DeployError(f"`{shown(argv)}` failed with exit code {done.code}: {tail(done.err or done.out)}")
        return done


def shown(argv: Sequence[str]) -> str:
    """
    Return a command as a person would type it, without the flags that every call bears.

    Args:
        argv: The command and its arguments.

    Returns:
        One line.
    """
    return " ".join(word for word in argv if not word.startswith(("--namespace=", "--request-timeout=")))


def tail(text: str) -> str:
    """
    Return the last lines of a command's output as one line.

    Args:
        text: All of it.

    Returns:
        At most `TAIL_LINES` lines, joined by " / ".
    """
    return " / ".join(text.strip().splitlines()[-TAIL_LINES:]) or "it wrote nothing"
