"""Where the threshold comes from: what a contact costs, and what a loan is worth."""

import math
from typing import Final

import numpy as np

from propensity.features import Vector
from schemas.manifest import Economics

LOWEST_THRESHOLD: Final = 1e-6
"""Who scores nothing is no lead, however large the budget is."""


class BadEconomics(ValueError):
    """Costs and values that no campaign can live on."""


def economics_from(contact_cost: float | None, loan_value: float | None, budget: float | None = None) -> Economics:
    """
    Say by which rule the threshold is set: by a budget, break-even where cost and value are known, else even odds.

    Args:
        contact_cost: What a contact costs.
        loan_value: What a loan brings, in the same currency.
        budget: Share of the customers that can be contacted, above 0 and below 1.

    Raises:
        BadEconomics: A budget is given beside the two or is no share, only one of the two is given, one is not
            positive or not finite, or a contact costs as much as a loan brings.
    """
    if budget is not None:
        if contact_cost is not None or loan_value is not None:
            raise BadEconomics("a budget sets the threshold by itself; give it, or the cost and the value, not both")
        if not 0 < budget < 1:
            raise BadEconomics(
                f"a budget of {budget:g}: give the share of the customers to contact, above 0 and below 1"
            )
        return Economics(rule="fixed_budget", budget=budget)
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


def threshold_of(economics: Economics, scores: Vector) -> float:
    """
    Return the lowest probability of a lead.

    Break-even: where a contact is worth its cost, `contact_cost / loan_value`; that supposes calibrated probabilities
    (Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001). A fixed budget: the lowest score among the best
    customers that it reaches. Else one half.

    Args:
        economics: The rule.
        scores: Shape (n,), by models that had not seen the customers; never those of the test set.
    """
    if economics.budget is not None:
        reached = max(1, round(economics.budget * len(scores)))
        return max(float(np.partition(scores, -reached)[-reached]), LOWEST_THRESHOLD)
    if economics.contact_cost is None or economics.loan_value is None:
        return 0.5
    return economics.contact_cost / economics.loan_value
