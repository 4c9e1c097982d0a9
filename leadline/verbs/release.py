"""`leadline release`: what the build makes of a pushed model, and what is kept of it."""

from pathlib import Path

import click
from rich.table import Table

from leadline.output import CheckFailed, Failed, console_for, emit, json_option
from leadline.release import archive as archives
from leadline.release import bucket, bundles, held, revision
from leadline.release.places import models_bucket, models_option
from leadline.release.signer import signer
from leadline.verbs.release_make import make
from schemas.event import utc_text
from schemas.release import Release, release_version

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
@click.option("--commit", metavar="HEX", help="Of the source: it and this model must not have been built before.")
@models_option
@_OUT
@json_option
def check(
    *,
    place: Path,
    public_key: Path,
    champion: Path | None,
    first: bool,
    allow_same: bool,
    commit: str | None,
    models: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """
    Check a bundle that arrives in the build, and write it to a folder (exit 3: it is refused, and why).

    Nothing of it is unpickled: that is the gate's, in a child process.
    """
    if (champion is None) != first:
        raise click.UsageError("give --champion FOLDER, or --first where nothing is served yet")
    served = None if champion is None else held.from_folder(champion, None, same_libraries=False)
    bundle = bundles.arrived(place, public_key, served, same_allowed=allow_same)
    model, is_same = bundle.model, served is not None and served.model == bundle.model
    if commit is not None:
        objects, version = models_bucket(models), release_version(model.version, commit)
        if bucket.is_kept(objects, version):
            raise bucket.built_before(objects, version)
    archives.write(bundle.files, out)
    console_for(as_json=as_json).print(
        f"{out}: {model.name} {model.version}, signed with {public_key}"
        f"{', the model that is served' if is_same else ''}; nothing of it was unpickled"
    )
    emit({"ok": True, "same": is_same, **model.model_dump()}, as_json=as_json)


@release.command
@models_option
@_KEY
@_OUT
@json_option
def champion(*, models: str | None, public_key: Path, out: Path, as_json: bool) -> None:
    """
    Fetch the bundle that production serves, signed with the pipeline's key (exit 3: it is not as it must be).

    Where nothing was ever served, exit 0 as well, and --out is an empty folder: it holds no manifest.json. The versions
    of Python and libraries that it was made with may be other ones than here.
    """
    console = console_for(as_json=as_json)
    objects = models_bucket(models)
    now = bucket.served(objects)
    if now is None:
        archives.write({}, out)
        console.print(f"s3://{objects.bucket}/{bucket.CURRENT} is not there: no release yet, {out} is empty")
        emit({"champion": None, "release": None}, as_json=as_json)
        return
    key = bucket.bundle_key(now.version)
    what = f"s3://{objects.bucket}/{key}"
    files = archives.from_zip(bucket.fetch(objects, key).content, what)
    bundle = held.from_files(files, what, public_key, same_libraries=False)
    _check_model(bundle, what, now)
    archives.write(bundle.files, out)
    console.print(f"{out}: {now.model.name} {now.model.version}, which release {now.version} serves")
    emit({"champion": now.model.model_dump(), "release": now.version}, as_json=as_json)


@release.command
@click.argument("place", type=_PATH, metavar="FOLDER")
@_KEY
@click.option("--bundle", type=_PATH, required=True, metavar="DIR", help="The release's bundle.")
@models_option
@click.option("--dry-run", is_flag=True, help="Check that they belong together, and keep nothing.")
@json_option
def archive(*, place: Path, public_key: Path, bundle: Path, models: str | None, dry_run: bool, as_json: bool) -> None:
    """Keep a release and its bundle in the bucket. A version is kept once; another under it is refused (exit 3)."""
    files = archives.read(place)
    says = revision.verified(files, str(place), public_key)
    model = held.from_folder(bundle, public_key)
    _check_model(model, str(bundle), says)
    objects = models_bucket(models)
    is_new = False if dry_run else bucket.keep(objects, says.version, files, model.files)
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
    """Show the releases that are kept, the newest first: which production has validated, and which it serves."""
    objects = models_bucket(models)
    now, found = bucket.current(objects), bucket.kept(objects)
    table = Table("release", "model", "kept at", "", box=None, header_style="bold")
    for one in found:
        is_current = now is not None and now.version == one.version
        state = f"{'validated' if one.validated else 'not validated'}{', served' if is_current else ''}"
        table.add_row(one.version, one.model_version, utc_text(one.kept_at)[:19] + "Z", state)
    console = console_for(as_json=as_json)
    console.print(table)
    console.print(f"{len(found)} releases in s3://{objects.bucket}/; {now.version if now else 'none'} is served")
    rows = [
        {"version": o.version, "model": o.model_version, "kept_at": utc_text(o.kept_at), "validated": o.validated}
        for o in found
    ]
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


def _check_model(bundle: held.Held, what: str, says: Release) -> None:
    """A release is of one pickle, and of one manifest around it."""
    model = bundle.model
    if model != says.model:
        differs = "another manifest around the pickle" if model.id == says.model.id else "another model"
        raise CheckFailed(f"{what} holds {model.name} {model.version}, and release {says.version} {differs}")


release.add_command(make)
