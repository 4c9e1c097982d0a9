"""One customer, as upstream systems describe them: names, units and bounds."""

import hashlib
from operator import attrgetter
from typing import Annotated, Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

USUAL_FIELDS: Final = (
    "highest_spend",
    "hidden_score",
    "monthly_average_spend",
    "level",
    "mortgage",
    "security",
    "fixed_deposit_account",
    "internet_banking",
    "credit_card",
)
"""The fields that a producer always sends. Which of them a worker insists on is said by the model that it serves."""

NO_CONTROLS: Final = r"^[^\x00-\x1f\x7f]+$"
Flag = Annotated[int, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_CONTROLS)]


def _require_usual_fields(schema: dict[str, Any]) -> None:
    """Ask producers for all that a model may use, though a worker asks only for what its model does use."""
    schema["required"] = [*schema.get("required", []), *USUAL_FIELDS]
    for name in USUAL_FIELDS:  # present, and not null
        field = schema["properties"][name]
        field.update(field.pop("anyOf")[0])
        del field["default"]


class Consent(BaseModel):
    """By which channels the customer lets the bank offer something. A channel that is not named is not allowed."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    email: bool = False
    sms: bool = False
    phone: bool = False

    @property
    def given(self) -> bool:
        """Whether at least one channel is open."""
        return self.email or self.sms or self.phone


class Customer(BaseModel):
    """What we know of one customer. Amounts are thousands of US dollars. Unknown fields are ignored."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        title="Customer",
        json_schema_extra=_require_usual_fields,
    )

    customer_id: Name = Field(description="the bank's own number of the customer, as text")
    age: int | None = Field(None, ge=0, le=130, description="years")
    customer_since: int | None = Field(None, ge=-10, le=130, description="years; slightly negative in real data")
    highest_spend: float | None = Field(None, ge=0, le=1e6, description="highest yearly spend, thousand USD")
    zip_code: int | None = Field(None, ge=0, le=99999, description="US ZIP code")
    hidden_score: int | None = Field(None, ge=1, le=4, description="internal score, 1 to 4")
    monthly_average_spend: float | None = Field(None, ge=0, le=1e6, description="monthly card spend, thousand USD")
    level: int | None = Field(None, ge=1, le=3, description="1 undergraduate, 2 graduate, 3 advanced")
    mortgage: float | None = Field(None, ge=0, le=1e6, description="value of the mortgage, thousand USD; 0 is none")
    security: Flag | None = Field(None, description="holds a securities account")
    fixed_deposit_account: Flag | None = Field(None, description="holds a fixed deposit account")
    internet_banking: Flag | None = Field(None, description="uses internet banking")
    credit_card: Flag | None = Field(None, description="holds the bank's credit card")
    loan_on_card: Flag | None = Field(None, description="holds the loan already; such a customer is never a lead")
    consent: Consent | None = Field(None, description="absent: not known")

    @property
    def known(self) -> "Known":
        """The same, as the worker has it in hand."""
        return Known(**{name: getattr(self, name) for name in Customer.model_fields})


class Known(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """
    A customer after validation, of whom the worker has thousands in hand: `Customer`, as light as Python has it.

    Bounds and units stand there. What did not come is None.
    """

    customer_id: str
    age: int | None = None
    customer_since: int | None = None
    highest_spend: float | None = None
    zip_code: int | None = None
    hidden_score: int | None = None
    monthly_average_spend: float | None = None
    level: int | None = None
    mortgage: float | None = None
    security: int | None = None
    fixed_deposit_account: int | None = None
    internet_banking: int | None = None
    credit_card: int | None = None
    loan_on_card: int | None = None
    consent: Consent | None = None


_IN_ORDER: Final = Known.__struct_fields__
_values_in_order: Final = attrgetter(*_IN_ORDER)
_CONTENT: Final = TypeAdapter(dict[str, Any]).serializer


def content_sha256(customer: Known) -> str:
    """Digest of the known fields, the same for both forms of an event, in whatever order, and for 49 and 49.0."""
    together = zip(_IN_ORDER, _values_in_order(customer), strict=True)
    return hashlib.sha256(_CONTENT.to_json({name: value for name, value in together if value is not None})).hexdigest()
