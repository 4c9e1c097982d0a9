"""Which fields that a model uses tell of a customer's age, though age itself is left out."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from training.columns import csv_name

AGE: Final = "age"
NOTABLE: Final = 0.1
"""An |r| with age from which a field is called a proxy: it then tells one per cent of the variance."""


class Proxy(NamedTuple):
    """How a used field goes with age."""

    field: str
    column: str
    correlation: float

    @property
    def notable(self) -> bool:
        """Whether it is more than a trace."""
        return abs(self.correlation) >= NOTABLE


class Proxies(NamedTuple):
    """
    What the used fields tell of age.

    Attributes:
        each: All used fields but age itself, the one that tells most first.
        explained: Share of the variance of age that they explain together, by a linear fit.
    """

    each: tuple[Proxy, ...]
    explained: float


def proxies(rows: pd.DataFrame, used: Sequence[str]) -> Proxies:
    """Correlate the used fields with age. A field or an age that never changes tells nothing: 0."""
    varying = [field for field in used if field != AGE and rows[field].nunique() > 1]
    if rows[AGE].nunique() < 2:
        varying = []
    correlation = dict.fromkeys((field for field in used if field != AGE), 0.0)
    correlation |= {field: float(rows[field].corr(rows[AGE])) for field in varying}
    each = [Proxy(field, csv_name(field), r) for field, r in correlation.items()]
    return Proxies(tuple(sorted(each, key=lambda one: (-abs(one.correlation), one.field))), _explained(rows, varying))


def _explained(rows: pd.DataFrame, fields: Sequence[str]) -> float:
    if not fields:
        return 0.0
    values = rows[[*fields]].to_numpy(dtype=np.float64)
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    ages = rows[AGE].to_numpy(dtype=np.float64) - float(rows[AGE].mean())
    # More threads would add up in another order, and so change the last bits.
    with threadpool_limits(1):
        remainder = ages - scaled @ np.linalg.lstsq(scaled, ages)[0]
        return float(1 - (remainder @ remainder) / (ages @ ages))
