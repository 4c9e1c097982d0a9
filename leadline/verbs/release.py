"""`leadline release`: what the build makes of a pushed model, and what is kept of it."""

from pathlib import Path

import click
from rich.table import Table

from leadline.output import CheckFailed, Failed, console_for, emit, json_option
from leadline.release import archive as archives
from leadline.release import bucket, bundles, revision
from leadline.release.places import models_bucket, models_option, release_key_file
from leadline.release.signer import signer
from leadline.verbs.release_make import make
from propensity.bundle import read_manifest
from schemas.event import utc_text

_PATH = click.Path(path_type=Path)
_KEY = click.option("--public-key", type=_PATH, required=True, help="PEM file that it must be signed with.")
_OUT = click.option("--out", type=_PATH, required=True, help="Folder; empty, or not there yet.")


@click.group
def release() -> None:
    """Check what was pushed, assemble, keep and verify releases: the steps of the pipeline's build."""


@release.command
@click.argument("place", type=_PATH, metavar="FOLDER_OR_ZIP")
@_KEY
@click.option("--champion", type=_PATH, metavar="FOLDER", help="The bundle that is served now.")
@click.option("--first", is_flag=True, help="Instead: nothing is served yet.")
@click.option("--allow-same", is_flag=True, help="It may be the champion itself: new code around the same model.")
@_OUT
@json_option
def check(
    *, place: Path, public_key: Path, champion: Path | None, first: bool, allow_same: bool, out: Path, as_json: bool
) -> None:
    """
    Check a bundle that arrives in the build, and write it to a folder (exit 3: it is refused, and why).

    Nothing of it is unpickled: that is the gate's, in a child process.
    """
    if (champion is None) != first:
        raise click.UsageError("give --champion FOLDER, or --first where nothing is served yet")
    served = None if champion is None else read_manifest(champion, None)
    manifest = bundles.arrived(place, public_key, served, out, same_allowed=allow_same)
    is_same = served is not None and served.id == manifest.id
    console_for(as_json=as_json).print(
        f"{out}: {manifest.name} {manifest.version}, signed with {public_key}"
        f"{', the model that is served' if is_same else ''}; nothing of it was unpickled"
    )
    emit({"ok": True, "same": is_same, **manifest.id.model_dump()}, as_json=as_json)


@release.command
@models_option
@click.option("--public-key", type=_PATH, help="PEM file of the pipeline's key; by default LEADLINE_PUBLIC_KEY.")
@_OUT
@json_option
def champion(*, models: str | None, public_key: Path | None, out: Path, as_json: bool) -> None:
    """
    Fetch the bundle that production serves.

    Where nothing is served yet, exit 0 as well, and --out is an empty folder: it holds no manifest.json.
    """
    console = console_for(as_json=as_json)
    objects = models_bucket(models)
    now = bucket.current(objects)
    if now is None:
        archives.write({}, out)
        console.print(f"s3://{objects.bucket}/{bucket.CURRENT} is not there: no release yet, {out} is empty")
        emit({"champion": None, "release": None}, as_json=as_json)
        return
    key = bucket.bundle_key(now.version)
    what = f"s3://{objects.bucket}/{key}"
    archives.write(archives.from_zip(bucket.fetch(objects, key).content, what), out)
    manifest = read_manifest(out, release_key_file(public_key))
    if manifest.id != now.model:
        raise CheckFailed(f"{what} holds {manifest.name} {manifest.version}, and release {now.version} another model")
    console.print(f"{out}: {manifest.name} {manifest.version}, which release {now.version} serves")
    emit({"champion": manifest.id.model_dump(), "release": now.version}, as_json=as_json)


@release.command
@click.argument("place", type=_PATH, metavar="FOLDER")
@click.option("--bundle", type=_PATH, required=True, metavar="DIR", help="The release's bundle.")
@models_option
@click.option("--dry-run", is_flag=True, help="Check that they belong together, and keep nothing.")
@json_option
def archive(*, place: Path, bundle: Path, models: str | None, dry_run: bool, as_json: bool) -> None:
    """Keep a release and its bundle in the bucket. What is kept is never overwritten (exit 3)."""
    files = archives.read(place)
    says = revision.verified(files, str(place), None)
    manifest = read_manifest(bundle, None)
    if manifest.id != says.model:
        raise CheckFailed(
            f"{bundle} holds {manifest.name} {manifest.version}, and release {says.version} another model"
        )
    objects = models_bucket(models)
    is_new = False if dry_run else bucket.keep(objects, says.version, files, bundles.parts(bundle, manifest))
    did = "would be kept" if dry_run else "is kept" if is_new else "was kept before, the same"
    key = bucket.release_key(says.version)
    console_for(as_json=as_json).print(f"release {says.version} {did}: s3://{objects.bucket}/{key}")
    result = {"version": says.version, "kept": not dry_run, "new": is_new, "release": key}
    emit({**result, "bundle": bucket.bundle_key(says.version)}, as_json=as_json)


@release.command
@click.argument("place", type=_PATH, metavar="FOLDER_OR_ZIP")
@_KEY
@json_option
def verify(*, place: Path, public_key: Path, as_json: bool) -> None:
    """Check a release's signature, and that it holds the files that it names and no other (exit 3 if not)."""
    says = revision.read_release(place, public_key)
    console_for(as_json=as_json).print(f"{place} holds: release {says.version}, {len(says.files)} files")
    emit({"ok": True, "version": says.version, "model": says.model.model_dump()}, as_json=as_json)


@release.command("ls")
@models_option
@json_option
def list_releases(*, models: str | None, as_json: bool) -> None:
    """Show the releases that are kept, the newest first, and which one production serves."""
    objects = models_bucket(models)
    now, found = bucket.current(objects), bucket.kept(objects)
    table = Table("release", "model", "kept at", "", box=None, header_style="bold")
    for one in found:
        is_current = now is not None and now.version == one.version
        table.add_row(one.version, one.model_version, utc_text(one.kept_at)[:19] + "Z", "served" if is_current else "")
    console = console_for(as_json=as_json)
    console.print(table)
    console.print(f"{len(found)} releases in s3://{objects.bucket}/; {now.version if now else 'none'} is served")
    rows = [{"version": o.version, "model": o.model_version, "kept_at": utc_text(o.kept_at)} for o in found]
    emit({"releases": rows, "current": now and now.version}, as_json=as_json)


@release.command
@click.option("--kms", required=True, metavar="KEY", help="ID, ARN or alias of a key in AWS KMS.")
@click.option("--out", type=_PATH, required=True, help="File.")
@json_option
def key(*, kms: str, out: Path, as_json: bool) -> None:
    """Write the public half of the key that signs releases, which is baked into the images."""
    pem = signer(kms, None).public_pem()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(pem)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror}") from error
    console_for(as_json=as_json).print(f"{out}: public half of {kms}")
    emit({"key": kms, "out": str(out)}, as_json=as_json)


release.add_command(make)
