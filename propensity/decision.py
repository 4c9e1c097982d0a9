"""From a score to a decision: threshold, tiers, who holds the loan already, consent; and what to tell marketing."""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np

from propensity.features import Vector
from schemas.customer import Known, content_sha256
from schemas.decision import Decision, ModelId, Reason, StoredDecision, Tier
from schemas.lead import Lead, LeadData, LeadType
from schemas.manifest import Tiers

_ID_DIGITS: Final = 32
_SAID: Final = tuple(name for name in LeadData.model_fields if name != "lead_id")
"""What a lead takes over from the decision that it is made of."""
_said_of: Final = attrgetter(*_SAID)


class Case(NamedTuple):
    """What there is to decide on: one customer at the moment of one event."""

    event_id: str
    event_time: str
    source: str
    customer: Known

    @property
    def content_sha256(self) -> str:
        """Digest of what is said of the customer; reckoned when it is asked for, since most events never need it."""
        return content_sha256(self.customer)


class Policy(NamedTuple):
    """By which rules one worker decides. They do not change while it runs."""

    model: ModelId
    threshold: float
    tiers: Tiers
    campaign: str
    require_consent: bool
    lead_ttl_days: int


def is_lead(case: Case, score: float, policy: Policy) -> bool:
    """Say whether a case is a lead: its score is high enough, it may be offered the loan, and does not hold it yet."""
    return score >= policy.threshold and _may_be_offered(case.customer, require_consent=policy.require_consent)


def places_of_leads(cases: Sequence[Case], scores: Vector, policy: Policy) -> list[int]:
    """Return where the leads stand among n cases with scores of shape (n,)."""
    high = np.flatnonzero(scores >= policy.threshold).tolist()
    return [place for place in high if is_lead(cases[place], scores[place], policy)]


def decide(
    cases: Sequence[Case], scores: Vector, policy: Policy, reasons: Sequence[tuple[Reason, ...]] | None = None
) -> list[Decision]:
    """
    Decide for each case whether it is a lead.

    Args:
        cases: The n cases.
        scores: Shape (n,), each in [0, 1], in the order of the cases.
        policy: The rules.
        reasons: Those of each case, as far as it is a lead; None: no model has told any.

    Returns:
        One decision per case, in order. It depends on nothing but the arguments: no clock, no store.
    """
    told = reasons if reasons is not None else [()] * len(cases)
    together = zip(cases, scores.tolist(), told, strict=True)
    return [_decision(case, score, policy, why) for case, score, why in together]


def announce(stored: StoredDecision) -> Lead | None:
    """Return what marketing must hear of a stored decision, or None. The same decision gives the same message."""
    decision = stored.decision
    kind = _lead_type(is_lead=decision.lead, was_lead=stored.was_lead)
    if kind is None:
        return None
    return _lead(kind, decision.source, dict(zip(_SAID, _said_of(decision), strict=True)))


def first_leads(
    cases: Sequence[Case], scores: Sequence[float], policy: Policy, reasons: Sequence[tuple[Reason, ...]]
) -> list[Lead]:
    """
    Return what marketing hears where no store knows what it has heard before: of each lead as of a new one.

    It is what `announce` makes of what `decide` decides, without the parts that only a store needs.

    Args:
        cases: Cases that all are leads.
        scores: In their order.
        policy: The rules.
        reasons: Those of each.
    """
    together = zip(cases, scores, reasons, strict=True)
    return [
        _lead(
            "bank.lead.created.v1",
            case.source,
            _said(case, score, policy, tier=_tier(score, policy.tiers), reasons=why),
        )
        for case, score, why in together
    ]


def _decision(case: Case, score: float, policy: Policy, reasons: tuple[Reason, ...]) -> Decision:
    lead = is_lead(case, score, policy)
    tier = _tier(score, policy.tiers) if lead else None
    return Decision(
        **_said(case, score, policy, tier=tier, reasons=reasons if lead else ()),
        source=case.source,
        content_sha256=case.content_sha256,
        lead=lead,
    )


def _said(
    case: Case, score: float, policy: Policy, *, tier: Tier | None, reasons: tuple[Reason, ...]
) -> dict[str, Any]:
    """Return what a decision and the lead that is made of it both say, by name."""
    return {
        "customer_id": case.customer.customer_id,
        "event_id": case.event_id,
        "event_time": case.event_time,
        "score": score,
        "tier": tier,
        "threshold": policy.threshold,
        "reasons": reasons,
        "model": policy.model,
        "campaign": policy.campaign,
        "consent": case.customer.consent,
        "expires_at": _expiry(case.event_time, policy.lead_ttl_days),
    }


def _may_be_offered(customer: Known, *, require_consent: bool) -> bool:
    if customer.loan_on_card == 1:
        return False
    consent = customer.consent
    return not require_consent if consent is None else consent.given


def _tier(score: float, tiers: Tiers) -> Tier:
    if score >= tiers.a:
        return "A"
    return "B" if score >= tiers.b else "C"


def _expiry(event_time: str, ttl_days: int) -> str:
    """Count from the event, so that every copy of a decision says the same. The calendar ends with the year 9999."""
    day = len("2026-01-15")
    later = _days_later(event_time[:day], ttl_days)
    return "9999-12-31T23:59:59.999999Z" if later is None else later + event_time[day:]


@lru_cache(maxsize=64)  # most events of an hour are of one day
def _days_later(day: str, days: int) -> str | None:
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except OverflowError:
        return None


def _lead_type(*, is_lead: bool, was_lead: bool) -> LeadType | None:
    if is_lead:
        return "bank.lead.updated.v1" if was_lead else "bank.lead.created.v1"
    return "bank.lead.withdrawn.v1" if was_lead else None


def _lead(kind: LeadType, source: str, said: dict[str, Any]) -> Lead:
    lead_id, message_id = _ids(said["campaign"], said["customer_id"], source, said["event_id"])
    return Lead.model_validate(
        {
            "id": message_id,
            "type": kind,
            "subject": said["customer_id"],
            "time": said["event_time"],
            "data": {"lead_id": lead_id, **said},
        }
    )


def _ids(campaign: str, customer_id: str, source: str, event_id: str) -> tuple[str, str]:
    """Return hashes for the lead, which is one for campaign and customer, and for what is said of it, by the event."""
    digest = hashlib.sha256(_framed(campaign) + _framed(customer_id))
    lead_id = digest.hexdigest()
    digest.update(_framed(source) + _framed(event_id))
    return lead_id[:_ID_DIGITS], digest.hexdigest()[:_ID_DIGITS]


def _framed(text: str) -> bytes:
    """Put the length before a text, so that no two lists of texts run together."""
    data = text.encode()
    return len(data).to_bytes(4) + data
