"""Amounts in bands with round borders."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from propensity.features import Vector
from training.fairness.groups import joined

_ABOUT: Final = 10
"""How many bands there are at most, before small ones are joined and a band of zeros is added."""

_MANY_ZEROS: Final = 0.2


def bands(values: Vector, smallest: int) -> Vector:
    """
    Return the borders between bands, rising; a customer on a border belongs to the band above it.

    Where a fifth or more of the values are 0, these are a band of their own: "none" is no small amount.

    Args:
        values: Shape (n,), not all equal.
        smallest: A band of fewer customers is joined to its neighbour.
    """
    step = _round_step(float(np.ptp(values)) / _ABOUT)
    first = np.floor(values.min() / step) + 1
    borders = step * np.arange(first, np.ceil(values.max() / step))
    if has_zero_band(values):
        borders = np.concatenate(([np.nextafter(0, 1)], borders[borders > 0]))
    return joined(values, borders, smallest)


def has_zero_band(values: Vector) -> bool:
    """Return whether zeros are a band of their own."""
    return bool(values.min() == 0 and (values == 0).mean() >= _MANY_ZEROS)


def band_of(values: Vector, borders: Vector) -> NDArray[np.intp]:
    """Return in which band each value lies, shape (n,), from 0."""
    return np.digitize(values, borders)


def band_names(borders: Vector) -> tuple[str, ...]:
    """Return what the bands are called; the outer ones are open, as the next customer may lie further out."""
    if len(borders) == 0:
        return ("all",)
    zeros = 0 < borders[0] < np.finfo(np.float64).tiny
    rest = borders[1:] if zeros else borders
    if len(rest) == 0:
        return ("0", "more than 0")
    below = f"over 0, under {rest[0]:g}" if zeros else f"under {rest[0]:g}"
    between = [f"{low:g} to {high:g}" for low, high in pairwise(rest.tolist())]
    return (*(("0",) if zeros else ()), below, *between, f"{rest[-1]:g} or more")


def _round_step(least: float) -> float:
    """Return the next round number."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(power * digit for digit in (1, 2, 2.5, 5, 10) if power * digit >= least * (1 - 1e-9)))
