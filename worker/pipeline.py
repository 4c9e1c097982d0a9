"""
One batch of messages, from bytes to an outcome for every event: decode, score, decide, store, publish.

The order of the steps is what keeps leads from being lost or contradicted; `docs/decisions/0002-delivery.md` says why.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from ports import Message, Put, Queue, Store, Topic
from propensity.bundle import Bundle
from propensity.decision import Policy, announce, decide, first_leads, places_of_leads
from propensity.features import Vector, matrix_from_customers
from propensity.scoring import score
from schemas.decision import Decision, Reason
from schemas.event import MAX_MESSAGE_BYTES
from worker.batch import CONFLICT, Bad, Good, decoded
from worker.errors import Reject
from worker.many import many
from worker.outcome import Outcome, OutcomeKind, Settled, Stage
from worker.quarantine import quarantine_record

log = logging.getLogger(__name__)


class Services(NamedTuple):
    """What a worker decides with and delivers to. Store or topic, or both; without a quarantine rejects stay queued."""

    bundle: Bundle
    policy: Policy
    store: Store | None
    topic: Topic | None
    quarantine: Queue | None
    queue_url: str


_PUT_OUTCOMES: Final[dict[str, OutcomeKind]] = {"applied": "applied", "equal": "duplicate", "superseded": "superseded"}


def process_batch(
    messages: Sequence[Message],
    services: Services,
    now: datetime,
    is_held: Callable[[Message], bool],
    settled: Settled = MappingProxyType({}),
) -> list[Outcome]:
    """
    Process every event of the messages.

    Args:
        messages: What was received.
        services: What to decide with, and where to deliver.
        now: The present, in UTC.
        is_held: Whether a message's lease is still ours; nothing is published for one whose lease is lost.
        settled: The events to pass over, since an earlier try has done them.

    Returns:
        One outcome for every event that is not settled. An error that nobody foresaw is logged, and its event retried.
    """
    good, bad, outcomes = decoded(messages, services.bundle.feature_names, now, has_store=services.store is not None)
    if settled:
        good = [one for one in good if one.position not in settled.get(one.message.receipt, ())]
        bad = [one for one in bad if one.position not in settled.get(one.message.receipt, ())]
    applied, conflicts = _applied(good, services, is_held)
    return outcomes + applied + _quarantined(bad + conflicts, services, now)


def _applied(
    good: list[Good], services: Services, is_held: Callable[[Message], bool]
) -> tuple[list[Outcome], list[Bad]]:
    """Apply all together; where that fails unforeseen, go on by halves, until the guilty one is alone."""
    if not good:
        return [], []
    try:
        return _applied_together(good, services, is_held)
    except Exception:
        if len(good) == 1:
            [(message, position, _)] = good
            log.exception("message %s, event %d: failed unforeseen; it goes back", message.id, position)
            return [Outcome(message, position, "retried")], []
    half = len(good) // 2
    first, first_conflicts = _applied(good[:half], services, is_held)
    second, second_conflicts = _applied(good[half:], services, is_held)
    return first + second, first_conflicts + second_conflicts


def _applied_together(
    good: list[Good], services: Services, is_held: Callable[[Message], bool]
) -> tuple[list[Outcome], list[Bad]]:
    """Score, decide, store, publish. What the store knows under the same id with other content is a conflict."""
    cases = [case for _, _, case in good]
    matrix = matrix_from_customers([case.customer for case in cases], services.bundle.feature_names)
    scores = score(services.bundle.model, matrix)
    places = places_of_leads(cases, scores, services.policy)
    reasons = dict(zip(places, services.bundle.reasons(matrix[places]), strict=True))
    if services.store is None:
        return _published(_told(good, scores, reasons, services.policy, is_held), services), []
    every = [reasons.get(place, ()) for place in range(len(cases))]
    puts = services.store.put(decide(cases, scores, services.policy, every))
    outcomes: list[Outcome] = []
    conflicts: list[Bad] = []
    for event, put in zip(good, puts, strict=True):
        message, position, case = event
        if put.outcome == "conflict":
            conflicts.append(Bad(message, position, Reject(CONFLICT, event_id=case.event_id)))
        elif put.outcome == "failed":
            outcomes.append(Outcome(message, position, "retried", case, failed_at="store"))
        elif not is_held(message):
            outcomes.append(Outcome(message, position, "retried", case))
        else:
            outcomes.append(_outcome(event, put))
    return _published(outcomes, services), conflicts


def _told(
    good: list[Good],
    scores: Vector,
    reasons: Mapping[int, tuple[Reason, ...]],
    policy: Policy,
    is_held: Callable[[Message], bool],
) -> list[Outcome]:
    """Without a store only leads, those that have reasons, are told of, and each counts as its customer's first."""
    messages, positions, cases = zip(*good, strict=True)
    kinds: list[OutcomeKind] = ["applied" if is_held(message) else "retried" for message in messages]
    nothing = [None] * len(good)
    outcomes = many(Outcome, messages, positions, kinds, cases, scores.tolist(), nothing, nothing, nothing, nothing)
    places = [place for place in reasons if kinds[place] == "applied"]
    told = first_leads([cases[i] for i in places], scores[places].tolist(), policy, [reasons[i] for i in places])
    for place, lead in zip(places, told, strict=True):
        outcomes[place] = outcomes[place]._replace(lead=lead)
    return outcomes


