"""The columns of the bank's CSV files, and the customer fields that they fill."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from schemas.customer import Customer

COLUMNS: Final[Mapping[str, str]] = {
    "ID": "customer_id",
    "Age": "age",
    "CustomerSince": "customer_since",
    "HighestSpend": "highest_spend",
    "ZipCode": "zip_code",
    "HiddenScore": "hidden_score",
    "MonthlyAverageSpend": "monthly_average_spend",
    "Level": "level",
    "Mortgage": "mortgage",
    "Security": "security",
    "FixedDepositAccount": "fixed_deposit_account",
    "InternetBanking": "internet_banking",
    "CreditCard": "credit_card",
    "LoanOnCard": "loan_on_card",
}
"""CSV spelling to field of `schemas.customer`; nothing else translates between the two."""

ID: Final = "ID"
LABEL_COLUMN: Final = "LoanOnCard"
LABEL: Final = COLUMNS[LABEL_COLUMN]
DATA1: Final = (ID, "Age", "CustomerSince", "HighestSpend", "ZipCode", "HiddenScore", "MonthlyAverageSpend", "Level")
DATA2: Final = (ID, "Mortgage", "Security", "FixedDepositAccount", "InternetBanking", "CreditCard", LABEL_COLUMN)


class Bounds(NamedTuple):
    """What the schema allows in one field."""

    minimum: float
    maximum: float
    whole: bool

    def __str__(self) -> str:
        """Say it as a person would."""
        return f"{'a whole number' if self.whole else 'a number'} from {self.minimum:g} to {self.maximum:g}"


@cache
def bounds(field: str) -> Bounds:
    """Return the bounds of a customer's field, as `schemas.customer` states them."""
    schema: dict[str, Any] = Customer.model_json_schema()["properties"][field]
    number = next(form for form in schema.get("anyOf", [schema]) if form["type"] != "null")
    return Bounds(number["minimum"], number["maximum"], number["type"] == "integer")


def csv_name(field: str) -> str:
    """Return the CSV spelling of a customer's field."""
    return next(column for column, name in COLUMNS.items() if name == field)
