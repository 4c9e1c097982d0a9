"""How good scores are: the seed's metrics and some more, with 95 % intervals."""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from scipy.stats import binomtest

from propensity.features import Vector
from schemas.manifest import Metric
from training.data import Labels
from training.ranking import Ranked, size_of_top

BOOTSTRAPS: Final = 500
TOP_SHARES: Final = (5, 10, 20)
"""Per cent of the customers, best scores first."""

CELLS: Final = ("true_negatives", "false_positives", "false_negatives", "true_positives")
"""Of the confusion matrix: how many customers of each kind."""

_EPSILON: Final = float(np.finfo(np.float64).eps)
"""A score of 0 or 1 counts for this much less, as in scikit-learn's log loss."""

Rows = Literal["cross_validation", "test"]


def measure(labels: Labels, scores: Vector, threshold: float = 0.5) -> dict[str, float]:
    """
    Return every metric by name.

    Args:
        labels: Shape (n,), 0 and 1, both there.
        scores: Shape (n,), probabilities.
        threshold: Who scores this much is said to take the loan: for accuracy, recall, precision, F1 and the counts.
    """
    ranked = Ranked.of(labels, scores)
    clipped = np.clip(scores, _EPSILON, 1 - _EPSILON)
    return {
        **_of_decisions(labels, scores >= threshold),
        "roc_auc": ranked.roc_auc(),
        "average_precision": ranked.average_precision(),
        "log_loss": float(-np.log(np.where(labels == 1, clipped, 1 - clipped)).mean()),
        "brier": float(np.square(scores - labels).mean()),
        "calibration_error": ranked.calibration_error(),
        **{f"conversion_top_{share}": ranked.conversion(share / 100) for share in TOP_SHARES},
    }


def with_intervals(labels: Labels, scores: Vector, rows: Rows, seed: int, threshold: float = 0.5) -> tuple[Metric, ...]:
    """
    Return every metric with its 95 % interval.

    What is a share of a count (accuracy, recall, precision, conversion, the cells of the confusion matrix) has Wilson's
    interval, which is honest at 0 and 1, too. All others (F1, ROC AUC, average precision, log loss, Brier, calibration
    error) have percentiles over customers drawn anew with replacement; these cannot leave a bound that every draw
    reaches.

    Args:
        labels: Shape (n,).
        scores: Shape (repeats, n): each repeat of the cross-validation scored every customer once. A metric is the
            mean over the repeats; for its interval, so are the counts, rounded, as more repeats make no more customers.
        rows: Which rows these are, for the record.
        seed: Of the draws.
        threshold: See `measure`.
    """
    value = _mean_over_repeats(labels, scores, threshold)
    limits = _percentiles(labels, scores, threshold, seed)
    called = round(float((scores >= threshold).sum(axis=1).mean()))
    for name, count in _counts(labels, called).items():
        limits[name] = _wilson(value[name], count)
    for name in CELLS:
        low, high = _wilson(value[name] / len(labels), len(labels))
        limits[name] = low * len(labels), high * len(labels)
    return tuple(
        Metric(name=name, value=value[name], low=limits[name][0], high=limits[name][1], rows=rows) for name in value
    )


def conversion_in_top(labels: Labels, scores: Vector, share: float) -> float:
    """Return how many of the best `share` of the customers took the loan. Of equal scores, each counts for its part."""
    return Ranked.of(labels, scores).conversion(share)


def calibration_error(labels: Labels, scores: Vector) -> float:
    """
    Return the expected calibration error: how far score and outcome are apart, on the mean over ten equal-count bins.

    As in Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015,
    with bins of equal counts (Nixon et al., "Measuring Calibration in Deep Learning", CVPR Workshops 2019).
    """
    return Ranked.of(labels, scores).calibration_error()


def gains(labels: Labels, scores: Vector) -> tuple[Vector, Vector]:
    """Return shares of customers contacted, best first, and of all takers found among them: (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind="stable")
    # Customers of one score come together, so that the order of the rows gives no advantage.
    last_of_score = np.append(np.diff(scores[order]) != 0, True)
    contacted = (np.flatnonzero(last_of_score) + 1) / len(labels)
    found = np.cumsum(labels[order])[last_of_score] / labels.sum()
    return np.insert(contacted, 0, 0.0), np.insert(found, 0, 0.0)


def _percentiles(labels: Labels, scores: Vector, threshold: float, seed: int) -> dict[str, tuple[float, float]]:
    draws = np.random.default_rng(seed)
    resampled: list[Mapping[str, float]] = []
    while len(resampled) < BOOTSTRAPS:
        drawn = draws.integers(0, len(labels), len(labels))
        if 0 < labels[drawn].sum() < len(labels):  # without one of the classes there is nothing to rank
            resampled.append(_mean_over_repeats(labels[drawn], scores[:, drawn], threshold))
    both = {name: np.percentile([one[name] for one in resampled], (2.5, 97.5)).tolist() for name in resampled[0]}
    return {name: (low, high) for name, (low, high) in both.items()}


def _counts(labels: Labels, called: int) -> dict[str, int]:
    """Return of how many customers each metric is a share."""
    tops = {f"conversion_top_{share}": size_of_top(labels, share / 100) for share in TOP_SHARES}
    return {"accuracy": len(labels), "recall": int(labels.sum()), "precision": called, **tops}


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; of no customers nothing is known."""
    if count == 0:
        return 0.0, 1.0
    interval = binomtest(round(share * count), count).proportion_ci(0.95, method="wilson")
    # Of equal scores each counts for its part, so a share need not be one of whole customers.
    return min(share, float(interval.low)), max(share, float(interval.high))


def _mean_over_repeats(labels: Labels, scores: Vector, threshold: float) -> Mapping[str, float]:
    each = [measure(labels, one, threshold) for one in scores]
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def _of_decisions(labels: Labels, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> dict[str, float]:
    taken = labels == 1
    true_positives, false_positives = int((taken & chosen).sum()), int((~taken & chosen).sum())
    false_negatives, true_negatives = int((taken & ~chosen).sum()), int((~taken & ~chosen).sum())
    return {
        "accuracy": (true_positives + true_negatives) / len(labels),
        "recall": true_positives / max(1, true_positives + false_negatives),
        "precision": true_positives / max(1, true_positives + false_positives),
        "f1": 2 * true_positives / max(1, 2 * true_positives + false_positives + false_negatives),
        "true_negatives": true_negatives,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "true_positives": true_positives,
    }
