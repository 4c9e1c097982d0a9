"""Threshold, tiers, borrowers, consent, and what marketing hears of it."""

import json
from typing import Any, Final

import numpy as np
import pytest

from propensity.decision import Case, Policy, announce, decide, first_leads
from propensity.economics import BadEconomics, economics_from, threshold_of
from schemas.customer import Consent, Customer
from schemas.decision import Decision, Reason, StoredDecision
from schemas.lead import Lead
from tests.bundles import policy
from tests.helpers import customer

GIVEN: Final = Consent(email=True)
REFUSED: Final = Consent()


def case(customer_id: str = "1", event_id: str = "evt-1", source: str = "/core", **changes: object) -> Case:
    known = Customer(**customer(customer_id=customer_id, **changes)).known
    return Case(event_id, "2026-01-15T10:00:00.000000Z", source, known)


def decided(score: float, what: Case | None = None, rules: Policy | None = None) -> Decision:
    [decision] = decide([what or case()], np.array([score]), rules or policy())
    return decision


def announced(decision: Decision, *, was_lead: bool) -> Lead:
    lead = announce(StoredDecision(decision=decision, was_lead=was_lead))
    assert lead is not None
    return lead


def test_the_threshold_itself_is_a_lead_and_the_next_lower_number_is_none() -> None:
    assert decided(0.5).lead
    assert not decided(float(np.nextafter(0.5, 0))).lead


@pytest.mark.parametrize(
    ("score", "tier"), [(1.0, "A"), (0.9, "A"), (0.8999, "B"), (0.7, "B"), (0.6999, "C"), (0.5, "C"), (0.4999, None)]
)
def test_the_score_gives_the_tier_and_a_customer_who_is_no_lead_has_none(score: float, tier: str | None) -> None:
    assert decided(score).tier == tier


def test_who_holds_the_loan_already_is_never_a_lead() -> None:
    assert not decided(1.0, case(loan_on_card=1, consent=GIVEN)).lead
    assert decided(1.0, case(loan_on_card=0, consent=GIVEN)).lead


@pytest.mark.parametrize(
    ("consent", "require_consent", "lead"),
    [
        (None, False, True),
        (None, True, False),
        (GIVEN, False, True),
        (GIVEN, True, True),
        (Consent(phone=True), True, True),
        (REFUSED, False, False),
        (REFUSED, True, False),
    ],
)
def test_consent_that_is_unknown_counts_by_the_setting_and_a_refusal_always(
    consent: Consent | None, require_consent: bool, lead: bool
) -> None:
    assert decided(1.0, case(consent=consent), policy(require_consent=require_consent)).lead is lead


@pytest.mark.parametrize(("score", "what"), [(1.0, case(consent=REFUSED)), (1.0, case(loan_on_card=1)), (0.1, case())])
def test_a_lead_that_is_one_no_longer_is_withdrawn(score: float, what: Case) -> None:
    gone = decided(score, what)
    assert announced(gone, was_lead=True).type == "bank.lead.withdrawn.v1"
    assert announced(gone, was_lead=True).data.tier is None


def test_a_lead_is_created_once_and_updated_after_that() -> None:
    assert announced(decided(0.8), was_lead=False).type == "bank.lead.created.v1"
    assert announced(decided(0.8), was_lead=True).type == "bank.lead.updated.v1"


def test_a_lead_says_all_that_was_decided_but_for_what_is_the_banks_own() -> None:
    why = Reason(code="spend", text="spends much", direction="raises")
    decision = decided(0.8, case(consent=GIVEN)).model_copy(update={"reasons": (why,)})
    told = announced(decision, was_lead=False).data.model_dump()
    known = decision.model_dump()
    own = {"lead", "source", "content_sha256"}
    assert {name: told.get(name) for name in known.keys() - own} == {n: known[n] for n in known.keys() - own}
    assert own.isdisjoint(told)
    assert (told["tier"], told["reasons"]) == ("B", (why.model_dump(),))


def test_of_a_customer_who_was_no_lead_and_is_none_marketing_hears_nothing() -> None:
    assert announce(StoredDecision(decision=decided(0.1), was_lead=False)) is None


def test_every_copy_of_a_lead_is_the_same_to_the_byte() -> None:
    first, second = (announced(decided(0.8), was_lead=False) for _ in range(2))
    assert first.model_dump_json() == second.model_dump_json()


@pytest.mark.parametrize("what", [case(), case(consent=GIVEN, loan_on_card=0), case(customer_id="é", event_id='e"')])
def test_a_lead_without_a_store_is_that_of_a_customer_who_was_none_before(what: Case) -> None:
    why = (Reason(code="spend", text="spends much", direction="raises"),)
    for score in (0.5, 0.75, 1.0, 1e-7 + 0.9):
        [decision] = decide([what], np.array([score]), policy(), [why])
        [lead] = first_leads([what], [score], policy(), [why])
        assert lead.model_dump_json() == announced(decision, was_lead=False).model_dump_json()


