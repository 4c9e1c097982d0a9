"""Where the threshold comes from: what a contact costs, and what a loan is worth."""

import math

from schemas.manifest import Economics


class BadEconomics(ValueError):
    """Costs and values that no campaign can live on."""


def economics_from(contact_cost: float | None, loan_value: float | None) -> Economics:
    """
    Say by which rule the threshold is set: break-even where cost and value are known, else even odds.

    Raises:
        BadEconomics: Only one of the two is given, one is not positive or not finite, or a contact
            costs as much as a loan brings.
    """
    if contact_cost is None and loan_value is None:
        return Economics(rule="even_odds")
    if contact_cost is None or loan_value is None:
        raise BadEconomics("the cost of a contact and the value of a loan go together; give both or neither")
    if not (0 < contact_cost < loan_value and math.isfinite(loan_value)):
        raise BadEconomics(
            f"a contact costs {contact_cost:g} and a loan brings {loan_value:g}; "
            "both must be positive and finite, and a loan must bring more than a contact costs"
        )
    return Economics(rule="break_even", contact_cost=contact_cost, loan_value=loan_value)


def threshold_of(economics: Economics) -> float:
    """
    Return the lowest probability at which a contact is worth its cost: `contact_cost / loan_value`, or one half.

    It supposes calibrated probabilities (Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001).
    """
    if economics.contact_cost is None or economics.loan_value is None:
        return 0.5
    return economics.contact_cost / economics.loan_value
