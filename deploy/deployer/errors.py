"""What the deployer raises on purpose; each with the exit code of its kind."""

from __future__ import annotations

import traceback


class DeployError(Exception):
    """Base of every error that a step raises on purpose: something was tried and failed."""

    exit_code = 1


class Refused(DeployError):
    """The release itself is not what it must be: altered, unsigned, of another schema."""

    exit_code = 3


class Misconfigured(DeployError):
    """The deployer's own settings are wrong or missing."""

    exit_code = 78


def told(error: Exception) -> DeployError:
    """
    Make every error one that can be told in a message.

    Args:
        error: Any.

    Returns:
        The same, or for one that nobody foresaw (an answer that is no JSON, a full disk) one with its trace.
    """
    if isinstance(error, DeployError):
        return error
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return DeployError(f"nobody foresaw this error:\n{trace.rstrip()}")


class Stopped(BaseException):
    """
    CodeDeploy's SIGTERM has arrived: the hook ran into its timeout.

    No `DeployError`, because nothing must be put back now: CodeDeploy starts its rollback at once, and two deployers at
    work in one namespace would undo each other's changes.
    """
