"""The verbs that look at what was set aside: `ls`, `stats` and `show` of `leadline quarantine` and `leadline dlq`."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from leadline.exported import body_as_json
from leadline.output import Failed, console_for, emit, json_option
from leadline.setaside import Item, Kind, printable, read_all
from leadline.stopping import stop_between_calls, until_stopped
from ports import Queue, open_queue
from worker.configuration import load_settings
from worker.settings import Settings, SettingsError, variable


@click.command(short_help="List what was set aside, and why.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many to list.")
@json_option
@click.pass_obj
def ls(kind: Kind, *, limit: int, as_json: bool) -> None:
    """List what was set aside, and why; not the events themselves."""
    console = console_for(as_json=as_json)
    table = Table(Column(kind.columns[0], no_wrap=True), *kind.columns[1:], box=None, header_style="bold")
    by_reason: Counter[str] = Counter()
    records: list[dict[str, Any]] = []
    with items_of(kind, console) as items:
        for item in items:
            by_reason[item.reason] += 1
            if len(records) < limit:
                table.add_row(*map(printable, kind.row(item)))
                records.append(item.record)
    console.print(table)
    count = by_reason.total()
    console.print(f"\n{count} set aside" + (f", {limit} shown" if count > limit else ""))
    _print_counts(console, dict(by_reason.most_common()), kind)
    emit({"count": count, "by_reason": dict(by_reason), "records": records}, as_json=as_json)


@click.command(short_help="Count it by reason, day or source.")
@click.option(
    "--by",
    type=click.Choice(["reason", "day", "source"]),
    default="reason",
    show_default=True,
    help="What to count by; a dead letter has no day.",
)
@json_option
@click.pass_obj
def stats(kind: Kind, *, by: str, as_json: bool) -> None:
    """Count what was set aside, by reason, by day (UTC), or by the producer that the event names as its source."""
    if by == "day" and not kind.has_times:
        raise click.UsageError(f"--by day: a {kind.what} does not say since when it is there; give reason or source")
    console = console_for(as_json=as_json)
    with items_of(kind, console) as items:
        counts = Counter(str(getattr(item, by)) for item in items)
    in_order = counts.most_common() if by != "day" else sorted(counts.items())
    _print_counts(console, dict(in_order), kind)
    console.print(f"  {counts.total():6}  in all")
    emit({"count": counts.total(), "by": by, "counts": dict(in_order)}, as_json=as_json)


@click.command(short_help="Show one: every fault with its repair.")
@click.argument("key")
@click.option("--body", is_flag=True, help="Show the event itself too. It is customer data.")
@json_option
@click.pass_obj
def show(kind: Kind, *, key: str, body: bool, as_json: bool) -> None:
    """Show one of those that `ls` lists, by its KEY (a dead letter: its message id): every fault with its repair."""
    console = console_for(as_json=as_json)
    with items_of(kind, console) as items:
        item = next((item for item in items if item.key == key), None)
    if item is None:
        raise Failed(f"there is no {kind.what} {key}, or somebody else holds it; `ls` lists the keys")
    for line in kind.story(item):
        console.print(printable(line), soft_wrap=True)
    if body:
        console.out("\n".join(map(printable, item.body.decode(errors="replace").splitlines())))
    emit(item.record | (body_as_json(item.body) if body else {}), as_json=as_json)


@contextmanager
def items_of(kind: Kind, console: Console) -> Iterator[Iterator[Item]]:
    """Read the queue; in the end all is given back, and messages of another kind are told of."""
    queue, skipped = queue_of(kind), list[str]()
    with stop_between_calls() as stopping, closing(read_all(queue, kind.reader(), skipped)) as items:
        yield until_stopped(items, stopping)
    if skipped:
        console.print(f"{len(skipped)} messages of another kind are passed over, such as {skipped[0]}", soft_wrap=True)


def queue_of(kind: Kind) -> Queue:
    """
    Open the queue of what was set aside.

    Raises:
        SettingsError: No setting names it.
        BadAddress: There is no such queue.
    """
    return open_queue(addresses(kind.setting)[0])


def addresses(*names: str) -> list[str]:
    """
    Return the addresses that settings name.

    Raises:
        SettingsError: They are not set; all are told at once.
    """
    settings: Settings = load_settings(os.environ).settings
    faults = [
        f"{variable(name)} is not set; give an SQS queue URL or sqlite:///FILE"
        for name in names
        if getattr(settings, name) is None
    ]
    if faults:
        raise SettingsError(faults)
    return [getattr(settings, name) for name in names]


def _print_counts(console: Console, counts: dict[str, int], kind: Kind) -> None:
    """Print counts, and beside a reason what it means."""
    for name, count in counts.items():
        meaning = kind.reasons.get(name)
        console.print(f"  {count:6}  {name}" + (f": {meaning}" if meaning else ""))
