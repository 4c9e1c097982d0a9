"""What pydantic finds wrong, in our reason codes and with a repair. Values are left out: they are customer data."""

from functools import lru_cache
from typing import Final

from pydantic import ValidationError

from worker.errors import Fault

_BY_KIND: Final = {
    "missing": "missing_field",
    "time_form": "bad_time",
    "time_precision": "bad_time",
    "finite_number": "not_finite",
    "id_too_long": "bad_id",
}
_ID_FIELDS: Final = frozenset({"id", "event_id", "customer_id"})
_TYPE_FIELDS: Final = frozenset({"type", "specversion"})


def faults_of(error: ValidationError) -> list[Fault]:
    """Return every fault that the validation found, with its JSON pointer, reason code and repair."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return [_fault(detail["type"], detail["loc"], detail["msg"]) for detail in details]


# There are only so many faults, and a message may hold ten thousand of them: each is written once.
@lru_cache(maxsize=1024)
def _fault(kind: str, location: tuple[int | str, ...], message: str) -> Fault:
    return Fault(_reason(kind, str(location[-1])), "".join(f"/{part}" for part in location), message)


def _reason(kind: str, field: str) -> str:
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if field in _TYPE_FIELDS:
        return "unknown_type"
    if kind.endswith(("_type", "_unicode", "_float")):
        return "wrong_type"
    return "bad_id" if field in _ID_FIELDS else "out_of_bounds"
