"""What a manifest claims, held against figures that the gate has measured itself."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from propensity.features import Vector
from schemas.manifest import Manifest, Metric
from training.data import Labels
from training.evaluate import TEST_SHARE
from training.gate.line import Line
from training.metrics import CELLS, with_intervals

_REFIT: Final = "claims against the refit"
_HOLDOUT: Final = "claims against the hold-out"
STEADY: Final = (
    "accuracy",
    "recall",
    "precision",
    "f1",
    "brier",
    "conversion_top_5",
    "conversion_top_10",
    "conversion_top_20",
)
"""What is held against the hold-out. What ranks, and log loss, hang on a handful of customers in a tree."""

_NO_MATTER: Final = 0.01
"""A claim may be this far off whatever the interval: that of a figure without a fault has no width."""

_TWO_SIDED_95: Final = 1.96
_CALIBRATION_SLACK: Final = 0.01
"""A calibration error is never below zero, so drawing anew makes it larger: its interval is not about its value."""


class Measured(NamedTuple):
    """Figures with intervals, and how many customers they were measured on."""

    metrics: Mapping[str, Metric]
    rows: int


def measured(outcomes: Labels, scores: Vector, threshold: float) -> Measured:
    """Return all figures with intervals; cells of the confusion matrix become shares of the customers."""
    found = with_intervals(outcomes, np.atleast_2d(scores), "test", 0, threshold)
    return Measured({one.name: _share(one, len(outcomes)) for one in found}, len(outcomes))


def claims_against_refit(manifest: Manifest, again: Mapping[str, Measured]) -> list[Line]:
    """Hold every claim against the refit: it must lie within the interval that the gate has found itself."""
    lines = []
    for claim in shares(manifest):
        found = again[claim.rows].metrics.get(claim.name)
        if found is None:
            continue  # `all_known` tells of it
        slack = _CALIBRATION_SLACK if claim.name == "calibration_error" else 0.0
        low, high = min(found.low, found.value - slack), max(found.high, found.value + slack)
        lines.append(_claim(_REFIT, claim, found, low, high))
    return lines


def claims_against_holdout(manifest: Manifest, found: Measured, far: float) -> list[Line]:
    """
    Hold claims against the hold-out: too good there is as suspicious as too bad.

    Args:
        manifest: NEW's.
        found: NEW's figures on the hold-out.
        far: How many standard errors of the difference are too far; both sides have one.
    """
    lines = []
    for claim in shares(manifest):
        if claim.name not in STEADY:
            continue
        here = found.metrics[claim.name]
        error = max(here.value - here.low, here.high - here.value) / _TWO_SIDED_95
        chance = far * error * (1 + found.rows / customers_of(claim, manifest)) ** 0.5
        reach = max(chance, _NO_MATTER)
        lines.append(_claim(_HOLDOUT, claim, here, here.value - reach, here.value + reach))
    return lines


def customers_of(claim: Metric, manifest: Manifest) -> float:
    """Return how many customers a claim of this manifest was measured on."""
    return manifest.training.rows * (1 - TEST_SHARE if claim.rows == "cross_validation" else TEST_SHARE)


def shares(manifest: Manifest) -> list[Metric]:
    """Return the claims; cells of the confusion matrix as shares of the customers, so that fewer compare with more."""
    counted = {
        rows: sum(one.value for one in manifest.metrics if one.rows == rows and one.name in CELLS) or 1.0
        for rows in ("cross_validation", "test")
    }
    return [_share(one, counted[one.rows]) for one in manifest.metrics]


def all_known(manifest: Manifest, found: Measured) -> Line:
    """Judge whether just those figures are claimed that can be held against the claim: none is missing, none new."""
    claimed = {one.name for one in manifest.metrics if one.rows == "cross_validation"}
    missing = [name for name in found.metrics if name not in claimed]
    unknown = sorted({one.name for one in manifest.metrics}.difference(found.metrics))
    text = f"{len(claimed)} cross-validated figures are claimed"
    for names, what in ((missing, "not claimed"), (unknown, "unknown to the gate")):
        text += f"; {what}: {', '.join(names)}" if names else ""
    wrong = bool(missing or unknown)
    figures = {"missing": ", ".join(missing), "unknown": ", ".join(unknown)}
    return Line(_HOLDOUT, "the usual figures", not wrong, text + "; train with this version" * wrong, figures)


def _claim(group: str, claim: Metric, found: Metric, low: float, high: float) -> Line:
    figures = {"claimed": claim.value, "found": found.value, "low": low, "high": high}
    text = f"claimed {claim.value:.4f}, found {found.value:.4f}; {low:.4f} to {high:.4f} would do"
    return Line(group, _check(claim), low <= claim.value <= high, text, figures)


def _check(claim: Metric) -> str:
    return f"{claim.rows.replace('_', ' ')} {claim.name}"


def _share(metric: Metric, total: float) -> Metric:
    if metric.name not in CELLS:
        return metric
    return metric.model_copy(update={name: getattr(metric, name) / total for name in ("value", "low", "high")})
