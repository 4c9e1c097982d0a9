"""The messages of a batch become good events and bad ones, each with its place; a bad one harms no other."""

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import repeat
from typing import Final, NamedTuple

from ports import Message
from propensity.decision import Case
from worker.decode import Decoder
from worker.errors import Fault, Reject
from worker.many import many
from worker.outcome import Outcome

log = logging.getLogger(__name__)

CONFLICT: Final = Fault(
    "event_id_conflict", "/id", "this event id came before with other content; give each event an id of its own"
)
_AT_A_TIME: Final = 50
"""One unusual message has so many looked at one by one."""


class Good(NamedTuple):
    """An event that can be decided on, and where it was."""

    message: Message
    position: int
    case: Case


class Bad(NamedTuple):
    """An event that can never succeed, and where it was."""

    message: Message
    position: int
    reject: Reject


class Decoded(NamedTuple):
    """The events of a batch, and what comes of messages that failed."""

    good: list[Good]
    bad: list[Bad]
    unforeseen: list[Outcome]


def decoded(messages: Sequence[Message], needed: Sequence[str], now: datetime, *, has_store: bool) -> Decoded:
    """Decode each message, and retry what fails unforeseen. Which content of an event id stands, a store tells best."""
    decoder = Decoder(needed, now)
    found = Decoded([], [], [])
    for begin in range(0, len(messages), _AT_A_TIME):
        some = messages[begin : begin + _AT_A_TIME]
        usual = _decoded_together(some, decoder)
        if usual is None:
            _decode_each(some, decoder, found)
        else:
            found.good.extend(many(Good, some, repeat(0, len(some)), usual))
    if has_store:
        return found
    good, conflicts = _without_conflicts(found.good)
    return found._replace(good=good, bad=found.bad + conflicts)


def _decoded_together(messages: Sequence[Message], decoder: Decoder) -> list[Case] | None:
    try:
        return decoder.decode_usual([message.body for message in messages])
    except Exception:
        log.exception("%d messages failed unforeseen to be read together; they are read one by one", len(messages))
        return None


def _decode_each(messages: Sequence[Message], decoder: Decoder, found: Decoded) -> None:
    for message in messages:
        try:
            cases = decoder.decode(message.body)
        except Reject as reject:
            cases = [reject]
        except Exception:
            log.exception("message %s failed unforeseen; it goes back to the queue", message.id)
            found.unforeseen.append(Outcome(message, 0, "retried"))
            continue
        for position, case in enumerate(cases):
            if isinstance(case, Case):
                found.good.append(Good(message, position, case))
            else:
                found.bad.append(Bad(message, position, case))


def _without_conflicts(good: list[Good]) -> tuple[list[Good], list[Bad]]:
    """Without a store, the first of two contents under one event id in a batch stands; the others are rejected."""
    if len({case.event_id for _, _, case in good}) == len(good):
        return good, []
    firsts: dict[tuple[str, str], Case] = {}
    standing: list[Good] = []
    conflicts: list[Bad] = []
    for one in good:
        case = one.case
        first = firsts.setdefault((case.customer.customer_id, case.event_id), case)
        if first is case or first.content_sha256 == case.content_sha256:
            standing.append(one)
        else:
            conflicts.append(Bad(one.message, one.position, Reject(CONFLICT, event_id=case.event_id)))
    return standing, conflicts
