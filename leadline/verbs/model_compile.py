"""`leadline model compile`: add the model as plain arrays to a bundle, for scoring without scikit-learn."""

from pathlib import Path

import click

from leadline.output import CheckFailed, Failed, console_for, emit, json_option
from leadline.trust import model_folder, trusted_key

_PATH = click.Path(path_type=Path)


@click.command("compile")
@click.argument("folder", type=_PATH, required=False, metavar="[DIR]")
@click.option("--public-key", type=_PATH, help="PEM file; by default LEADLINE_PUBLIC_KEY, or your own.")
@click.option("--dry-run", is_flag=True, help="Compile and compare, and write nothing.")
@json_option
def compile_bundle(*, folder: Path | None, public_key: Path | None, dry_run: bool, as_json: bool) -> None:
    """
    Write compiled.npz into a bundle: the same model as plain arrays, and its digest into the manifest.

    The bundle is verified and its model loaded first, and what is compiled must score the golden rows alike. The
    signature is stale afterwards, unless nothing has changed: `leadline model sign` signs anew. Exit 3: the model
    holds something that has no such form, and the pickle is served.
    """
    from propensity.bundle import add_compiled, compiled_of, load
    from propensity.compiled import COMPILED, CannotCompile

    place = model_folder(folder)
    model, manifest, _ = load(place, trusted_key(public_key), "pickle")
    try:
        data = compiled_of(model, manifest)
    except CannotCompile as error:
        raise CheckFailed(f"{place} cannot be compiled: {error}") from error
    here = place / COMPILED
    changed = COMPILED not in manifest.files or here.read_bytes() != data
    if changed and not dry_run:
        try:
            add_compiled(place, manifest, data)
        except OSError as error:
            raise Failed(f"{here} cannot be written: {error.strerror}") from error
    said = f"{here} ({len(data) / 1e6:.1f} MB)"
    if not changed:
        told = f"{said} is there already, to the byte; the signature holds"
    elif dry_run:
        told = f"{said} would be written"
    else:
        told = f"{said} is written; the signature is stale now: `leadline model sign {place}` signs anew"
    console_for(as_json=as_json).print(told)
    emit({"compiled": str(here), "bytes": len(data), "changed": changed, "written": changed and not dry_run,
          **manifest.id.model_dump()}, as_json=as_json)  # fmt: skip
