"""`leadline validate`: check customer events before anybody sends them."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from leadline.event_files import read_messages
from leadline.output import console_for, emit, json_option
from propensity.features import FEATURES
from worker.configuration import load_settings
from worker.decode import decode
from worker.errors import Fault, Reject


@click.command
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--model", type=click.Path(path_type=Path), help="Bundle that says which fields are needed.")
@json_option
def validate(*, file: Path, model: Path | None, as_json: bool) -> int:
    """
    Check customer events: line, field and repair for every fault.

    FILE holds one message a line (JSON Lines), or one JSON document; `-` is standard input. The fields that are needed
    are those of the usual model, or of the bundle that --model or LEADLINE_MODEL names. Exit 3 if there is a fault.
    """
    needed = needed_fields(model)
    console = console_for(as_json=as_json)
    events, faulty, lines = 0, 0, []
    for line, body in read_messages(file):
        for event, faults in check_message(body, needed):
            events += 1
            faulty += bool(faults)
            lines += [
                {"line": line, "event": event, "pointer": fault.pointer, "reason": fault.reason, "repair": fault.repair}
                for fault in faults
            ]
    for fault in lines:
        place = f"line {fault['line']}, event {fault['event']}: {fault['pointer'] or 'the event'}"
        console.print(f"{place}: {fault['repair']} ({fault['reason']})")
    console.print(f"{events} events, {faulty} with faults")
    emit({"events": events, "faulty": faulty, "faults": lines}, as_json=as_json)
    return 3 if faulty else 0


def needed_fields(model: Path | None) -> tuple[str, ...]:
    """Return the fields that an event must carry: those of the model's manifest, or the usual ones."""
    from propensity.bundle import read_manifest

    named = model or load_settings(os.environ).settings.model
    if named is None or str(named).startswith("s3:"):
        return FEATURES
    return tuple(feature.name for feature in read_manifest(Path(named), None).features)


def check_message(body: bytes, needed: tuple[str, ...]) -> list[tuple[int, tuple[Fault, ...]]]:
    """Return, for each event of a message, its place and its faults."""
    try:
        cases = decode(body, needed, datetime.now(UTC))
    except Reject as reject:
        return [(0, reject.faults)]
    return [(place, case.faults if isinstance(case, Reject) else ()) for place, case in enumerate(cases)]
