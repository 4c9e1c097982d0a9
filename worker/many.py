"""Many named tuples at once."""

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple, TypeVar

One = TypeVar("One", bound=NamedTuple)


def many(kind: type[One], *columns: Iterable[object]) -> list[One]:
    """
    Return a tuple of a kind for each row of columns, in the order of its fields.

    For each one the kind's own constructor would be a call of a function in Python: three times the work.
    """
    return list(map(partial(tuple.__new__, kind), zip(*columns, strict=True)))
