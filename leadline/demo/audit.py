"""Afterwards: what was sent against what store, topic, quarantine and queues hold. Nothing is counted along the way."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from leadline.demo.plan import Planned
from schemas.decision import StoredDecision, version_of
from schemas.lead import Lead
from worker.quarantine import Quarantined


class Found(NamedTuple):
    """What is there after the run."""

    stored: Mapping[str, StoredDecision]
    leads: Collection[Lead]
    quarantined: Collection[Quarantined]
    left_on_queues: Collection[str]


class Audit(NamedTuple):
    """
    What became of the messages that were sent.

    `applied` and `superseded` count distinct valid events; `duplicates` counts further messages of an event that is
    applied; `lost` counts messages of which nothing is left anywhere.
    """

    applied: int
    superseded: int
    duplicates: int
    quarantined: int
    waiting: int
    lost: int
    leads: int
    raw_copies: int
    by_tier: Mapping[str, int]
    by_reason: Mapping[str, int]


def audit(sent: Mapping[str, Planned], found: Found) -> Audit:
    """
    Hold what was sent against what is there.

    Args:
        sent: Every message by the id that the queue gave it.
        found: What store, topic, quarantine and queues hold now.
    """
    set_aside = {record.message_id for record in found.quarantined}
    fates = {message_id: _fate(message_id, planned, found, set_aside) for message_id, planned in sent.items()}
    distinct = {(planned.event_id or message_id): message_id for message_id, planned in sent.items()}
    by_fate = Counter(fates[message_id] for message_id in distinct.values())
    leads = {lead.id: lead for lead in found.leads}
    return Audit(
        applied=by_fate["applied"],
        superseded=by_fate["superseded"],
        duplicates=sum(fate == "applied" for fate in fates.values()) - by_fate["applied"],
        quarantined=by_fate["quarantined"],
        waiting=by_fate["waiting"],
        lost=sum(fate == "lost" for fate in fates.values()),
        leads=len(leads),
        raw_copies=len(found.leads) - len(leads),
        by_tier=Counter(lead.data.tier or "none" for lead in leads.values()),
        by_reason=Counter(record.reason for record in _distinct(found.quarantined)),
    )


def _fate(message_id: str, planned: Planned, found: Found, set_aside: Collection[str]) -> str:
    if message_id in set_aside:
        return "quarantined"
    if message_id in found.left_on_queues:
        return "waiting"
    stored = found.stored.get(planned.customer_id)
    if not planned.event_id or stored is None:
        return "lost"
    version = version_of(planned.event_time, planned.event_id)
    if stored.decision.version == version:
        return "applied"
    return "superseded" if stored.decision.version > version else "lost"


def _distinct(records: Iterable[Quarantined]) -> list[Quarantined]:
    return list({record.key: record for record in records}.values())
