"""What was trained here before: one line for each run, in a file beside the bundle's folder."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from schemas.manifest import Manifest
from training.errors import DestinationError

_KEPT: Final = (
    "accuracy",
    "average_precision",
    "roc_auc",
    "log_loss",
    "brier",
    "calibration_error",
    "conversion_top_10",
)


def history_file(folder: Path) -> Path:
    """Return where the runs into a bundle's folder are recorded."""
    place = folder.resolve()
    return place.with_name(f"{place.name}.history.jsonl")


def check_record(folder: Path) -> None:
    """
    Refuse before the work what could not be recorded after it. Leave no trace.

    Raises:
        DestinationError: With the way out.
    """
    file = history_file(folder)
    if file.exists() and not (file.is_file() and os.access(file, os.W_OK)):
        raise DestinationError(f"{file}, the record of runs, cannot be written; remove it, or name another folder")


def record(folder: Path, manifest: Manifest, reasons: Sequence[str], seconds: float) -> None:
    """
    Add a line for a run.

    Raises:
        DestinationError: The file cannot be written.
    """
    file = history_file(folder)
    run = {
        "created_at": manifest.created_at,
        "version": manifest.version,
        "candidate": manifest.candidate,
        "sha256": manifest.id.sha256,
        "training_data": manifest.training.sha256,
        "training_rows": manifest.training.rows,
        "parameters": {name: manifest.parameters[name] for name in ("select_by", "seed", "folds", "repeats")},
        "features": [feature.name for feature in manifest.features],
        "metrics": {f"{one.rows}_{one.name}": one.value for one in manifest.metrics if one.name in _KEPT},
        "reasons": list(reasons),
        "seconds": round(seconds, 1),
    }
    try:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(run) + "\n")
    except OSError as error:
        raise DestinationError(f"{file}, the record of runs, cannot be written ({error.strerror})") from error


def read_history(folder: Path) -> list[dict[str, Any]]:
    """
    Return the recorded runs, the oldest first; none where there is no record. A line that was cut off is left out.

    Raises:
        DestinationError: The file cannot be read.
    """
    file = history_file(folder)
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise DestinationError(f"{file}, the record of runs, cannot be read ({error})") from error
    return [run for line in lines if (run := _run(line)) is not None]


def _run(line: str) -> dict[str, Any] | None:
    try:
        run: Any = json.loads(line)
    except ValueError:
        return None
    return run if isinstance(run, dict) and "version" in run else None
