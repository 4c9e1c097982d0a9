"""`leadline release make`: assemble and sign what CodeDeploy gets."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from leadline.output import console_for, emit, json_option
from leadline.release import archive, gate_verdict, revision
from leadline.release.held import from_folder
from leadline.release.signer import signer
from leadline.release.source import source_files
from schemas.event import utc_text
from schemas.release import release_version

_PATH = click.Path(path_type=Path)


def _images(_context: click.Context, _parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    images = dict(one.split("=", 1) for one in given if "=" in one)
    if set(images) != {"worker", "console"} or len(given) != len(images):
        raise click.BadParameter("give worker=REPOSITORY@sha256:DIGEST and console=REPOSITORY@sha256:DIGEST")
    return images


@click.command
@click.option("--bundle", type=_PATH, required=True, metavar="DIR", help="As it lies in the worker's image.")
@click.option("--champion", type=_PATH, metavar="DIR", help="What it was judged against, if anything was served.")
@click.option("--image", "images", multiple=True, callback=_images, metavar="NAME=REF@sha256:..", help="Both.")
@click.option("--commit", required=True, metavar="HEX", help="40 digits.")
@click.option("--from", "root", type=_PATH, required=True, help="Root of the source.")
@click.option("--kms", metavar="KEY", help="Signs: ID, ARN or alias of a key in AWS KMS.")
@click.option("--key", type=_PATH, help="Instead: file of a private key, ECDSA P-256 in PEM.")
@click.option("--gate", type=_PATH, required=True, help="What `leadline model gate --json` said.")
@click.option("--sbom", "sboms", type=_PATH, multiple=True, help="A list of parts; may be given several times.")
@click.option("--out", type=_PATH, required=True, help="Folder; empty, or not there yet.")
@json_option
def make(
    *,
    bundle: Path,
    champion: Path | None,
    images: dict[str, str],
    commit: str,
    root: Path,
    kms: str | None,
    key: Path | None,
    gate: Path,
    sboms: tuple[Path, ...],
    out: Path,
    as_json: bool,
) -> None:
    """
    Assemble the revision that CodeDeploy gets: appspec.yml, deploy/, k8s/, and release.json, signed.

    Only for a model that the gate has let pass, against this champion. Where --from is a checkout of git, its files are
    those of the commit, and nothing of them may be changed.
    """
    signing = signer(kms, key)
    model = signing.own_bundle(bundle).model
    served = None if champion is None else from_folder(champion, None, same_libraries=False).model.id
    documents = revision.documents(gate, sboms)
    gate_verdict.check(documents[revision.GATE].content, model.id, served or model.id)
    says = {
        "version": release_version(model.version, commit),
        "created_at": utc_text(datetime.now(UTC)),
        "source_commit": commit,
        "images": images,
        "model": model.model_dump(),
        "champion": served and served.model_dump(),
    }
    files = revision.assemble(source_files(root, commit) | documents, says, signing.sign)
    archive.write(files, out)
    console_for(as_json=as_json).print(
        f"{out}: release {says['version']}, {len(files)} files, signed with {signing.name}"
    )
    emit(json.loads(files[revision.RELEASE].content) | {"out": str(out)}, as_json=as_json)
