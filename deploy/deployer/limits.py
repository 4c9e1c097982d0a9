"""How long everything may take, in seconds. The timeouts in appspec.yml follow from these, and a test adds them up."""

from __future__ import annotations

# One command, kubectl's or another's; longer than what kubectl itself waits for the API server.
COMMAND_S = 60
REQUEST_S = 30

# Between two looks at a Job, a Deployment or a ScaledObject.
POLL_S = 3

# What a step may spend on its own work.
WORK_S = {"verify": 120, "rehearse": 900, "apply": 900, "validate": 780}
# What putting the last good release back may take afterwards, in the steps that touch what serves.
RESTORE_S = 900
# Starting Python, and the last command that is being killed.
MARGIN_S = 60

# A one-off Job may have to wait for a node and for its image; what is left of the step is for its log and its removal.
JOB_S = 480
# KEDA reads the queue's length before it says Ready.
READY_S = 180

# Steps that may leave the cluster changed, and therefore put it back.
TOUCHING = ("apply", "validate")


def longest(step: str) -> int:
    """
    Return the seconds that a step takes at the very most; appspec.yml must give it that much.

    Args:
        step: `verify`, `rehearse`, `apply` or `validate`.

    Returns:
        Seconds: its work, what puts the last good release back, and the margin.
    """
    return WORK_S[step] + (RESTORE_S if step in TOUCHING else 0) + MARGIN_S
