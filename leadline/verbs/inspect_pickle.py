"""`leadline model inspect`: judge a pickle without running any of it."""

from pathlib import Path
from typing import Any

import click

from leadline.output import Failed, console_for, emit, json_option
from propensity.inspection.judge import MAX_BYTES, Inspection, inspect


@click.command("inspect")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.pkl")
@json_option
def inspect_pickle(*, file: Path, as_json: bool) -> int:
    """
    Judge a pickle without running any of it (exit 0: it passes, 3: it is refused).

    It passes if it is a classifier built of listed parts that fit each other. Whether it is the model that it claims
    to be is for `leadline model verify` to tell, from the signature and the golden rows of its bundle.
    """
    found = inspect(_read(file))
    console = console_for(as_json=as_json)
    for reason in found.reasons:
        console.print(f"{file}: {reason}")
    verdict = "passes" if found.passes else "is refused"
    console.print(f"{file} {verdict}: {found.opcodes} opcodes, {found.size} bytes, {len(found.names)} names")
    emit(_as_json(found), as_json=as_json)
    return 0 if found.passes else 3


def _as_json(found: Inspection) -> dict[str, Any]:
    return {
        "verdict": "pass" if found.passes else "refuse",
        "reasons": found.reasons,
        "globals": found.names,
        "opcodes": found.opcodes,
        "bytes": found.size,
        "array_bytes": found.array_bytes,
        "depth": found.depth,
    }


def _read(file: Path) -> bytes:
    """Read a file, but not much more than could pass."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}; name a pickled model") from error
