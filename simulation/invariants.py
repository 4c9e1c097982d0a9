"""What must hold in the end, at the queue, in the store and at a subscriber, whatever went wrong before."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.decision import Decision, StoredDecision
from schemas.lead import Lead
from simulation.cloud import Cloud
from simulation.events import Planted, Sent
from simulation.models import expected, models, opinions
from simulation.oracle import new_subscriber
from worker.quarantine import read_record

_TYPES: Final = {(True, False): "created", (True, True): "updated", (False, True): "withdrawn"}


def check(cloud: Cloud, sent: Sequence[Sent]) -> None:
    """
    Check every promise that is made for the services there are.

    Raises:
        Violation: The first that does not hold.
    """
    good = [event for message in sent for event in message.events if event.reason is None]
    bad = [event for message in sent for event in message.events if event.reason is not None]
    _check_quarantine(cloud, good, bad)
    bodies = _copies_by_id(cloud)
    if cloud.mode == "topic only":
        _check_topic_alone(cloud, good, bodies)
        return
    _check_store(cloud, good)
    if cloud.mode == "store and topic":
        _check_leads(cloud, bodies)
        _check_subscriber(cloud)


def _check_quarantine(cloud: Cloud, good: Sequence[Planted], bad: Sequence[Planted]) -> None:
    """Each bad event is there for its reason, each place in a message under one key, and nothing good is."""
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for box in cloud.quarantine.boxes.values():
        record = read_record(box.body)
        place, what = (record.message_id, record.index), (record.key, record.reason)
        if found.setdefault(place, what) != what:
            cloud.world.fail(f"{place} stands in the quarantine both as {what} and as {found[place]}")
    contents = Counter((event.customer_id, event.event_id) for event in {event.json: event for event in good}.values())
    reasons = {event.json: {event.reason} for event in bad}
    kept: dict[str, set[str | None]] = {}
    for (message_id, index), (_, reason) in found.items():
        event = cloud.contents[message_id][index]
        if event.reason is None and reason == "event_id_conflict" and contents[event.customer_id, event.event_id] > 1:
            continue
        kept.setdefault(event.json, set()).add(reason)
    if kept != reasons:
        wrong = {text: kept.get(text) for text in kept.keys() | reasons.keys() if kept.get(text) != reasons.get(text)}
        cloud.world.fail(f"in the quarantine, for these reasons, and wrongly so: {sorted(wrong.items(), key=str)}")
    cloud.world.found["bad events"] += len(reasons)


def _copies_by_id(cloud: Cloud) -> dict[str, list[str]]:
    """Gather what the topic said under each id, each body once."""
    bodies: dict[str, list[str]] = {}
    for body in dict.fromkeys(cloud.topic.bodies):
        bodies.setdefault(json.loads(body)["id"], []).append(body)
    cloud.world.found["leads"] += len(bodies)
    cloud.world.found["copies"] += len(cloud.topic.bodies) - len(bodies)
    return bodies


def _check_topic_alone(cloud: Cloud, good: Sequence[Planted], bodies: Mapping[str, Sequence[str]]) -> None:
    """Nothing is lost; one event has one id; all copies of one model's decision are equal. No more is promised."""
    ids: dict[tuple[str, str], str] = {}
    for lead_id, copies in bodies.items():
        leads = [Lead.model_validate_json(copy) for copy in copies]
        if len(leads) != len({lead.data.model.sha256 for lead in leads}):
            cloud.world.fail(f"one model says two things under {lead_id}")
        for lead in leads:
            event = lead.data.customer_id, lead.data.event_id
            if ids.setdefault(event, lead_id) != lead_id or not lead.type.endswith("created.v1"):
                cloud.world.fail(f"event {event} goes out under two ids, or as {lead.type}")
    for planted in good:
        said = (planted.customer_id, planted.event_id) in ids
        if said not in opinions(planted):
            cloud.world.fail(f"event {planted.event_id} {'makes' if said else 'lacks'} a lead, as no model has it")


