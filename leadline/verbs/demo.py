"""`leadline demo`: the main job in one go."""

import logging
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import click

from leadline.demo.model import demo_bundle
from leadline.demo.places import embedded, local_aws
from leadline.demo.plan import Plan, make_plan
from leadline.demo.run import Ran, run
from leadline.demo.show import show
from leadline.output import Failed, console_for, emit, json_option
from propensity.bundle import read_manifest

_BUILD: Final = Path("build/demo")
_CUSTOMERS: Final = 5000
_CUSTOMERS_ON_AWS: Final = 300


@click.command
@click.option("--customers", type=click.IntRange(1, 1_000_000), help="How many customers; 5000, or 300 with --aws.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="A new folder for the run's files; build/demo/run if not."
)
@click.option("--aws", is_flag=True, help="Through SQS, SNS and DynamoDB, on a moto server of its own.")
@json_option
def demo(*, customers: int | None, keep: Path | None, aws: bool, as_json: bool) -> int:
    """
    Train on the last campaign, queue its customers as events, run the worker, and show the leads.

    Needs no AWS and no network. Malformed, duplicate and stale events are planted among the others; what became of each
    is found afterwards in the files of store, topic, quarantine and queues.
    """
    started = time.monotonic()
    logging.basicConfig(level=logging.ERROR)
    bundle, public_key = demo_bundle(_BUILD)
    folder = _folder(keep)
    plan = make_plan(customers or (_CUSTOMERS_ON_AWS if aws else _CUSTOMERS))
    with ExitStack() as stack:
        place = stack.enter_context(local_aws()) if aws else embedded(folder)
        ran = run(plan, place, bundle, public_key)
    shutil.copytree(bundle, folder / "model")
    places = [("report", folder / "model" / "report.html"), ("model", folder / "model"), ("public key", public_key)]
    if not aws:
        places += [("leads", folder / "leads.jsonl"), ("store", folder / "store.db"), ("queues", folder)]
    show(console_for(as_json=as_json), plan, ran, read_manifest(bundle, public_key), places)
    emit(_result(plan, ran, time.monotonic() - started, folder / "model" / "report.html"), as_json=as_json)
    if ran.audit.lost:
        click.echo(f"{ran.audit.lost} messages are lost; the files of the run are in {folder}", err=True)
    return 1 if ran.audit.lost else 0


def _folder(keep: Path | None) -> Path:
    """Return an empty folder: a new one of the user's, or the usual one, whose last run goes."""
    folder = (keep or _BUILD / "run").absolute()
    if keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failed(f"{keep} is there already, and not empty; name a new folder with --keep")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"{folder} cannot be made: {error.strerror}; name another folder with --keep") from error
    return folder


def _result(plan: Plan, ran: Ran, seconds: float, report: Path) -> dict[str, Any]:
    audit = ran.audit
    return {
        "events": plan.count("current") + plan.count("stale"),
        "planted": {kind: plan.count(kind) for kind in ("malformed", "duplicate", "stale")},
        "borrowers": plan.borrowers,
        "applied": audit.applied,
        "superseded": audit.superseded,
        "duplicates": audit.duplicates,
        "quarantined": audit.quarantined,
        "waiting": audit.waiting,
        "leads": audit.leads,
        "leads_by_tier": dict(audit.by_tier),
        "raw_copies": audit.raw_copies,
        "lost": audit.lost,
        "seconds": round(seconds, 2),
        "events_per_second": round(ran.events_per_second, 1),
        "report": str(report),
    }
