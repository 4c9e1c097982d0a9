"""Fitted transformers into steps."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from propensity.compiled.errors import CannotCompile
from propensity.compiled.parts import Step
from propensity.compiled.reshaping import Apart, Centre, Chain, Levels, Products, Stretch
from propensity.compiled.splines import Splines


def step(transformer: Any) -> Step:  # noqa: ANN401  any fitted transformer
    """
    Return what a transformer does to the matrix.

    Raises:
        CannotCompile: It has no form as plain arrays.
    """
    if transformer == "passthrough":
        return Chain(())
    name = type(transformer).__name__
    if name not in _STEPS:
        raise CannotCompile(f"{name} has no form as plain arrays")
    return _STEPS[name](transformer)


def _centre(scaler: Any) -> Step:  # noqa: ANN401
    width = scaler.n_features_in_
    centre = scaler.mean_ if scaler.with_mean else np.zeros(width)
    return Centre(np.array(centre, np.float64), np.array(scaler.scale_ if scaler.with_std else np.ones(width)))


def _stretch(scaler: Any) -> Step:  # noqa: ANN401
    limits = scaler.feature_range if scaler.clip else ()
    return Stretch(np.array(scaler.scale_), np.array(scaler.min_), np.array(limits, np.float64))


def _levels(encoder: Any) -> Step:  # noqa: ANN401
    if encoder.handle_unknown != "ignore":
        raise CannotCompile(f"OneHotEncoder with handle_unknown={encoder.handle_unknown!r}: only 'ignore' can be")
    if encoder.min_frequency is not None or encoder.max_categories is not None:
        raise CannotCompile("OneHotEncoder that puts rare levels together has no form as plain arrays")
    dropped = [None] * len(encoder.categories_) if encoder.drop_idx_ is None else list(encoder.drop_idx_)
    pairs = [
        (column, float(level))
        for column, (levels, drop) in enumerate(zip(encoder.categories_, dropped, strict=True))
        for place, level in enumerate(levels)
        if place != drop
    ]
    return Levels(np.array([one for one, _ in pairs], np.int64), np.array([level for _, level in pairs], np.float64))


def _products(polynomial: Any) -> Step:  # noqa: ANN401
    powers = polynomial.powers_
    degree = max(1, int(powers.sum(axis=1).max()))
    factors = np.full((degree, len(powers)), powers.shape[1], np.int64)
    for made, row in enumerate(powers):
        used = np.repeat(np.arange(len(row)), row)
        factors[: len(used), made] = used
    return Products(factors)


def _splines(transformer: Any) -> Step:  # noqa: ANN401
    outside, degree = transformer.extrapolation, transformer.degree
    if outside not in {"constant", "linear", "continue"} or degree == 0:
        raise CannotCompile(
            f"SplineTransformer with degree={degree}, extrapolation={outside!r} has no form as plain arrays"
        )
    curves = transformer.bsplines_
    count = curves[0].c.shape[1]
    edges = [] if outside == "continue" else [_edges(curve, degree, linear=outside == "linear") for curve in curves]
    kept = [one for one in range(count * len(curves)) if transformer.include_bias or (one + 1) % count]
    return Splines(
        np.array([curve.t for curve in curves], np.float64),
        float(degree),
        np.concatenate(edges) if edges else np.empty((0, count)),
        np.array(kept, np.int64),
    )


def _edges(curve: Any, degree: int, *, linear: bool) -> Any:  # noqa: ANN401
    """Return values and slopes at both ends of a column's knots, zero where a spline does not reach the end."""
    low, high = curve.t[degree], curve.t[-degree - 1]
    count = curve.c.shape[1]
    near_low = np.arange(count) < (2 if linear and degree == 1 else degree)
    slopes = [curve(low, nu=1), curve(high, nu=1)] if linear else [np.zeros(count)] * 2
    return np.array(
        [
            np.where(near_low, curve(low), 0.0),
            np.where(near_low, slopes[0], 0.0),
            np.where(near_low[::-1], curve(high), 0.0),
            np.where(near_low[::-1], slopes[1], 0.0),
        ]
    )


def _unchanged(transformer: Any) -> Step:  # noqa: ANN401
    if transformer.func is not None:
        raise CannotCompile("FunctionTransformer with a function of its own has no form as plain arrays")
    return Chain(())


def _columns(transformer: Any) -> Step:  # noqa: ANN401
    places = transformer._transformer_to_input_indices  # noqa: SLF001  whichever way the columns were named
    used = [(one, places[name]) for name, one, _ in transformer.transformers_]
    return _apart(transformer, used)


def _union(transformer: Any) -> Step:  # noqa: ANN401
    every = range(transformer.n_features_in_)
    return _apart(transformer, [(one, list(every)) for _, one in transformer.transformer_list])


def _apart(transformer: Any, used: Sequence[tuple[Any, Sequence[int]]]) -> Step:  # noqa: ANN401
    if transformer.transformer_weights:
        raise CannotCompile(f"{type(transformer).__name__} with transformer_weights has no form as plain arrays")
    kept = [(step(one), list(columns)) for one, columns in used if one != "drop" and len(columns)]
    return Apart(
        tuple(part for part, _ in kept),
        np.array([column for _, columns in kept for column in columns], np.int64),
        np.array([len(columns) for _, columns in kept], np.int64),
    )


_STEPS: Final[Mapping[str, Callable[[Any], Step]]] = {
    "StandardScaler": _centre,
    "MinMaxScaler": _stretch,
    "OneHotEncoder": _levels,
    "PolynomialFeatures": _products,
    "SplineTransformer": _splines,
    "FunctionTransformer": _unchanged,
    "ColumnTransformer": _columns,
    "FeatureUnion": _union,
    "Pipeline": lambda pipeline: Chain(tuple(step(one) for _, one in pipeline.steps)),
    "FrozenEstimator": lambda frozen: step(frozen.estimator),
}
