"""A bank's day: customers by daylight, and a batch at night."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

DAY_S: Final = 86_400
OPENS_S, CLOSES_S = 5 * 3600, 23 * 3600
BURST_AT_S: Final = 2 * 3600

Counts = npt.NDArray[np.int64]


def bank_day(seed: int, by_day: int = 5_000_000, burst: int = 5_000_000, burst_s: int = 900) -> Counts:
    """
    Return the events that arrive in each second of a day, from midnight on.

    By day the rate follows half a sine from 05:00 to 23:00, with a peak at 14:00 of pi/2 times its mean, and nothing at
    night, so that the workers are at 0 when the batch comes. The batch is a core-banking run that is written to the
    queue as fast as it is read: evenly, from 02:00 on. Each event has a second of its own by chance.

    Args:
        seed: The same gives the same day.
        by_day: Events between 05:00 and 23:00.
        burst: Events of the batch.
        burst_s: How long the batch takes.
    """
    chance = np.random.default_rng(seed)
    second = np.arange(DAY_S)
    daylight = np.sin(math.pi * np.clip((second - OPENS_S) / (CLOSES_S - OPENS_S), 0, 1))
    shape = np.clip(daylight, 0, None)
    in_burst = ((second >= BURST_AT_S) & (second < BURST_AT_S + burst_s)).astype(float)
    day: Counts = chance.multinomial(by_day, shape / shape.sum())
    return day + chance.multinomial(burst, in_burst / in_burst.sum())
