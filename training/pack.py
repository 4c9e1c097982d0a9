"""What a manifest says besides figures: ranges, golden rows, drift baseline, keyed IDs."""

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from propensity.features import Matrix, Vector
from propensity.scoring import Classifier, score
from schemas.manifest import Baseline, Feature, GoldenRow
from training.columns import bounds

GOLDEN_ROWS: Final = 64
SCORE_EDGES: Final = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

_MANY_VALUES: Final = 10
_TREES: Final = ("sklearn.tree", "sklearn.ensemble._forest")


def ranges(features: Matrix, names: Sequence[str]) -> tuple[Feature, ...]:
    """Return each column with its range."""
    return tuple(
        Feature(name=name, minimum=float(column.min()), maximum=float(column.max()))
        for name, column in zip(names, features.T, strict=True)
    )


def golden_rows(model: Classifier, features: Matrix, names: Sequence[str], seed: int) -> tuple[GoldenRow, ...]:
    """
    Draw rows within the ranges of the training data and score them. None of them is a customer's.

    Args:
        model: As it is packed.
        features: Shape (n, k): the training rows, for their ranges.
        names: The k customer fields.
        seed: Of the draws.
    """
    draws = np.random.default_rng(seed)
    columns = [
        draws.integers(int(column.min()), int(column.max()) + 1, GOLDEN_ROWS).astype(np.float64)
        if bounds(name).whole
        else draws.uniform(column.min(), column.max(), GOLDEN_ROWS)
        for name, column in zip(names, features.T, strict=True)
    ]
    rows = np.column_stack(columns)
    customers = set(map(tuple, features.tolist()))
    is_customer = np.array([tuple(row) in customers for row in rows.tolist()])
    rows[is_customer] += 0.5  # between the whole numbers there are no customers
    scores = score(model, rows)
    return tuple(
        GoldenRow(row=tuple(row), score=value) for row, value in zip(rows.tolist(), scores.tolist(), strict=True)
    )


def tolerance(model: Any) -> float:  # noqa: ANN401  any fitted estimator
    """Return how far a score may be off elsewhere: nothing for trees, the last bits where products are summed."""
    final = model.steps[-1][1] if hasattr(model, "steps") else model
    return 0.0 if type(final).__module__.startswith(_TREES) else 1e-12


def baseline(features: Matrix, names: Sequence[str], scores: Vector) -> tuple[Baseline, ...]:
    """Return how each feature was distributed, and how the scores of rows that the model had not seen were."""
    columns = [_shares(name, column, _edges(column)) for name, column in zip(names, features.T, strict=True)]
    return (*columns, _shares("score", scores, np.array(SCORE_EDGES)))


def keyed_ids(ids: Sequence[str], key: bytes) -> tuple[str, ...]:
    """Return the keyed hash of each ID, sorted: who has the key can tell an overlap, nobody else can tell an ID."""
    return tuple(sorted(hmac.new(key, one.encode(), hashlib.sha256).hexdigest()[:16] for one in ids))


def id_key(private_key: Path) -> bytes:
    """Derive the key of the ID hashes from a signing key's file, for those who name no other."""
    return hmac.new(private_key.read_bytes(), b"leadline: IDs of training rows", hashlib.sha256).digest()


def _edges(column: Vector) -> Vector:
    """Cut between all values where there are few, at the tenths where there are many."""
    values: Vector = np.unique(column)
    if len(values) <= _MANY_VALUES:
        return values[1:]
    tenths: Vector = np.unique(np.quantile(column, np.arange(1, 10) / 10))
    inner: Vector = tenths[tenths > values[0]]
    return inner


def _shares(name: str, column: Vector, edges: Vector) -> Baseline:
    counts = np.bincount(np.searchsorted(edges, column, side="right"), minlength=len(edges) + 1)
    return Baseline(name=name, edges=tuple(edges.tolist()), shares=tuple((counts / len(column)).tolist()))
