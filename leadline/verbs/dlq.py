"""`leadline dlq`: messages that were received too often, and their way back."""

from datetime import UTC, datetime
from typing import Final

import click

from leadline.setaside import Item, Kind, Read, digest
from leadline.verbs.setaside import ls, show, stats
from leadline.verbs.validate import needed_fields
from leadline.verbs.wayback import export, redrive
from ports import Message
from propensity.decision import Case
from worker.decode import decode
from worker.errors import REASONS, Reject
from worker.quarantine import read_record

UNDELIVERED: Final = "undelivered"
_REASONS: Final = {
    **REASONS,
    UNDELIVERED: "nothing is wrong with it now: a service was away too long, or no quarantine",
}


@click.group
@click.pass_context
def dlq(context: click.Context) -> None:
    """
    See the queue's dead letters, and why they may have died; send them back when the cause is mended.

    The queue is LEADLINE_DLQ. A dead letter is a message as it came. Its reason is what a worker would say of it now
    (with the fields that the model of LEADLINE_MODEL needs), or `undelivered`. docs/quarantine.md says more.
    """
    context.obj = KIND


for _command in (ls, stats, show, redrive, export):
    dlq.add_command(_command)


def _reader() -> Read:
    needed = needed_fields(None)
    return lambda message: _read(message, needed)


def _read(message: Message, needed: tuple[str, ...]) -> Item:
    """
    Read a dead letter: whatever it is, but a record of the quarantine.

    Raises:
        ValueError: It is one.
    """
    if _is_record(message.body):
        raise ValueError("a record of the quarantine, not a message for a worker")
    events = _events(message.body, needed)
    rejects = [(place, event) for place, event in enumerate(events) if isinstance(event, Reject)]
    reason = rejects[0][1].reason if rejects else UNDELIVERED
    record = {
        "message_id": message.id,
        "reason": reason,
        "receive_count": message.receive_count,
        "bytes": len(message.body),
        "events": len(events),
        "event_id": events[0].event_id,
        "faults": [{"event": place, **fault._asdict()} for place, reject in rejects for fault in reject.faults],
    }
    return Item(
        key=message.id,
        message_id=message.id,
        origin=message.id,  # a dead letter keeps its id
        reason=reason,
        at=None,
        body=message.body,
        same=digest(message.id.encode(), message.body),
        record=record,
    )


def _events(body: bytes, needed: tuple[str, ...]) -> list[Case | Reject]:
    """Read the events; a message that cannot be read is one reject."""
    try:
        return decode(body, needed, datetime.now(UTC))
    except Reject as reject:
        return [reject]


def _is_record(body: bytes) -> bool:
    try:
        read_record(body)
    except (ValueError, RecursionError):
        return False
    return True


def _row(item: Item) -> tuple[str, ...]:
    record = item.record
    where = record["faults"][0]["pointer"] or "the message" if record["faults"] else ""
    numbers = (str(record[name]) for name in ("events", "receive_count", "bytes"))
    return item.key, item.reason, where, record["event_id"] or "", *numbers


def _story(item: Item) -> list[str]:
    record = item.record
    return [
        f"{item.key}  {item.reason}: {_REASONS[item.reason]}",
        f"{record['events']} events, {record['bytes']} bytes, received {record['receive_count']} times",
        *(
            f"  event {f['event']}, {f['pointer'] or 'the event'}: {f['repair']}  ({f['reason']})"
            for f in record["faults"]
        ),
    ]


KIND = Kind(
    setting="dlq",
    what="dead letter",
    reasons=_REASONS,
    has_times=False,
    reader=_reader,
    columns=("message", "reason", "where", "first event", "events", "receives", "bytes"),
    row=_row,
    story=_story,
)
