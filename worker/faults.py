"""What pydantic finds wrong, in our reason codes and with a repair. Values are left out: they are customer data."""

from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

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
    details = error.errors(include_input=False, include_url=False)
    return [Fault(_reason(detail), _pointer(detail["loc"]), detail["msg"]) for detail in details]


def _reason(detail: ErrorDetails) -> str:
    kind, field = detail["type"], str(detail["loc"][-1])
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if field in _TYPE_FIELDS:
        return "unknown_type"
    if kind.endswith(("_type", "_unicode", "_float")):
        return "wrong_type"
    return "bad_id" if field in _ID_FIELDS else "out_of_bounds"


def _pointer(location: tuple[Any, ...]) -> str:
    return "".join(f"/{part}" for part in location)
