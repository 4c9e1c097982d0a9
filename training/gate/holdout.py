"""Two bundles on one labelled table."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from propensity.bundle import Bundle, BundleError
from propensity.features import Vector
from propensity.scoring import score
from training import data
from training.evaluate import Progress, silent
from training.gate.compare import Difference, Leads, Shift, leads, paired_differences, shift


class OnHoldout(NamedTuple):
    """What a comparison on the same customers found; every difference is first minus second."""

    customers: int
    takers: int
    differences: tuple[Difference, ...]
    shift: Shift
    leads: Leads

    def as_dict(self) -> dict[str, Any]:
        """Return all for programs."""
        differences = [{**one._asdict(), "difference": one.difference} for one in self.differences]
        return {
            **self._asdict(),
            "differences": differences,
            "shift": self.shift._asdict(),
            "leads": self.leads._asdict(),
        }


def on_holdout(first: Bundle, second: Bundle, files: tuple[Path, Path], progress: Progress = silent) -> OnHoldout:
    """
    Compare two bundles.

    Args:
        first: Takes NEW's part.
        second: Takes OLD's part.
        files: Data1 and Data2, with outcomes.
        progress: Called as the work goes on.

    Raises:
        DataError: The data cannot be used.
        BundleError: A score is no number.
    """
    rows = data.labelled(data.load(*files))
    outcomes = data.labels(rows)
    new, old = scores_of(first, rows), scores_of(second, rows)
    chosen = new >= first.manifest.threshold, old >= second.manifest.threshold
    return OnHoldout(
        customers=len(rows),
        takers=int(outcomes.sum()),
        differences=paired_differences(outcomes, new, old, 0, progress),
        shift=shift(new, old),
        leads=leads(outcomes, *chosen),
    )


def scores_of(bundle: Bundle, rows: pd.DataFrame) -> Vector:
    """
    Score a table.

    Raises:
        BundleError: A score is no number.
    """
    scores = score(bundle.model, data.matrix(rows, bundle.feature_names))
    if not np.isfinite(scores).all():
        raise BundleError(f"{bundle.manifest.name} {bundle.manifest.version} gives customers a score that is no number")
    return scores
