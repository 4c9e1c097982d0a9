"""What a campaign earns: expected from the scores, and found from the outcomes. Pure."""

from typing import Final, NamedTuple

import numpy as np

from propensity.features import Vector
from schemas.manifest import Economics
from training.data import Labels
from training.metrics import gains


class Terms(NamedTuple):
    """What a contact costs and a loan brings, in one currency; and whether nobody said so, so that it is an example."""

    contact_cost: float
    loan_value: float
    example: bool

    @property
    def break_even(self) -> float:
        """The lowest probability at which a contact is worth its cost."""
        return self.contact_cost / self.loan_value

    def profit(self, contacts: Vector, takers: Vector) -> Vector:
        """Return what is left of the loans' value when the contacts are paid."""
        return takers * self.loan_value - contacts * self.contact_cost


EXAMPLE: Final = Terms(1.0, 20.0, example=True)


class Profit(NamedTuple):
    """Profit by number of contacts, best scores first; each of shape (n + 1,), from nobody to everybody."""

    contacts: Vector
    expected: Vector
    realised: Vector
    random: Vector


class Budget(NamedTuple):
    """
    What so many contacts bring.

    Attributes:
        contacts: How many the money allows.
        lowest: The score of the last customer contacted.
        expected: Takers, as the scores say.
        found: Takers, as it was.
        random: Takers among as many customers at random.
        profit: Of what was found.
        paying: How many of the contacts have a score at which a contact is worth its cost.
    """

    contacts: int
    lowest: float
    expected: float
    found: float
    random: float
    profit: float
    paying: int


def terms_of(economics: Economics) -> Terms:
    """Return the bank's terms, or the example where it gave none."""
    if economics.contact_cost is None or economics.loan_value is None:
        return EXAMPLE
    return Terms(economics.contact_cost, economics.loan_value, example=False)


def takers_by_contacts(labels: Labels, scores: Vector) -> tuple[Vector, Vector]:
    """Return expected and found takers among the best k, k from 0 to n. Of equal scores each counts for its part."""
    expected = np.concatenate([[0.0], np.cumsum(np.sort(scores)[::-1])])
    contacted, found = gains(labels, scores)
    places = np.arange(len(labels) + 1, dtype=np.float64)
    return expected, np.interp(places, contacted * len(labels), found * labels.sum())


def profit_by_contacts(labels: Labels, scores: Vector, terms: Terms) -> Profit:
    """
    Return the profit by number of contacts.

    Args:
        labels: Shape (n,).
        scores: Shape (n,), calibrated: the expected profit takes them at their word.
        terms: Cost and value.
    """
    expected, found = takers_by_contacts(labels, scores)
    contacts = np.arange(len(labels) + 1, dtype=np.float64)
    at_random = contacts * float(labels.mean())
    return Profit(contacts, *(terms.profit(contacts, takers) for takers in (expected, found, at_random)))


def worth_contacting(scores: Vector, terms: Terms) -> int:
    """Return how many customers have a score at which a contact is worth its cost."""
    return int((scores >= terms.break_even).sum())


def fixed_budget(labels: Labels, scores: Vector, contacts: int, terms: Terms) -> Budget:
    """Return what a budget of 1 to n contacts brings."""
    expected, found = takers_by_contacts(labels, scores)
    return Budget(
        contacts=contacts,
        lowest=float(np.sort(scores)[-contacts]),
        expected=float(expected[contacts]),
        found=float(found[contacts]),
        random=contacts * float(labels.mean()),
        profit=float(terms.profit(np.array(contacts), found[contacts])),
        paying=min(contacts, worth_contacting(scores, terms)),
    )
