"""`leadline model`: look at, verify, compile and sign a bundle; send it on its way, and bring an old one back."""

from collections.abc import Callable
from pathlib import Path

import click
from rich.table import Table

from leadline.output import Failed, console_for, emit, json_option
from leadline.trust import model_folder, trusted_key
from leadline.verbs.inspect_pickle import inspect_pickle
from leadline.verbs.model_compare import compare
from leadline.verbs.model_compile import compile_bundle
from leadline.verbs.model_gate import gate
from leadline.verbs.model_pin import pin
from leadline.verbs.model_push import push
from ports import open_kms_key
from propensity.bundle import load, read_manifest, sign_bundle
from propensity.compiled import COMPILED
from propensity.signing import development_keys, public_pem

_FOLDER = click.Path(path_type=Path)
_DIR = click.argument("folder", type=_FOLDER, required=False, metavar="[DIR]")
_KEY = click.option("--public-key", type=_FOLDER, help="PEM file; by default LEADLINE_PUBLIC_KEY, or your own.")


@click.group
def model() -> None:
    """Look at, inspect, verify, compile, sign and compare model bundles (by default LEADLINE_MODEL, or build/model)."""


@model.command
@_DIR
@_KEY
@click.option("--history", is_flag=True, help="Instead: every training into this folder that is on record.")
@json_option
def show(*, folder: Path | None, public_key: Path | None, history: bool, as_json: bool) -> None:
    """Show what the bundle says of itself, after checking its signature and digests."""
    place = model_folder(folder)
    if history:
        _show_history(place, as_json=as_json)
        return
    manifest = read_manifest(place, trusted_key(public_key))
    console = console_for(as_json=as_json)
    console.print(f"{manifest.name} {manifest.version}: {manifest.candidate}, made {manifest.created_at}, in {place}")
    console.print(f"features: {', '.join(feature.name for feature in manifest.features)}")
    console.print(f"threshold {manifest.threshold:g} ({manifest.economics.rule.replace('_', ' ')})")
    console.print(f"fitted on {manifest.training.rows} customers, {manifest.training.takers} of them takers\n")
    table = Table("figure", "value", "95 % interval", "measured on", box=None, header_style="bold")
    for metric in manifest.metrics:
        interval = f"{metric.low:.4f} to {metric.high:.4f}"
        table.add_row(metric.name, f"{metric.value:.4f}", interval, metric.rows.replace("_", " "))
    console.print(table)
    emit(manifest.model_dump(mode="json", exclude={"golden": True, "training": {"id_hashes"}}), as_json=as_json)


def _show_history(folder: Path, *, as_json: bool) -> None:
    from training.history import history_file, read_history

    runs = read_history(folder)
    names = ("accuracy", "average_precision", "log_loss")
    table = Table("version", "made", "candidate", "rows", *(name.replace("_", " ") for name in names), box=None)
    for run in runs:
        figures = (f"{run['metrics'][f'cross_validation_{name}']:.4f}" for name in names)
        table.add_row(run["version"], run["created_at"], run["candidate"], str(run["training_rows"]), *figures)
    console = console_for(as_json=as_json)
    console.print(table)
    console.print(f"{len(runs)} trainings on record in {history_file(folder)}; figures from cross-validation")
    emit({"runs": runs}, as_json=as_json)


@model.command
@_DIR
@_KEY
@json_option
def verify(*, folder: Path | None, public_key: Path | None, as_json: bool) -> None:
    """Check signature, digests and versions, load pickle and compiled.npz, check golden rows (exit 3 if one fails)."""
    place = model_folder(folder)
    key = trusted_key(public_key)
    manifest = load(place, key, "pickle").manifest
    if COMPILED in manifest.files:
        load(place, key, "compiled")
    console_for(as_json=as_json).print(f"{place} holds: {manifest.name} {manifest.version}, {manifest.id.sha256}")
    emit({"ok": True, **manifest.id.model_dump()}, as_json=as_json)


@model.command
@_DIR
@click.option("--key", type=_FOLDER, help="Private key, ECDSA P-256 in PEM; by default your development key.")
@click.option("--kms", metavar="KEY", help="Instead: ID, ARN or alias of an ECC_NIST_P256 key in AWS KMS.")
@click.option("--public-key-out", type=_FOLDER, help="Write the public key there, for LEADLINE_PUBLIC_KEY.")
@click.option("--dry-run", is_flag=True, help="Check that it could be signed, and write nothing.")
@json_option
def sign(
    *,
    folder: Path | None,
    key: Path | None,
    kms: str | None,
    public_key_out: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Sign the bundle's manifest, and by its digests every file; the digests are checked first."""
    if key is not None and kms is not None:
        raise click.UsageError("--key and --kms: give one of them")
    place = model_folder(folder)
    manifest = read_manifest(place, None)
    private, public, name = _signing_key(key, kms)  # a key that cannot be used says so in a dry run as well
    if not dry_run:
        sign_bundle(place, private)
        if public_key_out is not None:
            _write_public_key(public_key_out, public)
    console_for(as_json=as_json).print(f"{place} {'would be' if dry_run else 'is'} signed with {name}")
    emit({"signed": not dry_run, "key": name, **manifest.id.model_dump()}, as_json=as_json)


def _signing_key(key: Path | None, kms: str | None) -> tuple[Path | Callable[[bytes], bytes], bytes, str]:
    """Return what signs, its public half, and how it is called."""
    if kms is not None:
        held = open_kms_key(kms)
        return held.sign, held.public_pem(), f"KMS key {kms}"
    private = key or development_keys()[0]
    return private, public_pem(private), str(private)


def _write_public_key(file: Path, pem: bytes) -> None:
    try:
        file.write_bytes(pem)
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror}; the bundle is signed all the same") from error


model.add_command(compare)
model.add_command(compile_bundle)
model.add_command(gate)
model.add_command(inspect_pickle)
model.add_command(pin)
model.add_command(push)
