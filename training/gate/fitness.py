"""Whether NEW can take OLD's place: its fields, its libraries, its threshold, its size and its speed."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from propensity.bundle import MODEL, Bundle, compiled_of, current_libraries
from propensity.compiled import COMPILED, CannotCompile
from propensity.economics import threshold_of
from propensity.features import Matrix
from propensity.scoring import score
from schemas.customer import USUAL_FIELDS
from schemas.manifest import Manifest
from training.gate.line import Line

_GROUP: Final = "fitness"
_BATCH: Final = 1000


def fitness(
    new: Bundle, old: Manifest, folder: Path, features: Matrix, limits: Mapping[str, float], *, allow_new_fields: bool
) -> list[Line]:
    """
    Judge what does not depend on outcomes.

    Args:
        new: The challenger.
        old: The champion's manifest.
        folder: NEW's.
        features: Some rows to score with NEW, shape (n, k), n > 0.
        limits: See `training.gate.line.LIMITS`.
        allow_new_fields: Whether producers have been told to send more.
    """
    return [
        _fields(new, old, allowed=allow_new_fields),
        _libraries(new.manifest, old),
        _threshold(new.manifest, old),
        _size(folder, limits["pickle_mb"]),
        _compiled(new, folder),
        *_speed(new, features, limits),
    ]


def _fields(new: Bundle, old: Manifest, *, allowed: bool) -> Line:
    sent = {*USUAL_FIELDS, *(feature.name for feature in old.features)}
    added = [name for name in new.feature_names if name not in sent]
    text = f"NEW uses {', '.join(new.feature_names)}"
    if added:
        text += f"; producers need not send {', '.join(added)}: events without would be set aside"
        text += ", which was allowed" if allowed else "; tell them, and give --allow-new-fields"
    return Line(_GROUP, "customer fields", allowed or not added, text, {"added": ", ".join(added)})


def _libraries(new: Manifest, old: Manifest) -> Line:
    here = current_libraries()
    agrees = all(_minor(new.libraries.get(name, "")) == _minor(version) for name, version in here.items())
    made = ", ".join(f"{name} {version}" for name, version in new.libraries.items())
    same = "as OLD" if new.libraries == old.libraries else f"OLD with {dict(old.libraries)}"
    return Line(_GROUP, "library versions", agrees, f"NEW was made with {made}, {same}", {"new": made})


def _threshold(new: Manifest, old: Manifest) -> Line:
    if new.economics.budget is not None:
        text = f"NEW {new.threshold:g}, by its budget of {100 * new.economics.budget:g} %; OLD {old.threshold:g}"
        return Line(_GROUP, "threshold", None, text, {"new": new.threshold, "old": old.threshold})
    expected = threshold_of(new.economics, np.empty(0))
    text = f"NEW {new.threshold:g}, where its economics give {expected:g}; OLD {old.threshold:g}"
    figures = {"new": new.threshold, "expected": expected, "old": old.threshold}
    return Line(_GROUP, "threshold", bool(np.isclose(new.threshold, expected)), text, figures)


def _size(folder: Path, limit: float) -> Line:
    megabytes = (folder / MODEL).stat().st_size / 1e6
    return _below(f"size of {MODEL}", megabytes, limit, "MB")


def _compiled(new: Bundle, folder: Path) -> Line:
    """Judge whether the compiled model is that of the pickle: it is compiled again, and every byte must be the same."""
    check, figures = f"{COMPILED} is that of {MODEL}", {"named": COMPILED in new.manifest.files}
    try:
        again = compiled_of(new.model, new.manifest)
    except CannotCompile as error:
        if not figures["named"]:
            return Line(_GROUP, check, None, f"there is none, since {error}", figures)
        return Line(_GROUP, check, False, f"there is one, but {error}; train again", figures)
    if not figures["named"]:
        return Line(_GROUP, check, None, "there is none; `leadline model compile` would make one", figures)
    same = (folder / COMPILED).read_bytes() == again
    text = f"compiled again, {len(again)} bytes are the same"
    if not same:
        text = "compiled again, it is another file: `leadline model compile` makes the right one, then sign it anew"
    return Line(_GROUP, check, same, text, {**figures, "bytes": len(again)})


def _speed(new: Bundle, features: Matrix, limits: Mapping[str, float]) -> list[Line]:
    batch = np.resize(features, (_BATCH, features.shape[1]))
    one = _milliseconds(lambda: score(new.model, batch[:1]), 15)
    thousand = _milliseconds(lambda: score(new.model, batch), 5)
    return [
        _below("time of one score", one, limits["one_score_ms"], "ms"),
        _below(f"time of {_BATCH} scores", thousand, limits["thousand_scores_ms"], "ms"),
    ]


def _milliseconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)


def _below(check: str, found: float, limit: float, unit: str) -> Line:
    text = f"{found:.3g} {unit}, at most {limit:g}"
    return Line(_GROUP, check, found <= limit, text, {"found": found, "limit": limit, "unit": unit})


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
