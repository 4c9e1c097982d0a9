"""
Compiled models against scikit-learn's own, for every kind that can be packed, on the real set and on random rows.

    python -m tests.parity [ROWS]

prints a table: the largest difference on the 5,000 customers and on ROWS (200,000) random ones, and the decisions that
flip at one half. It ends with 1 if a kind made of trees differs at all, another by more than 1e-12, or any flips.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from propensity.compiled import CompiledModel, compile_model
from propensity.features import FEATURES, Matrix, Vector
from tests.good_models import KINDS
from training import classifiers, data
from training.snapping import snap_cuts
from training.strip import fitted_steps

TREES: Final = (
    "tree",
    "forest",
    "extra tree",
    "boosting",
    "vote",
    "scaled forest",
    "calibrated",
    "engineered columns, boosting",
    "resampled",
)
"""How the names of those begin that are made of trees alone: they must be equal to the bit."""

OTHERS_TOLERANCE: Final = 1e-12
ROWS: Final = 200_000
_PIECE: Final = 10_000


class Found(NamedTuple):
    """The largest difference of the probabilities, and how many decisions flip at one half."""

    difference: float
    flips: int


def kinds() -> Mapping[str, Callable[[], Any]]:
    """Return unfitted estimators: every kind that can be packed, and what `leadline train` compares at full size."""
    return {
        **KINDS,
        "tree, as trained": lambda: classifiers.decision_tree(0),
        "forest, as trained": lambda: classifiers.random_forest(0),
        "forest of extra trees, as trained": lambda: classifiers.extra_trees(0),
        "boosting, as trained": lambda: classifiers.gradient_boosting(0),
        "boosting of bins, as trained": lambda: classifiers.hist_gradient_boosting(0),
        "vote, as trained": lambda: classifiers.vote(0),
    }


def allowed(kind: str) -> float:
    """Return how far a kind may be off."""
    return 0.0 if kind.startswith(TREES) or "boosting" in kind or kind == "extra trees" else OTHERS_TOLERANCE


def real_set() -> tuple[Matrix, Any]:
    """Return the 5,000 customers' matrix, and outcomes: those that are not known count as no."""
    table = data.load()
    return data.matrix(table, FEATURES), table["loan_on_card"].fillna(0).astype(int).to_numpy()


def fitted(kind: str, features: Matrix, outcomes: Any) -> Any:  # noqa: ANN401  any estimator
    """Fit a kind as training does, and strip it."""
    with threadpool_limits(1):
        estimator = kinds()[kind]().fit(features, outcomes)
        snap_cuts(estimator, features)
    return fitted_steps(estimator)


def random_rows(estimator: Any, features: Matrix, count: int, seed: int = 0) -> Matrix:  # noqa: ANN401
    """
    Draw rows: within the bounds and beyond, whole and broken numbers, and for half of the cells exactly at a cut.

    At a cut: the very number, its neighbours in float64, and its neighbours in float32 with the numbers halfway.
    """
    draws = np.random.default_rng(seed)
    low, high = features.min(axis=0), features.max(axis=0)
    room = (high - low) / 4
    rows = draws.uniform(low - room, high + room, (count, len(low)))
    rows = np.where(draws.random(rows.shape) < 0.5, rows.round(), rows)
    for column, cuts in enumerate(_cuts(estimator, len(low))):
        if len(cuts):
            near = _near(draws.choice(cuts, count), draws)
            rows[:, column] = np.where(draws.random(count) < 0.5, near, rows[:, column])
    return rows


def compared(estimator: Any, model: CompiledModel, rows: Matrix) -> Found:  # noqa: ANN401
    """Compare the probabilities of class 1."""
    difference, flips = 0.0, 0
    for begin in range(0, len(rows), _PIECE):
        piece = rows[begin : begin + _PIECE]
        with threadpool_limits(1):
            expected = estimator.predict_proba(piece)[:, 1]
        found = model.predict_proba(piece)[:, 1]
        difference = max(difference, float(np.abs(found - expected).max()))
        flips += int(((found >= 0.5) != (expected >= 0.5)).sum())
    return Found(difference, flips)


def main() -> int:
    """Print the table; 1 if anything is not as it must be."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    features, outcomes = real_set()
    wrong = 0
    print(f"{'kind':36} {'allowed':>8} {'5,000 customers':>16} {f'{count:,} random rows':>20} {'flips':>6}")
    for kind in kinds():
        estimator = fitted(kind, features, outcomes)
        model = compile_model(estimator)
        real, drawn = (compared(estimator, model, rows) for rows in (features, random_rows(estimator, features, count)))
        flips = real.flips + drawn.flips
        wrong += flips > 0 or max(real.difference, drawn.difference) > allowed(kind)
        print(f"{kind:36} {allowed(kind):8.0e} {real.difference:16.2e} {drawn.difference:20.2e} {flips:6}", flush=True)
    print(f"{len(kinds())} kinds, {wrong} of them not as they must be")
    return int(wrong > 0)


def _cuts(estimator: Any, width: int) -> list[Vector]:  # noqa: ANN401
    """Return the cuts of each column, of all trees inside; those behind scalers are numbers like any other."""
    found: list[list[float]] = [[] for _ in range(width)]
    for columns, cuts in _nodes(estimator):
        for column, cut in zip(columns.tolist(), cuts.tolist(), strict=True):
            if 0 <= column < width and np.isfinite(cut):
                found[column].append(cut)
    return [np.unique(one) for one in found]


def _nodes(estimator: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    if hasattr(estimator, "tree_"):
        inner = estimator.tree_.children_left >= 0
        yield estimator.tree_.feature[inner], estimator.tree_.threshold[inner]
    for (one,) in getattr(estimator, "_predictors", ()):
        inner = one.nodes["is_leaf"] == 0
        yield one.nodes["feature_idx"][inner], one.nodes["num_threshold"][inner]
    members = getattr(estimator, "estimators_", ())
    parts = [*(members.ravel() if isinstance(members, np.ndarray) else members)]
    parts += getattr(estimator, "calibrated_classifiers_", ())
    parts += [one for _, one in getattr(estimator, "steps", ())]
    parts += [one for one in (getattr(estimator, "estimator", None),) if one is not None and not isinstance(one, str)]
    for part in parts:
        yield from _nodes(part)


def _near(cuts: Vector, draws: np.random.Generator) -> Vector:
    single = cuts.astype(np.float32)
    up, down = np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf))
    forms: list[Vector] = [
        cuts,
        np.nextafter(cuts, np.inf),
        np.nextafter(cuts, -np.inf),
        single.astype(np.float64),
        up.astype(np.float64),
        down.astype(np.float64),
        (single.astype(np.float64) + up) / 2,
        (single.astype(np.float64) + down) / 2,
    ]
    return np.choose(draws.integers(0, len(forms), len(cuts)), forms)


if __name__ == "__main__":
    sys.exit(main())