def test_the_id_is_that_of_campaign_customer_source_and_event() -> None:
    usual = announced(decided(0.8), was_lead=False).id
    others = [
        announced(decided(0.8, what, rules), was_lead=False).id
        for what, rules in (
            (case(customer_id="2"), None),
            (case(event_id="evt-2"), None),
            (case(source="/other"), None),
            (case(), policy(campaign="autumn")),
        )
    ]
    assert len({usual, *others}) == 5
    assert announced(decided(0.9), was_lead=True).id == usual


def test_parts_that_run_together_give_different_ids() -> None:
    first = announced(decided(0.8, case(customer_id="12", source="3")), was_lead=False)
    second = announced(decided(0.8, case(customer_id="1", source="23")), was_lead=False)
    assert first.id != second.id


def test_the_lead_id_stays_the_same_through_a_leads_life() -> None:
    first = announced(decided(0.8, case(event_id="evt-1")), was_lead=False).data.lead_id
    last = announced(decided(0.1, case(event_id="evt-9", source="/other")), was_lead=True).data.lead_id
    assert first == last
    assert first != announced(decided(0.8, case(customer_id="2")), was_lead=False).data.lead_id


def test_no_age_no_zip_code_and_no_amount_leaves_the_bank() -> None:
    private: dict[str, Any] = {
        "age": 77,
        "zip_code": 98765,
        "highest_spend": 123.45,
        "monthly_average_spend": 6.54,
        "mortgage": 432.1,
    }
    body = announced(decided(0.8, case(**private, customer_since=53)), was_lead=False).model_dump_json()
    for name, value in private.items():
        assert name not in body
        assert str(value) not in body
    assert set(json.loads(body)["data"]) == {
        "lead_id", "customer_id", "event_id", "event_time", "score", "tier", "threshold", "reasons", "model",
        "campaign", "consent", "expires_at",
    }  # fmt: skip


def test_a_lead_expires_so_many_days_after_its_event_and_the_calendar_ends_it() -> None:
    assert decided(0.8).expires_at == "2026-02-14T10:00:00.000000Z"
    last_day = case()._replace(event_time="9999-12-31T00:00:00.000000Z")
    assert decided(0.8, last_day).expires_at == "9999-12-31T23:59:59.999999Z"


def test_decisions_come_in_the_order_of_the_cases() -> None:
    cases = [case(customer_id=str(number)) for number in range(5)]
    decisions = decide(cases, np.linspace(0, 1, 5), policy())
    assert [(d.customer_id, d.score) for d in decisions] == [("0", 0), ("1", 0.25), ("2", 0.5), ("3", 0.75), ("4", 1)]
    assert decide([], np.empty(0), policy()) == []


@pytest.mark.parametrize("scores", [1, 3])
def test_scores_that_are_not_as_many_as_the_cases_are_refused(scores: int) -> None:
    """They could be those of other customers."""
    with pytest.raises(ValueError, match="argument"):
        decide([case(), case()], np.ones(scores), policy())


SCORES = np.array([0.9, 0.1, 0.7, 0.0, 0.3])


def test_a_fixed_budget_reaches_down_to_the_lowest_score_that_it_pays_for() -> None:
    assert threshold_of(economics_from(None, None, 0.4), SCORES) == 0.7
    assert threshold_of(economics_from(None, None, 0.01), SCORES) == 0.9, "at least one customer"
    assert threshold_of(economics_from(None, None, 0.99), SCORES) > 0, "who scores nothing is no lead"


@pytest.mark.parametrize(("budget", "cost"), [(0.1, 5.0), (0.0, None), (1.0, None), (float("nan"), None)])
def test_a_budget_that_is_no_share_or_stands_beside_a_cost_is_refused(budget: float, cost: float | None) -> None:
    with pytest.raises(BadEconomics, match=r"not both|above 0 and below 1"):
        economics_from(cost, None, budget)


def test_a_threshold_is_where_a_contact_pays_and_even_odds_without_figures() -> None:
    assert threshold_of(economics_from(None, None), SCORES) == 0.5
    assert threshold_of(economics_from(2.0, 50.0), SCORES) == 0.04


@pytest.mark.parametrize(
    ("cost", "value"), [(1.0, None), (None, 1.0), (0.0, 1.0), (2.0, 2.0), (-1.0, 1.0), (1.0, float("nan"))]
)
def test_economics_that_no_campaign_can_live_on_are_refused(cost: float | None, value: float | None) -> None:
    with pytest.raises(BadEconomics, match=r"go together|must be positive"):
        economics_from(cost, value)
