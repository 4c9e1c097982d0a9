"""The one definition of the feature matrix, for training tables and for customers in events alike."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.customer import USUAL_FIELDS, Known

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

FEATURES: Final = USUAL_FIELDS
"""What a model uses unless an optional field earns its place in training. The customer's number is no feature."""

OPTIONAL: Final = ("age", "customer_since", "zip_code")
"""Left out unless leaving them out costs more than one standard error: a bank's lawyers look at all three."""


class MissingFeature(Exception):
    """A customer lacks a field that the model uses."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is missing; the model uses it, so the event must carry it")
        self.name = name


def matrix_from_columns(columns: Mapping[str, ArrayLike], names: Sequence[str]) -> Matrix:
    """
    Build the matrix from a table.

    Args:
        columns: One sequence of n numbers for each feature, by its name in `schemas.customer`.
        names: The features, in the order of the columns to return.

    Returns:
        Shape (n, k), float64.

    Raises:
        MissingFeature: The table has no such column, or a cell of it is empty.
    """
    for name in names:
        if name not in columns:
            raise MissingFeature(name)
    matrix = np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in names])
    finite = np.isfinite(matrix)
    for column, name in enumerate(names):
        if not finite[:, column].all():
            raise MissingFeature(name)
    return matrix


def matrix_from_customers(customers: Sequence[Known], names: Sequence[str]) -> Matrix:
    """
    Build the matrix from validated customers.

    Returns:
        Shape (n, k), float64; one row per customer, in their order.

    Raises:
        MissingFeature: A customer lacks a field.
    """
    take = attrgetter(*names) if len(names) > 1 else lambda customer: [getattr(customer, name) for name in names]
    try:
        rows = list(map(take, customers))
    except AttributeError as error:  # a field that no customer has
        raise MissingFeature(str(error.name)) from None
    matrix: Matrix = np.array(rows, dtype=np.float64).reshape(len(customers), len(names))
    if np.isnan(matrix).any():  # as None becomes, and JSON knows none
        raise MissingFeature(next(name for customer in customers if (name := missing_feature(customer, names))))
    return matrix


def missing_feature(customer: Known, names: Sequence[str]) -> str | None:
    """Return the first of the features that the customer lacks, or None."""
    return next((name for name in names if getattr(customer, name, None) is None), None)
