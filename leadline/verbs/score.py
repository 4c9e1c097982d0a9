"""`leadline score`: the model's scores of a CSV file, offline."""

import csv
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import click

from leadline.output import Failed, emit, json_option
from leadline.trust import model_folder, trusted_key
from worker.configuration import load_settings

_FILE = click.Path(path_type=Path)


@click.command
@click.argument("files", type=_FILE, nargs=-1, required=True, metavar="FILE.csv [FILE2.csv]")
@click.option("--model", type=_FILE, help="The bundle; by default LEADLINE_MODEL, or build/model.")
@click.option("--out", type=_FILE, help="Where to write; by default standard output.")
@click.option("--public-key", type=_FILE, help="PEM file; by default LEADLINE_PUBLIC_KEY, or your development key.")
@json_option
def score(
    *, files: tuple[Path, ...], model: Path | None, out: Path | None, public_key: Path | None, as_json: bool
) -> None:
    """
    Score customers of a CSV file offline: writes `ID,score,lead`, in the order of the file.

    Takes a merged CSV file, or Data1 and Data2. LoanOnCard may be there, and is not looked at: in such a file it is the
    outcome of a campaign.
    """
    from propensity.bundle import load
    from propensity.scoring import score as scores_of
    from training.data import load_to_score, matrix

    if out is None and as_json:
        raise click.UsageError("--json wants --out, since the scores go to standard output otherwise")
    bundle = load(model_folder(model), trusted_key(public_key))
    table = load_to_score(files, bundle.feature_names)
    scores = scores_of(bundle.model, matrix(table, bundle.feature_names)).tolist()
    threshold = load_settings(os.environ).settings.threshold or bundle.manifest.threshold
    rows = [(name, repr(value), int(value >= threshold)) for name, value in zip(table.index, scores, strict=True)]
    _write(rows, out)
    leads = sum(lead for _, _, lead in rows)
    click.echo(f"{len(rows)} customers scored, {leads} at or above {threshold:g}", err=True)
    emit({"scored": len(rows), "leads": leads, "threshold": threshold, "out": str(out)}, as_json=as_json)


def _write(rows: Iterable[tuple[str, str, int]], out: Path | None) -> None:
    """Write to a draft beside the file and move it into place, so that nobody reads half of it."""
    if out is None:
        _write_rows(rows, sys.stdout)
        return
    draft = out.with_name(f"{out.name}.draft")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            _write_rows(rows, file)
        draft.replace(out)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror}; give another --out") from error


def _write_rows(rows: Iterable[tuple[str, str, int]], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("ID", "score", "lead"))
    writer.writerows(rows)
