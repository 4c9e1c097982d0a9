"""What became of each event, and from that what is to become of each message."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

from ports import Message
from propensity.decision import Case
from schemas.decision import Decision
from schemas.lead import Lead

OutcomeKind = Literal["applied", "duplicate", "superseded", "quarantined", "retried"]

Stage = Literal["store", "topic", "quarantine", "queue"]
"""Where an event, or in the end its message, can fail by no fault of its own."""

Settled = Mapping[str, AbstractSet[int]]
"""Which events of a message are done already: positions by the message's receipt."""


class Outcome(NamedTuple):
    """
    What became of one event, the one at this position in its message.

    `applied`: stored (or, without a store, published). `duplicate`: it had been stored before, and what was decided
    then was published again. `superseded`: a newer event was there before. `quarantined`: set aside for `reason`.
    `retried`: not done; its message must stay, and where a service has not taken it, `failed_at` says which.
    `decision` is what is stored: None without a store.
    """

    message: Message
    position: int
    kind: OutcomeKind
    case: Case | None = None
    score: float | None = None
    decision: Decision | None = None
    lead: Lead | None = None
    reason: str | None = None
    failed_at: Stage | None = None


class Fates(NamedTuple):
    """The messages whose events are all done, those that a service did not take, and those that must go back."""

    done: list[Message]
    failed: dict[Message, Stage]
    left: list[Message]


def fates(messages: Sequence[Message], outcomes: Collection[Outcome]) -> Fates:
    """Say what is to become of each message, from what its events have come to."""
    retried = [outcome for outcome in outcomes if outcome.kind == "retried"]
    if not retried and [outcome.message for outcome in outcomes] == messages:
        return Fates(list(messages), {}, [])  # one event in each, and all are done: nearly always
    known = {outcome.message.receipt for outcome in outcomes}
    failures: dict[str, set[Stage | None]] = {}
    for outcome in retried:
        failures.setdefault(outcome.message.receipt, set()).add(outcome.failed_at)
    found = Fates([], {}, [])
    for message in messages:
        stages = failures.get(message.receipt, set())
        if message.receipt not in known or None in stages:  # one of which nothing is known is not done
            found.left.append(message)
        elif stages:
            found.failed[message] = min(stage for stage in stages if stage is not None)
        else:
            found.done.append(message)
    return found


def working_stages(outcomes: Collection[Outcome]) -> set[Stage]:
    """Name the services that have taken at least one of the events."""
    signs: dict[Stage, Iterator[bool]] = {
        "quarantine": (o.kind == "quarantined" for o in outcomes),
        "store": (
            o.case is not None and o.kind != "quarantined" and (o.kind != "retried" or o.failed_at == "topic")
            for o in outcomes
        ),
        "topic": (o.lead is not None and o.kind != "retried" for o in outcomes),
    }
    return {stage for stage, sign in signs.items() if any(sign)}
