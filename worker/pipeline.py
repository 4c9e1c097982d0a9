"""
One batch of messages, from bytes to an outcome for every event: decode, score, decide, store, publish.

The order of the steps is what keeps leads from being lost or contradicted; `docs/decisions/0002-delivery.md` says why.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from ports import Message, Put, Queue, Store, Topic
from propensity.bundle import Bundle
from propensity.decision import Case, Policy, announce, decide
from propensity.features import matrix_from_customers
from propensity.scoring import score
from schemas.decision import Decision, StoredDecision
from schemas.lead import Lead
from worker.decode import decode
from worker.errors import Fault, Reject
from worker.quarantine import quarantine_record

log = logging.getLogger(__name__)

OutcomeKind = Literal["applied", "duplicate", "superseded", "quarantined", "retried"]


class Services(NamedTuple):
    """What a worker decides with and delivers to. Store or topic, or both; without a quarantine rejects stay queued."""

    bundle: Bundle
    policy: Policy
    store: Store | None
    topic: Topic | None
    quarantine: Queue | None
    queue_url: str


class Entry(NamedTuple):
    """One event of one message."""

    message: Message
    position: int


class Outcome(NamedTuple):
    """
    What became of one event.

    `applied`: stored (or, without a store, published). `duplicate`: it had been stored before, and what was decided
    then was published again. `superseded`: a newer event was there before. `quarantined`: set aside for `reason`.
    `retried`: not done; its message must stay on the queue.
    """

    entry: Entry
    kind: OutcomeKind
    case: Case | None = None
    decision: Decision | None = None
    lead: Lead | None = None
    reason: str | None = None


_PUT_OUTCOMES: Final[dict[str, OutcomeKind]] = {"applied": "applied", "equal": "duplicate", "superseded": "superseded"}
_CONFLICT: Final = Fault(
    "event_id_conflict", "/id", "this event id came before with other content; give each event an id of its own"
)


def process_batch(
    messages: Sequence[Message], services: Services, now: datetime, is_held: Callable[[Message], bool]
) -> list[Outcome]:
    """
    Process every event of the messages.

    Args:
        messages: What was received.
        services: What to decide with, and where to deliver.
        now: The present, in UTC.
        is_held: Whether a message's lease is still ours; nothing is published for one whose lease is lost.

    Returns:
        One outcome for every event. An error that nobody foresaw is logged, and its events are retried.
    """
    cases, outcomes = _decoded(messages, services, now)
    rejects = [(entry, case) for entry, case in cases if isinstance(case, Reject)]
    accepted = [(entry, case) for entry, case in cases if isinstance(case, Case)]
    try:
        applied, conflicts = _applied(accepted, services, is_held)
        outcomes += applied
        rejects += conflicts
    except Exception:
        log.exception("a batch of %d events failed unforeseen; its messages go back to the queue", len(accepted))
        outcomes += [Outcome(entry, "retried") for entry, _ in accepted]
    return outcomes + _quarantined(rejects, services, now)


def done_messages(messages: Iterable[Message], outcomes: Iterable[Outcome]) -> tuple[list[Message], list[Message]]:
    """Part the messages into those whose events are all done, to be deleted, and those that must stay."""
    finished: dict[str, bool] = {}
    for outcome in outcomes:
        receipt = outcome.entry.message.receipt
        finished[receipt] = finished.get(receipt, True) and outcome.kind != "retried"
    done: list[Message] = []
    left: list[Message] = []
    for message in messages:  # one of which nothing is known is not done
        (done if finished.get(message.receipt, False) else left).append(message)
    return done, left


def _decoded(
    messages: Sequence[Message], services: Services, now: datetime
) -> tuple[list[tuple[Entry, Case | Reject]], list[Outcome]]:
    """Decode each message, and retry what fails unforeseen. Which content of an event id stands, a store tells best."""
    cases: list[tuple[Entry, Case | Reject]] = []
    unforeseen: list[Outcome] = []
    for message in messages:
        try:
            found = decode(message.body, services.bundle.feature_names, now)
        except Reject as reject:
            found = [reject]
        except Exception:
            log.exception("message %s failed unforeseen; it goes back to the queue", message.id)
            unforeseen.append(Outcome(Entry(message, 0), "retried"))
            continue
        cases += [(Entry(message, index), case) for index, case in enumerate(found)]
    return cases if services.store is not None else _without_conflicts(cases), unforeseen


def _without_conflicts(cases: list[tuple[Entry, Case | Reject]]) -> list[tuple[Entry, Case | Reject]]:
    """Without a store, the first of two contents under one event id in a batch stands; the others are rejected."""
    contents: dict[tuple[str, str], str] = {}
    checked: list[tuple[Entry, Case | Reject]] = []
    for entry, case in cases:
        if isinstance(case, Case):
            first = contents.setdefault((case.customer.customer_id, case.event_id), case.content_sha256)
            if first != case.content_sha256:
                checked.append((entry, Reject(_CONFLICT, event_id=case.event_id)))
                continue
        checked.append((entry, case))
    return checked


def _applied(
    accepted: list[tuple[Entry, Case]], services: Services, is_held: Callable[[Message], bool]
) -> tuple[list[Outcome], list[tuple[Entry, Reject]]]:
    """Score, decide, store, publish. What the store knows under the same id with other content is a conflict."""
    cases = [case for _, case in accepted]
    matrix = matrix_from_customers([case.customer for case in cases], services.bundle.feature_names)
    decisions = decide(cases, score(services.bundle.model, matrix), services.policy)
    puts = _put(decisions, services.store)
    outcomes: list[Outcome] = []
    conflicts: list[tuple[Entry, Reject]] = []
    for (entry, case), put in zip(accepted, puts, strict=True):
        if put.outcome == "conflict":
            conflicts.append((entry, Reject(_CONFLICT, event_id=case.event_id)))
        else:
            outcomes.append(_outcome(entry, case, put, is_held))
    return _published(outcomes, services), conflicts


def _put(decisions: list[Decision], store: Store | None) -> list[Put]:
    """Store the decisions; without a store, each counts as the newest, and no lead was out before."""
    if store is None:
        return [Put("applied", StoredDecision(decision=decision, was_lead=False)) for decision in decisions]
    return store.put(decisions)


def _outcome(entry: Entry, case: Case, put: Put, is_held: Callable[[Message], bool]) -> Outcome:
    """Say what an event has come to so far, and, where its own decision is the stored one, what is to be published."""
    if put.stored is None or put.outcome not in _PUT_OUTCOMES or not is_held(entry.message):
        return Outcome(entry, "retried", case)
    if put.outcome == "superseded":
        return Outcome(entry, "superseded", case)
    return Outcome(entry, _PUT_OUTCOMES[put.outcome], case, put.stored.decision, announce(put.stored))


def _published(outcomes: list[Outcome], services: Services) -> list[Outcome]:
    """Publish; an event whose lead was not taken is retried. Then note the withdrawals that are out."""
    if services.topic is None:
        return outcomes
    failed = {lead.id for lead in services.topic.publish([o.lead for o in outcomes if o.lead is not None])}
    settled = [o if o.lead is None or o.lead.id not in failed else o._replace(kind="retried") for o in outcomes]
    withdrawn = [
        o.decision
        for o in settled
        if o.lead is not None
        and o.decision is not None
        and o.kind != "retried"
        and o.lead.type.endswith("withdrawn.v1")
    ]
    if services.store is not None and withdrawn:
        services.store.settle_withdrawals(withdrawn)
    return settled


def _quarantined(rejects: list[tuple[Entry, Reject]], services: Services, now: datetime) -> list[Outcome]:
    """Set the rejected events aside; where that fails, or there is no quarantine, their messages stay on the queue."""
    for entry, reject in rejects:
        log.warning("message %s, event %d: rejected as %s", entry.message.id, entry.position, reject.reason)
    records = [quarantine_record(services.queue_url, *entry, reject, now) for entry, reject in rejects]
    kinds = _sent(records, services.quarantine)
    return [Outcome(entry, kind, reason=reject.reason) for (entry, reject), kind in zip(rejects, kinds, strict=True)]


def _sent(records: list[bytes], quarantine: Queue | None) -> list[OutcomeKind]:
    if quarantine is None or not records:
        return ["retried"] * len(records)
    try:
        sent = quarantine.send(records)
    except Exception:
        log.exception("the quarantine failed unforeseen; %d rejected events stay on the queue", len(records))
        return ["retried"] * len(records)
    for record, message_id in zip(records, sent, strict=True):
        if message_id is None:
            log.error("a record of %d bytes was not taken by the quarantine; its message stays queued", len(record))
    return ["retried" if message_id is None else "quarantined" for message_id in sent]
