"""What a check says."""

from typing import NamedTuple


class Fault(NamedTuple):
    """Something that is wrong: what it is, what it says now, and what to do."""

    thing: str
    value: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.thing} is {self.value}; {self.way_out}"


class Note(NamedTuple):
    """Something worth knowing that is no fault."""

    text: str


Said = Fault | Note
