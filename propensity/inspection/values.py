"""What stands for the values of a pickle while it is judged: nothing is made, imported or called."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from propensity.inspection.opcodes import Refused


class Name(NamedTuple):
    """Something that would be imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Made:
    """
    An object that would be made.

    Attributes:
        of: What would be called, or whose instance it would be.
        arguments: Of the call; empty where a class is made without one.
        position: The byte of the opcode that makes it.
        state: What BUILD would give to it, or None.
        items: What SETITEMS would put into it.
    """

    __slots__ = ("arguments", "items", "of", "position", "state")

    def __init__(self, of: Name, arguments: tuple[Any, ...], position: int) -> None:
        self.of = of
        self.arguments = arguments
        self.position = position
        self.state: Any = None
        self.items: dict[Any, Any] = {}

    def has(self, key: str) -> Any:  # noqa: ANN401  anything that a pickle can hold
        """Return what its state says under a key, or None."""
        return self.state.get(key) if isinstance(self.state, dict) else None

    def refuse(self, why: str) -> Refused:
        """Return the error that names this object, where it is made, and what is wrong."""
        return Refused(f"byte {self.position}: {self.of.name} {why}")


class Row(tuple[Any, ...]):
    """A tuple that knows how deep tuples lie in it."""

    depth: int = 1

    @classmethod
    def of(cls, items: Iterable[Any]) -> "Row":
        """Make one of these items."""
        row = cls(items)
        row.depth = 1 + max((item.depth for item in row if isinstance(item, Row)), default=0)
        return row


MAX_ROW_DEPTH: Final = 6
"""Tuples in tuples; the state of an array of records is three deep."""


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number, and not True or False."""
    return type(value) is int
