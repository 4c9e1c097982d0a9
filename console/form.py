"""The form by which one customer is scored by hand: its fields come from the contract, and go through its checks."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.customer import Customer

BY_HAND: Final = "by-hand"
"""The number of a customer who is typed in: the form asks for none, since a score needs none."""

CONSENTS: Final = {"": "not known", "email": "by e-mail", "sms": "by SMS", "phone": "by phone", "none": "refused"}

_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_CHOICES_AT_MOST: Final = 5


class Field(NamedTuple):
    """One question: a list of choices, or a number within bounds."""

    name: str
    label: str
    hint: str
    low: float
    high: float
    choices: Sequence[tuple[str, str]]
    required: bool


def fields_of(needed: Sequence[str]) -> list[Field]:
    """Return a field for each feature that the model uses, and for the loan, which a decision looks at."""
    properties = Customer.model_json_schema()["properties"]
    names = [*needed, *(name for name in ("loan_on_card",) if name not in needed)]
    return [_field(name, properties[name], required=name in needed) for name in names]


def body_of(form: Mapping[str, str], fields: Sequence[Field]) -> bytes:
    """Return a filled form as the JSON of one customer. What is no number stays a text, for the contract to refuse."""
    customer: dict[str, Any] = {"customer_id": BY_HAND}
    customer |= {f.name: _value(form[f.name].strip()) for f in fields if form.get(f.name, "").strip()}
    consent = form.get("consent", "")
    if consent:
        customer["consent"] = {channel: channel == consent for channel in ("email", "sms", "phone")}
    return json.dumps(customer).encode()


def _value(text: str) -> int | float | str:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    return float(text) if match[1] else int(text)


def _field(name: str, schema: Mapping[str, Any], *, required: bool) -> Field:
    number: Mapping[str, Any] = next((part for part in schema.get("anyOf", []) if "minimum" in part), schema)
    low, high = number["minimum"], number["maximum"]
    is_choice = number["type"] == "integer" and high - low < _CHOICES_AT_MOST
    choices = [(str(value), _choice(value, low, high)) for value in range(low, high + 1)] if is_choice else []
    label = name.replace("_", " ").capitalize()
    return Field(name, label, str(schema.get("description", "")), low, high, choices, required)


def _choice(value: int, low: int, high: int) -> str:
    return ("no", "yes")[value] if (low, high) == (0, 1) else str(value)