def _outcome(event: Good, put: Put) -> Outcome:
    """Say what an event has come to so far, and, where its own decision is the stored one, what is to be published."""
    kind = _PUT_OUTCOMES[put.outcome]
    if kind == "superseded" or put.stored is None:
        return Outcome(event.message, event.position, kind, event.case)
    decision = put.stored.decision
    return Outcome(event.message, event.position, kind, event.case, decision.score, decision, announce(put.stored))


def _published(outcomes: list[Outcome], services: Services) -> list[Outcome]:
    """Publish; an event whose lead was not taken is retried. Then note the withdrawals that are out."""
    if services.topic is None:
        return outcomes
    failed = {lead.id for lead in services.topic.publish([o.lead for o in outcomes if o.lead is not None])}
    if failed:
        outcomes = [
            o if o.lead is None or o.lead.id not in failed else o._replace(kind="retried", failed_at="topic")
            for o in outcomes
        ]
    if services.store is not None and (withdrawn := _withdrawn(outcomes)):
        services.store.settle_withdrawals(withdrawn)
    return outcomes


def _withdrawn(outcomes: Sequence[Outcome]) -> list[Decision]:
    return [
        o.decision
        for o in outcomes
        if o.lead is not None
        and o.decision is not None
        and o.kind != "retried"
        and o.lead.type.endswith("withdrawn.v1")
    ]


def _quarantined(bad: list[Bad], services: Services, now: datetime) -> list[Outcome]:
    """Set the rejected events aside; what cannot be set aside stays on the queue."""
    records = [_record(services.queue_url, one, now) for one in bad]
    outcomes: list[Outcome] = []
    for (message, position, reject), (kind, failed_at) in zip(bad, _sent(records, services.quarantine), strict=True):
        outcomes.append(Outcome(message, position, kind, reason=reject.reason, failed_at=failed_at))
        if failed_at is None:
            place = "set aside" if kind == "quarantined" else "left for the dead-letter queue"
            log.warning("message %s, event %d: %s as %s", message.id, position, place, reject.reason)
    return outcomes


def _record(queue_url: str, event: Bad, now: datetime) -> bytes | None:
    """Write the record of a rejected event, or None where it fails unforeseen, or no message can hold it."""
    try:
        record = quarantine_record(queue_url, *event, now)
    except Exception:
        log.exception("message %s, event %d: no record can be written of it", event.message.id, event.position)
        return None
    return record if len(record) <= MAX_MESSAGE_BYTES else None


def _sent(records: list[bytes | None], quarantine: Queue | None) -> list[tuple[OutcomeKind, Stage | None]]:
    """Send the records, and say of each whether it is there. What has none is not tried again before its back-off."""
    if quarantine is None:
        return [("retried", None)] * len(records)
    fitting = {place: record for place, record in enumerate(records) if record is not None}
    sent: dict[int, str | None] = {}
    try:
        sent = dict(zip(fitting, quarantine.send(list(fitting.values())) if fitting else [], strict=True))
    except Exception:
        log.exception("the quarantine failed unforeseen; %d rejected events are kept for it", len(fitting))
    return [_fate(sent.get(place)) if place in fitting else ("retried", None) for place in range(len(records))]


def _fate(message_id: str | None) -> tuple[OutcomeKind, Stage | None]:
    return ("retried", "quarantine") if message_id is None else ("quarantined", None)
