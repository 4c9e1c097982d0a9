"""One line of the gate's table, and the limits that lines are judged by."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from training.errors import TrainingError

Figure = float | str | bool | Sequence[float] | Mapping[str, float] | None

LIMITS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "accuracy": 0.01,
        "roc_auc": 0.01,
        "average_precision": 0.03,
        "log_loss": 0.02,
        "brier": 0.005,
        "calibration_error": 0.015,
        "conversion_top_5": 0.05,
        "conversion_top_10": 0.05,
        "conversion_top_20": 0.025,
        "largest_calibration_error": 0.03,
        "least_takers": 50.0,
        "standard_errors": 3.0,
        "lead_ratio": 2.0,
        "selection_ratio": 0.05,
        "pickle_mb": 64.0,
        "one_score_ms": 250.0,
        "thousand_scores_ms": 2000.0,
    }
)
"""By name, as `--limit` takes it. The first nine say by how much NEW may be worse than OLD on the hold-out."""


class UnknownLimit(TrainingError):
    """No limit has that name, or no limit can have that value."""


class Line(NamedTuple):
    """
    One thing that was looked at.

    Attributes:
        group: What it belongs to.
        check: Its name, the only one in the group.
        passed: Whether it holds; None: shown, and not judged.
        text: The figures in words, and where it fails the way out.
        figures: The same for programs.
    """

    group: str
    check: str
    passed: bool | None
    text: str
    figures: Mapping[str, Figure]


def limits_with(changes: Mapping[str, float]) -> Mapping[str, float]:
    """
    Return the limits, some of them changed.

    Raises:
        UnknownLimit: With the names that there are.
    """
    for name, value in changes.items():
        if name not in LIMITS:
            raise UnknownLimit(f"{name}: no such limit; there are {', '.join(LIMITS)}")
        if not 0 <= value < float("inf"):
            raise UnknownLimit(f"{name}={value:g}: a limit is a number from 0 on")
    return {**LIMITS, **changes}
