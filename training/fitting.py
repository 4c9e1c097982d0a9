"""Fit one candidate on some rows: columns, search, scaling, resampling and calibration see these rows and no others."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from imblearn.pipeline import Pipeline as SamplingPipeline
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from propensity.features import OPTIONAL, Matrix, Vector
from propensity.scoring import score
from training.candidates import Candidate, Grid
from training.data import Labels
from training.engineering import engineering_steps
from training.resampling import sampler
from training.snapping import snap_cuts

EARNING_IMPORTANCE: Final = 0.005
"""A column earns its place with half a per cent of what a small tree gains by splitting."""

_INNER_FOLDS: Final = 3


class Offered(NamedTuple):
    """Rows to learn from: matrix (n, k), outcomes (n,) of 0 and 1, and the k customer fields."""

    features: Matrix
    labels: Labels
    names: tuple[str, ...]

    def rows(self, indices: NDArray[np.intp]) -> "Offered":
        """Return some of the rows."""
        return Offered(self.features[indices], self.labels[indices], self.names)

    def columns(self, names: Sequence[str]) -> "Offered":
        """Return some of the columns."""
        return Offered(self.features[:, [self.names.index(name) for name in names]], self.labels, tuple(names))


class Fitted(NamedTuple):
    """A candidate after fitting, and which of the columns that it was offered it uses."""

    estimator: Any
    names: tuple[str, ...]

    def score(self, data: Offered) -> Vector:
        """Return the probability for each row, shape (n,). The outcomes are not looked at."""
        return score(self.estimator, data.columns(self.names).features)


def fit(candidate: Candidate, data: Offered, seed: int, *, thorough: bool = False) -> Fitted:
    """
    Fit a candidate.

    Args:
        candidate: What to fit.
        data: All that it may learn from.
        seed: For whatever is drawn: the same seed gives the same model, on any number of cores.
        thorough: Whether to search more widely for its settings.
    """
    grid = (thorough and candidate.thorough_grid) or candidate.grid
    used = data.columns(earning_columns(data, seed) if candidate.narrow else data.names)
    # More threads would add up in another order, and so change the last bits.
    with threadpool_limits(1):
        estimator: Any = _unfitted(candidate, used.names, seed)
        if grid:
            estimator = _searched(estimator, grid, used, seed)
        if candidate.calibrated:
            inner = StratifiedKFold(_INNER_FOLDS, shuffle=True, random_state=seed)
            estimator = CalibratedClassifierCV(estimator, cv=inner, ensemble=False)
        estimator.fit(used.features, used.labels)
        snap_cuts(estimator, used.features)
    return Fitted(estimator, used.names)


def earning_columns(data: Offered, seed: int) -> tuple[str, ...]:
    """
    Return the usual columns without which a small tree would be worse, and the optional ones that are offered.

    A forest draws its columns at random, so useless ones cost it: without them its average precision rises by .003
    to .006 and its log loss falls by a tenth. Optional columns are offered only to measure what they are worth
    (`training.sensitive`), or because they proved to be worth it.
    """
    usual = data.columns([name for name in data.names if name not in OPTIONAL])
    tree = DecisionTreeClassifier(criterion="entropy", max_depth=4, random_state=seed).fit(usual.features, usual.labels)
    useless = {
        name
        for name, importance in zip(usual.names, tree.feature_importances_, strict=True)
        if importance < EARNING_IMPORTANCE
    }
    return tuple(name for name in data.names if name not in useless) or data.names


def _unfitted(candidate: Candidate, names: Sequence[str], seed: int) -> SamplingPipeline:
    steps: list[tuple[str, Any]] = []
    if candidate.engineered:
        steps += engineering_steps(names)
    if candidate.scaled:
        steps.append(("scaler", StandardScaler()))
    if candidate.resampling is not None:
        steps.append(("sampler", sampler(candidate.resampling, names, seed)))
    return SamplingPipeline([*steps, ("model", candidate.model(seed))])


def _searched(pipeline: SamplingPipeline, grid: Grid, data: Offered, seed: int) -> SamplingPipeline:
    """Return the unfitted pipeline with the settings that rank best in an inner cross-validation."""
    settings = {f"model__{setting}": list(values) for setting, values in grid.items()}
    inner = StratifiedKFold(_INNER_FOLDS, shuffle=True, random_state=seed)
    search = GridSearchCV(pipeline, settings, scoring="average_precision", cv=inner, refit=False)
    search.fit(data.features, data.labels)
    return pipeline.set_params(**search.best_params_)
