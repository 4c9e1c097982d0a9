"""One core for the consumer, another for the stand-in, so that "one core" is true."""

import os
from typing import Literal

Role = Literal["consumer", "stub"]


def pin(role: Role) -> None:
    """Keep this process, and whatever it starts from now on, on the core of its role, as far as there are two."""
    cores = sorted(os.sched_getaffinity(0) if role == "consumer" else range(os.cpu_count() or 1))
    os.sched_setaffinity(0, {cores[0] if role == "consumer" else cores[-1]})
