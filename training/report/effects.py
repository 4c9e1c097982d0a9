"""What each feature does to the score: partial dependence, two features together, and what shuffling one costs."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

from propensity.features import Matrix, Vector
from propensity.scoring import Classifier, score
from training.candidates import Candidate
from training.fitting import Offered, fit

SAMPLE: Final = 300
"""Rows that an effect is averaged over: enough for a smooth line, and seconds even for a slow model."""

_GRID: Final = 24
_PAIR_GRID: Final = 14
_SHUFFLES: Final = 5


class Effect(NamedTuple):
    """
    The mean score of the sampled customers, had they all one value of a feature.

    Attributes:
        name: The customer field.
        values: Shape (g,), rising.
        scores: Shape (g,).
        strength: Standard deviation of the mean score over the customers' own values.
    """

    name: str
    values: Vector
    scores: Vector
    strength: float


class Pair(NamedTuple):
    """The same for two features: values of both, and scores of shape (first, second)."""

    names: tuple[str, str]
    values: tuple[Vector, Vector]
    scores: Matrix


class Importance(NamedTuple):
    """What shuffling a feature costs in average precision: mean and standard deviation over the shuffles."""

    name: str
    mean: float
    deviation: float


def sampled(features: Matrix, seed: int, size: int = SAMPLE) -> Matrix:
    """Return some of the rows, drawn by lot."""
    return features[np.random.default_rng(seed).permutation(len(features))[:size]]


def effects(model: Classifier, features: Matrix, names: Sequence[str]) -> list[Effect]:
    """
    Return each feature's effect, the strongest first.

    Args:
        model: What scores.
        features: Shape (n, k): the rows to average over.
        names: The k customer fields.
    """
    found = [_effect(model, features, column, name) for column, name in enumerate(names)]
    return sorted(found, key=lambda one: -one.strength)


def together(model: Classifier, features: Matrix, names: Sequence[str], pair: tuple[str, str]) -> Pair:
    """Return the effect of two features together, averaged over the rows."""
    columns = [names.index(name) for name in pair]
    first, second = (_grid(features[:, column], _PAIR_GRID) for column in columns)
    points = np.array([(one, other) for one in first for other in second])
    return Pair(pair, (first, second), _means(model, features, columns, points).reshape(len(first), len(second)))


def importances(candidate: Candidate, data: Offered, seed: int) -> list[Importance]:
    """
    Return what shuffling each column costs on a third of the rows, by the candidate fitted on the other two thirds.

    The packed model has seen every row, so it cannot tell; this one fit can, and costs seconds instead of minutes.
    """
    train, held_out = train_test_split(
        np.arange(len(data.labels)), test_size=1 / 3, stratify=data.labels, random_state=seed
    )
    fitted = fit(candidate._replace(narrow=False), data.rows(train), seed)
    seen = data.rows(held_out)
    whole = average_precision_score(seen.labels, fitted.score(seen))
    draws = np.random.default_rng(seed)
    found = []
    for column, name in enumerate(data.names):
        shuffled = [seen._replace(features=_shuffled(seen.features, column, draws)) for _ in range(_SHUFFLES)]
        losses = whole - np.array([average_precision_score(one.labels, fitted.score(one)) for one in shuffled])
        found.append(Importance(name, float(losses.mean()), float(losses.std(ddof=1))))
    return sorted(found, key=lambda one: -one.mean)


def _effect(model: Classifier, features: Matrix, column: int, name: str) -> Effect:
    values = _grid(features[:, column], _GRID)
    scores = _means(model, features, [column], values[:, np.newaxis])
    strength = float(np.interp(features[:, column], values, scores).std())
    return Effect(name, values, scores, strength)


def _grid(column: Vector, size: int) -> Vector:
    """Return all values where there are few, else evenly spaced ones that leave out the outermost hundredths."""
    values: Vector = np.unique(column)
    if len(values) <= size // 2:
        return values
    low, high = np.quantile(column, (0.01, 0.99))
    return np.linspace(low, high, size)


def _means(model: Classifier, features: Matrix, columns: Sequence[int], points: Matrix) -> Vector:
    """Return the mean score for each point, shape (p,), with these columns set to it. All are scored in one call."""
    rows = np.tile(features, (len(points), 1))
    rows[:, list(columns)] = np.repeat(points, len(features), axis=0)
    means: Vector = score(model, rows).reshape(len(points), len(features)).mean(axis=1)
    return means


def _shuffled(features: Matrix, column: int, draws: np.random.Generator) -> Matrix:
    changed = features.copy()
    changed[:, column] = draws.permutation(changed[:, column])
    return changed
