"""`leadline quarantine`: the events that can never succeed as they are, and their way back."""

from typing import Any, Final

import click
from pydantic import TypeAdapter

from leadline.setaside import Item, Kind, digest
from leadline.verbs.setaside import ls, show, stats
from leadline.verbs.wayback import export, redrive
from ports import Message
from schemas.event import canonical_time
from worker.errors import REASONS
from worker.quarantine import Quarantined, read_record

_FOREIGN: Final = "not a quarantine record of Leadline"
_RECORD: Final[TypeAdapter[Quarantined]] = TypeAdapter(Quarantined)


@click.group
@click.pass_context
def quarantine(context: click.Context) -> None:
    """
    See what was set aside, and why; send it back when the cause is mended.

    The queue is LEADLINE_QUARANTINE. Looking holds its messages for a moment and raises their receive counts: give it
    no redrive policy. docs/quarantine.md says more.
    """
    context.obj = KIND


for _command in (ls, stats, show, redrive, export):
    quarantine.add_command(_command)


def _read(message: Message) -> Item:
    """
    Read a record.

    Raises:
        ValueError: The message is none.
    """
    record = _record(message.body)
    content: dict[str, Any] = {name: value for name, value in vars(record).items() if name != "body"}
    return Item(
        key=record.key,
        message_id=message.id,
        origin=record.message_id,
        reason=record.reason,
        at=record.quarantined_at,
        body=record.body,
        # Several bad events of one message may each have it whole for a body: it goes back once.
        same=digest(record.queue.encode(), record.message_id.encode(), record.body),
        record=content,
    )


def _record(body: bytes) -> Quarantined:
    """Read a record that has all that we show. The error quotes nothing: it might be customer data."""
    try:
        record = _RECORD.validate_python(vars(read_record(body)))
        canonical_time(record.quarantined_at)
    except (ValueError, RecursionError):
        raise ValueError(_FOREIGN) from None
    if not record.faults or any(fault.keys() != {"reason", "pointer", "repair"} for fault in record.faults):
        raise ValueError(_FOREIGN)
    return record


def _row(item: Item) -> tuple[str, ...]:
    record = item.record
    where = record["faults"][0]["pointer"] or "the message"
    return item.key, item.reason, where, record["event_id"] or "", record["message_id"], record["quarantined_at"]


def _story(item: Item) -> list[str]:
    record = item.record
    return [
        f"{item.key}  {item.reason}: {REASONS.get(item.reason, '')}",
        f"message {record['message_id']}, event {record['index']}, of {record['queue']}, at {record['quarantined_at']}",
        *(f"  {f['pointer'] or 'the message'}: {f['repair']}  ({f['reason']})" for f in record["faults"]),
    ]


KIND = Kind(
    setting="quarantine",
    what="record",
    reasons=REASONS,
    has_times=True,
    reader=lambda: _read,
    columns=("key", "reason", "where", "event", "message", "set aside at"),
    row=_row,
    story=_story,
)
