"""`leadline doctor`: what is wrong in manifests, before a cluster has them."""

from pathlib import Path

import click

from leadline.doctor.manifests import Manifests
from leadline.doctor.reading import read_objects
from leadline.doctor.table import CHECKS, diagnose
from leadline.output import console_for, emit, json_option


@click.command
@click.option(
    "--offline",
    type=click.Path(path_type=Path, exists=True),
    metavar="DIR",
    help="A kustomization, a folder of YAML files, or one file; no cluster is asked.",
)
@json_option
def doctor(*, offline: Path | None, as_json: bool) -> int:
    """
    Check Kubernetes manifests: what KEDA passes over silently, and what contradicts the settings.

    Misspelt trigger keys, settings that the worker refuses, times that do not fit each other, names and ports that
    match nothing, and more. All faults are told at once, each with the thing, its value and the way out. Exit 3 if
    there is one.
    """
    if offline is None:
        raise click.UsageError("only manifests can be looked at so far: give --offline DIR, e.g. k8s/overlays/prod")
    objects = read_objects(offline)
    found = diagnose(Manifests(objects))
    console = console_for(as_json=as_json)
    for check, fault in found.faults:
        console.print(f"{check}: {fault}", soft_wrap=True)
    for note in found.notes:
        console.print(f"note: {note}", soft_wrap=True)
    console.print(f"{len(objects)} objects, {len(CHECKS)} checks, {len(found.faults)} faults")
    faults = [{"check": check, **fault._asdict()} for check, fault in found.faults]
    emit({"objects": len(objects), "checks": len(CHECKS), "faults": faults, "notes": found.notes}, as_json=as_json)
    return 3 if found.faults else 0
