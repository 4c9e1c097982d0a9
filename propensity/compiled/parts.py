"""What a compiled model is put together from: parts that score, parts that reshape the matrix, and their fields."""

from typing import Any, Final, NamedTuple, Protocol, TypeVar, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from propensity.features import Matrix, Vector

Indices = NDArray[np.int64]


class BadPart(ValueError):
    """A part does not fit together; the text says how, as the end of a sentence that begins with its kind."""


class Explained(NamedTuple):
    """A part's output, shape (n,), and what each column adds to it, shape (n, k)."""

    output: Vector
    added: Matrix


class Scorer(Protocol):
    """A part that gives one number per row."""

    def output(self, rows: Matrix) -> Vector:
        """Return shape (n,) for rows of shape (n, k)."""

    def explain(self, rows: Matrix) -> Explained:
        """Return the same, and what each column adds to it."""

    def check(self, width: int) -> None:
        """
        Refuse what would fail later, or give nonsense, on rows of this width.

        Raises:
            BadPart: With the reason.
        """


class Step(Protocol):
    """A part that turns rows of shape (n, k) into rows of shape (n, m)."""

    def apply(self, rows: Matrix) -> Matrix:
        """Return the new rows; those that were given stay as they are."""

    def shares(self, width: int) -> Matrix:
        """Return shape (m, k): which share of each new column belongs to each old one; rows add up to 1, or to 0."""

    def check(self, width: int) -> int:
        """
        Return m, the width of the new rows.

        Raises:
            BadPart: With the reason.
        """


class ArrayOf(NamedTuple):
    """The form of a field that holds an array; `kinds` are the dtypes that it may have, `ndim` its dimensions."""

    kinds: tuple[str, ...]
    ndim: int


NUMBER: Final = "number"
SCORER: Final = "scorer"
SCORERS: Final = "scorers"
STEPS: Final = "steps"
"""The other forms: a finite float, a part that scores, and tuples of parts."""

Form = ArrayOf | str
_T = TypeVar("_T")


def array(*kinds: str, ndim: int = 1) -> Any:  # noqa: ANN401  stands where the type checker sees the field
    """Declare a field that holds an array."""
    return ArrayOf(kinds, ndim)


def floats(ndim: int = 1) -> Any:  # noqa: ANN401
    """Declare a field that holds an array of float64, all of them finite."""
    return ArrayOf(("<f8",), ndim)


def indices() -> Any:  # noqa: ANN401
    """Declare a field that holds a vector of whole numbers."""
    return ArrayOf(("<i8",), 1)


def of(form: str) -> Any:  # noqa: ANN401
    """Declare a field of another form."""
    return form


@dataclass_transform(eq_default=False, frozen_default=True, field_specifiers=(array, floats, indices, of))
def part(kind: type[_T]) -> type[_T]:
    """
    Make a class of declared fields, given in their order or by name.

    A dataclass would compile methods for each class: a third of what it takes to import all of this.
    """
    names = tuple(kind.__annotations__)

    def fill(self: _T, *values: object, **named: object) -> None:
        self.__dict__.update(zip(names, values, strict=False), **named)

    # Under a name that the type checker does not follow: it makes its own from the fields.
    setattr(kind, "__init__", fill)  # noqa: B010
    return kind


def forms(kind: type[Any]) -> dict[str, Form]:
    """Return the fields of a part's class, and the form of each."""
    return {name: getattr(kind, name) for name in kind.__annotations__}


def need(holds: object, otherwise: str) -> None:
    """
    Demand that something holds.

    Raises:
        BadPart: It does not.
    """
    if not holds:
        raise BadPart(otherwise)


def need_below(values: Indices, end: int, what: str) -> None:
    """Demand that all of them are from 0 on and below the end."""
    need(
        len(values) == 0 or (int(values.min()) >= 0 and int(values.max()) < end),
        f"has {what} out of range: there are {end}",
    )
