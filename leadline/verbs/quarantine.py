"""`leadline quarantine`: what was set aside, and why."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click
from rich.table import Column, Table

from leadline.browse import browse
from leadline.output import Failed, console_for, emit, json_option
from ports import open_queue
from worker.configuration import load_settings
from worker.errors import REASONS
from worker.quarantine import Quarantined, read_record
from worker.settings import SettingsError


@click.group
def quarantine() -> None:
    """See what was set aside, and why. The queue is LEADLINE_QUARANTINE."""


@quarantine.command("ls")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many to list.")
@json_option
def list_records(*, limit: int, as_json: bool) -> None:
    """List the events that were set aside: reason, place of the fault, event id, message; not the events themselves."""
    records = list(_records())
    table = Table(
        Column("key", no_wrap=True),
        "reason",
        "where",
        "event",
        "message",
        "set aside at",
        box=None,
        header_style="bold",
    )
    for record in records[:limit]:
        where = record.faults[0]["pointer"] or "the message"
        table.add_row(record.key, record.reason, where, record.event_id or "", record.message_id, record.quarantined_at)
    console = console_for(as_json=as_json)
    console.print(table)
    by_reason = Counter(record.reason for record in records)
    console.print(f"\n{len(records)} set aside" + (f", {limit} shown" if len(records) > limit else ""))
    for reason, count in by_reason.most_common():
        console.print(f"  {count:6}  {reason}: {REASONS.get(reason, '')}")
    listed = [_without_body(record) for record in records[:limit]]
    emit({"count": len(records), "by_reason": dict(by_reason), "records": listed}, as_json=as_json)


@quarantine.command("show")
@click.argument("key")
@click.option("--body", is_flag=True, help="Show the event itself too. It is customer data.")
@json_option
def show_record(*, key: str, body: bool, as_json: bool) -> None:
    """Show one event that was set aside: every fault with its repair."""
    record = next((record for record in _records() if record.key == key), None)
    if record is None:
        raise Failed(f"there is no {key} in the quarantine; `leadline quarantine ls` lists the keys")
    console = console_for(as_json=as_json)
    console.print(f"{record.key}  {record.reason}: {REASONS.get(record.reason, '')}")
    console.print(f"message {record.message_id}, event {record.index}, of {record.queue}, at {record.quarantined_at}")
    for fault in record.faults:
        console.print(f"  {fault['pointer'] or 'the message'}: {fault['repair']}  ({fault['reason']})")
    if body:
        console.out(record.body.decode(errors="replace"))
    emit(_without_body(record) | ({"body": record.body.decode(errors="replace")} if body else {}), as_json=as_json)


def _without_body(record: Quarantined) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name != "body"}


def _records() -> Iterator[Quarantined]:
    """Read the quarantine; a copy that a crash left behind bears the same key and is passed over."""
    url = load_settings(os.environ).settings.quarantine
    if url is None:
        raise SettingsError(["LEADLINE_QUARANTINE is not set; give an SQS queue URL or sqlite:///FILE"])
    seen: set[str] = set()
    for message in browse(open_queue(url)):
        try:
            record = read_record(message.body)
        except ValueError as error:
            raise Failed(f"message {message.id} of {url}: {error}; is it the right queue?") from error
        if record.key not in seen:
            seen.add(record.key)
            yield record
