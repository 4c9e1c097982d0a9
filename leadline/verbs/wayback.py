"""The verbs that take something out of what was set aside: `redrive` and `export`."""

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from leadline.exported import write_jsonl
from leadline.output import console_for, emit, json_option, progress_console
from leadline.redrive import Redrive, Redriven, Wish, World
from leadline.setaside import Kind
from leadline.stopping import stop_between_calls
from leadline.superseded import superseded_by
from leadline.verbs.setaside import addresses, items_of
from leadline.where import parse_where
from ports import Queue, Store, Unavailable, open_queue, open_store
from ports.addresses import file_path
from worker.configuration import load_settings

_WHERE_HELP = (
    "Only these: reason=CODE (may be repeated: any of them), after=TIME, before=TIME; times of the quarantine."
)


@click.command(short_help="Send it back to the main queue.")
@click.option("--where", "conditions", metavar="NAME=VALUE", multiple=True, help=_WHERE_HELP)
@click.option("--all", "everything", is_flag=True, help="All that was set aside.")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), help="Messages a second at most; else as fast as can be."
)
@click.option("--limit", type=click.IntRange(min=1), help="Send no more messages than this.")
@click.option("--dry-run", is_flag=True, help="Look and count, and change nothing.")
@json_option
@click.pass_obj
def redrive(
    kind: Kind,
    *,
    conditions: tuple[str, ...],
    everything: bool,
    rate: float | None,
    limit: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """
    Send what was set aside back to LEADLINE_QUEUE.

    Mend the cause first, the producer, the bundle or the clock: an event that is still bad is set aside again. Each
    message is deleted here only when the main queue has acknowledged it, so that nothing is lost; it may be sent twice,
    which a worker sees by the event's id. With LEADLINE_STORE, what a newer event of the customer has superseded is
    taken away instead. Ctrl-C and SIGTERM stop it between two calls; run it again to go on.

    Exit codes: 0 done, 3 some of it was set aside again meanwhile, 75 some could not go now, 130 or 143 stopped.
    """
    if (everything and conditions) or not (everything or conditions or dry_run):
        raise click.UsageError("give --where reason=CODE for some, or --all for all that was set aside; not both")
    where = parse_where(conditions, kind)
    aside_url, main_url = addresses(kind.setting, "queue")
    aside, main = open_queue(aside_url), open_queue(main_url)
    wish = Wish(where.matches, superseded_by(_store(), lambda: datetime.now(UTC)), rate, limit, dry_run)
    started = time.monotonic()
    with stop_between_calls() as stopping, _progress() as progress:
        bar = progress.add_task("looking at", total=aside.depth().visible)
        run = Redrive(aside, main, kind.reader(), wish, World(stopping=stopping))
        done = run.run(lambda more: progress.advance(bar, more))
        stopped = stopping()
    result = _result(done, aside, stopped, seconds=time.monotonic() - started, dry_run=dry_run)
    _tell(console_for(as_json=as_json), done, result, kind, is_exact=aside_url.startswith("sqlite:"))
    emit(result, as_json=as_json)
    return _exit_code(done, stopped)


@click.command(short_help="Write it to a file.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--where", "conditions", metavar="NAME=VALUE", multiple=True, help=_WHERE_HELP)
@click.option("--bodies", is_flag=True, help="Write the events themselves too. They are customer data.")
@json_option
@click.pass_obj
def export(kind: Kind, *, file: Path, conditions: tuple[str, ...], bodies: bool, as_json: bool) -> None:
    """
    Write what was set aside to FILE, a record a line (JSON Lines); nothing is taken from the queue.

    Without --bodies no customer data is written. With it only you can read the file (mode 0600). The file is complete,
    or it is not there; one that was there before is replaced.
    """
    where = parse_where(conditions, kind)
    console = console_for(as_json=as_json)
    with items_of(kind, console) as items, _progress() as progress:
        bar = progress.add_task("exporting", total=None)
        wanted = (item for item in items if where.matches(item))
        written = write_jsonl(file, wanted, bodies=bodies, tell=lambda: progress.advance(bar))
    how = "with customer data" if bodies else "without the events"
    console.print(f"{written} written to {file}, {how}", soft_wrap=True)
    emit({"written": written, "file": str(file), "bodies": bodies}, as_json=as_json)


def _store() -> Store | None:
    """Open the store, if there is one to ask; a file that is not there holds nothing, and is not made."""
    url = load_settings(os.environ).settings.store
    if url.startswith("sqlite:") and not file_path(url, "sqlite").exists():
        return None
    return open_store(url)


def _progress() -> Progress:
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    return Progress(*columns, console=progress_console(), transient=True)


def _result(
    done: Redriven, aside: Queue, stopped: signal.Signals | None, *, seconds: float, dry_run: bool
) -> dict[str, Any]:
    """Return what is printed; `remaining` is approximate on SQS."""
    try:
        remaining: int | None = sum(aside.depth())
    except Unavailable:
        remaining = None
    if remaining is not None and dry_run:
        remaining = max(0, remaining - done.redriven - done.superseded - done.copies)
    return {
        "dry_run": dry_run,
        **done._asdict(),
        "remaining": remaining,
        "stopped": None if stopped is None else stopped.name,
        "seconds": round(seconds, 2),
    }


def _tell(console: Console, done: Redriven, result: dict[str, Any], kind: Kind, *, is_exact: bool) -> None:
    would = "would be " if result["dry_run"] else ""
    console.print(f"{done.redriven} {would}sent back to the main queue")
    lines = (
        (done.superseded, f"{would}taken away, since the store holds a newer event"),
        (done.copies, f"copies of these, {would}taken away with them"),
        (done.failed, "not taken by the main queue, and left"),
        (done.came_back, "of these set aside again meanwhile, and left: the cause is not mended"),
        (done.undeleted, "done, and still there as well: run it again"),
        (done.not_matching, "looked at, and not meant"),
        (done.foreign, f"of another kind (no {kind.what}), and left"),
    )
    for count, text in lines:
        if count:
            console.print(f"{count} {text}")
    if result["remaining"] is not None:
        about = "" if is_exact else "about "
        console.print(f"{about}{result['remaining']} {'would remain' if result['dry_run'] else 'remain'} set aside")
    if result["stopped"]:
        console.print(f"stopped by {result['stopped']}; run it again to go on")
    if done.trouble:
        console.print(f"ended early: {done.trouble}; run it again to go on", soft_wrap=True)


def _exit_code(done: Redriven, stopped: signal.Signals | None) -> int:
    if stopped is not None:
        return 128 + stopped
    if done.failed or done.undeleted or done.trouble:
        return 75
    return 3 if done.came_back else 0
