"""`leadline model push`: send a signed bundle on its way to production."""

from pathlib import Path

import click

from leadline.output import console_for, emit, json_option
from leadline.release.archive import to_zip
from leadline.release.bundles import INCOMING, examine
from leadline.release.held import from_folder
from leadline.release.places import author_key, models_bucket
from leadline.trust import model_folder

_PATH = click.Path(path_type=Path)


@click.command
@click.argument("folder", type=_PATH, required=False, metavar="[DIR]")
@click.option("--to", metavar="s3://BUCKET/", help="Bucket that the pipeline watches; by default LEADLINE_MODELS.")
@click.option("--public-key", type=_PATH, help="PEM file; by default LEADLINE_PUBLIC_KEY, or your own.")
@click.option("--dry-run", is_flag=True, help="Check and pack the bundle, and send nothing.")
@json_option
def push(*, folder: Path | None, to: str | None, public_key: Path | None, dry_run: bool, as_json: bool) -> None:
    """
    Check a bundle, and upload it as the one object that starts the pipeline.

    Signature, digests, versions and the pickle's inspection are checked here first; a bundle that fails is not sent.
    What is sent are the very bytes that were checked.
    """
    place = model_folder(folder)
    bundle = from_folder(place, author_key(public_key))
    examine(bundle, str(place))
    manifest, content = bundle.manifest, to_zip(bundle.files)
    models = models_bucket(to, "--to")
    address = f"s3://{models.bucket}/{INCOMING}"
    version = None if dry_run else models.put(INCOMING, content)
    console = console_for(as_json=as_json)
    did = "would be pushed" if dry_run else "is pushed"
    console.print(f"{manifest.name} {manifest.version} {did} to {address}: {len(content)} bytes")
    if version is not None:
        console.print(f"version {version}; the pipeline starts with it now: check, gate, images, and a person approves")
    elif not dry_run:
        console.print("the bucket keeps no versions, so that no pipeline will start: turn its versioning on")
    emit(
        {
            "pushed": not dry_run,
            "to": address,
            "version_id": version,
            "bytes": len(content),
            **manifest.id.model_dump(),
        },
        as_json=as_json,
    )