def _check_store(cloud: Cloud, good: Sequence[Planted]) -> None:
    """Each customer stands at the newest version, by a decision that one model took once."""
    world, applied = cloud.world, cloud.store.applied
    newest: dict[str, tuple[str, str]] = {}
    planted: dict[tuple[str, str], list[Planted]] = {}
    for event in good:
        newest[event.customer_id] = max(newest.get(event.customer_id, event.version), event.version)
        planted.setdefault((event.customer_id, event.event_id), []).append(event)
    rows = {customer: row.stored.decision for customer, row in cloud.store.rows.items()}
    stands = {customer: (decision.event_time, decision.event_id) for customer, decision in rows.items()}
    if stands != newest:
        wrong = sorted((c, stands.get(c), newest.get(c)) for c in stands | newest if stands.get(c) != newest.get(c))
        world.fail(f"not the newest versions, but (customer, stored, newest): {wrong}")
    counts = Counter((stored.decision.customer_id, stored.decision.event_id) for stored in applied)
    if counts and max(counts.values()) > 1:
        world.fail(f"stored more than once: {[event for event, count in counts.items() if count > 1]}")
    for stored in applied:
        decision = stored.decision
        if not any(_is_right(decision, event) for event in planted[decision.customer_id, decision.event_id]):
            world.fail(f"no model decides so about event {decision.event_id}: {decision}")


def _is_right(decision: Decision, event: Planted) -> bool:
    """Tell whether the decision is what the model that it names makes of the event."""
    for number, (_, policy) in enumerate(models()):
        if policy.model == decision.model:
            return (decision.score, decision.lead) == expected(event, number)
    return False


def _check_leads(cloud: Cloud, bodies: Mapping[str, Sequence[str]]) -> None:
    """Every lead says what was stored, and all of its copies say the same."""
    applied = {(s.decision.customer_id, s.decision.event_id): s for s in cloud.store.applied}
    for lead_id, copies in bodies.items():
        if len(copies) > 1:
            cloud.world.fail(f"two contradicting leads under {lead_id}: {copies}")
        lead = Lead.model_validate_json(copies[0])
        stored = applied.get((lead.data.customer_id, lead.data.event_id))
        if stored is None or _said(stored) != (lead.type, lead.data.model_dump(exclude={"lead_id"})):
            cloud.world.fail(f"lead {lead_id} does not say what was stored: {lead}")


def _said(stored: StoredDecision) -> tuple[str, dict[str, Any]]:
    """Return the type and the data that a stored decision must go out with."""
    kind = _TYPES.get((stored.decision.lead, stored.was_lead), "nothing")
    return f"bank.lead.{kind}.v1", stored.decision.model_dump(exclude={"source", "content_sha256", "lead"})


def _check_subscriber(cloud: Cloud) -> None:
    """A subscriber ends with what the newest decisions say, however the topic's messages are doubled and mixed."""
    decisions = [row.stored.decision for row in cloud.store.rows.values()]
    right = {d.customer_id: (d.event_id, d.score, d.tier, d.model.sha256) for d in decisions if d.lead}
    messages = [json.loads(body) for body in cloud.topic.bodies]
    chance = cloud.world.chance
    mixed = chance.sample(messages * 2, 2 * len(messages))
    for order in (messages, messages[::-1], mixed):
        subscriber = new_subscriber()
        for message in order:
            subscriber.handle(message)
        has = {
            lead["customer_id"]: (lead["event_id"], lead["score"], lead["tier"], lead["model"]["sha256"])
            for lead in subscriber.leads()
        }
        if has != right:
            wrong = sorted(c for c in has.keys() | right.keys() if has.get(c) != right.get(c))
            cloud.world.fail(f"the subscriber is wrong about {[(c, has.get(c), right.get(c)) for c in wrong]}")
