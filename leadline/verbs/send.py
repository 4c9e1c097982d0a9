"""`leadline send`: put customer events on the queue."""

import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import Progress

from leadline.event_files import pack, read_messages
from leadline.output import CheckFailed, Failed, console_for, emit, json_option, progress_console
from leadline.sample import cloud_event, sample_customers, sample_events
from leadline.verbs.validate import check_message, needed_fields
from ports import Queue, create_queue, open_queue
from worker.configuration import load_settings
from worker.settings import SettingsError

_AT_ONCE = 100


@click.command
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), required=False)
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Send N customers of the real data instead.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Messages a second; as fast as can be.")
@click.option("--pack", "size", type=click.IntRange(1, 1000), default=1, show_default=True, help="Events a message.")
@click.option("--create", is_flag=True, help="Make the embedded queue if its file is not there.")
@click.option("--unchecked", is_flag=True, help="Send faulty events too; the worker will set them aside.")
@click.option("--dry-run", is_flag=True, help="Check and count, and send nothing.")
@json_option
def send(
    *,
    file: Path | None,
    sample: int | None,
    rate: float | None,
    size: int,
    create: bool,
    unchecked: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Put customer events on the queue that LEADLINE_QUEUE names.

    FILE holds one message a line (JSON Lines), or one JSON document; `-` is standard input. Everything is checked
    before anything is sent.
    """
    if (file is None) == (sample is None):
        raise click.UsageError("give a FILE of events, or --sample N")
    messages = list(pack(_events(file, sample, unchecked=unchecked), size))
    if size > 1 and not unchecked:
        _check_packed(messages)
    if not dry_run:
        _send(_queue(create=create), messages, rate)
    did = "would be sent" if dry_run else "sent"
    console_for(as_json=as_json).print(f"{len(messages)} messages {did}")
    emit({"messages": len(messages), "sent": not dry_run}, as_json=as_json)


def _events(file: Path | None, sample: int | None, *, unchecked: bool) -> list[bytes]:
    if file is None:
        customers = list(sample_customers(sample or 0))
        return [cloud_event(e) for e in sample_events(customers, f"sample-{secrets.token_hex(4)}", datetime.now(UTC))]
    needed = needed_fields(None)
    bodies = []
    for line, body in read_messages(file):
        faults = [fault for _, found in check_message(body, needed) for fault in found]
        if faults and not unchecked:
            where = f"{file}, line {line}, {faults[0].pointer or 'the event'}"
            raise CheckFailed(
                f"{where}: {faults[0].repair} ({faults[0].reason}). Nothing was sent; `leadline validate` lists every "
                "fault, --unchecked sends all the same"
            )
        bodies.append(body.strip())
    return bodies


def _check_packed(messages: list[bytes]) -> None:
    """An event inside an envelope is good by itself, and bad in a pack."""
    needed = needed_fields(None)
    for message in messages:
        for place, faults in check_message(message, needed):
            if faults:
                raise CheckFailed(
                    f"event {place} of a pack: {faults[0].repair} ({faults[0].reason}); was it in an envelope? "
                    "Nothing was sent; send it without --pack"
                )


def _queue(*, create: bool) -> Queue:
    url = load_settings(os.environ).settings.queue
    if url is None:
        raise SettingsError(["LEADLINE_QUEUE is not set; give an SQS queue URL or sqlite:///FILE"])
    if create and url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return create_queue(url)
    return open_queue(url)


def _send(queue: Queue, messages: list[bytes], rate: float | None) -> None:
    """Send with a progress bar, at most `rate` messages a second."""
    at_once = _AT_ONCE if rate is None else max(1, min(_AT_ONCE, int(rate / 10)))
    started = time.monotonic()
    with Progress(console=progress_console(), transient=True) as progress:
        bar = progress.add_task("sending", total=len(messages))
        for sent in range(0, len(messages), at_once):
            if rate is not None:
                time.sleep(max(0.0, started + sent / rate - time.monotonic()))
            ids = queue.send(messages[sent : sent + at_once])
            if None in ids:
                raise Failed(
                    f"message {sent + ids.index(None) + 1} was not taken by {queue.url}; those before it were; "
                    "see the log line above for why"
                )
            progress.advance(bar, len(ids))
