"""Whether what is left after a run is right: what was sent against store, topic, quarantine and queues."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from leadline.demo.audit import Found, audit
from leadline.demo.plan import Plan, Planned
from schemas.decision import version_of
from schemas.lead import Lead

WITHDRAWN: Final = "bank.lead.withdrawn.v1"


def judge(plan: Plan, sent: Mapping[str, Planned], found: Found) -> tuple[dict[str, bool], dict[str, Any]]:
    """
    Hold what was sent against what is there.

    Returns:
        The checks: `newest` (each customer is stored once, at their newest version), `copies_equal` (all copies of one
        id on the topic are equal), `leads_right` (who reads the topic by id and version knows the leads of the store,
        and no others), `nothing_lost`; and what the audit has counted.
    """
    result = audit(sent, found)
    stored = {name: row.decision for name, row in found.stored.items()}
    checks = {
        "newest": {name: decision.version for name, decision in stored.items()} == newest_versions(plan.messages),
        "copies_equal": copies_are_equal(found.leads),
        "leads_right": {name: d.version for name, d in stored.items() if d.lead} == subscribed(found.leads),
        "nothing_lost": result.lost == 0 and result.waiting == 0 and result.quarantined == plan.count("malformed"),
    }
    return checks, result._asdict()


def newest_versions(messages: Sequence[Planned]) -> dict[str, str]:
    """Return the newest version of each customer that was sent."""
    newest: dict[str, str] = {}
    for message in messages:
        if message.event_id:
            version = version_of(message.event_time, message.event_id)
            newest[message.customer_id] = max(version, newest.get(message.customer_id, ""))
    return newest


def copies_are_equal(leads: Iterable[Lead]) -> bool:
    """Tell whether messages with one id say the same."""
    bodies: dict[str, set[str]] = {}
    for lead in leads:
        bodies.setdefault(lead.id, set()).add(lead.model_dump_json())
    return all(len(different) == 1 for different in bodies.values())


def subscribed(leads: Iterable[Lead]) -> dict[str, str]:
    """Return the leads that a subscriber ends with who keeps the newest of each, and their versions."""
    newest: dict[str, tuple[str, Lead]] = {}
    for lead in leads:
        version = version_of(lead.data.event_time, lead.data.event_id)
        if version > newest.get(lead.data.lead_id, ("", lead))[0]:
            newest[lead.data.lead_id] = (version, lead)
    return {lead.data.customer_id: version for version, lead in newest.values() if lead.type != WITHDRAWN}
