"""What the gate is asked, and what it gathers to judge by: both bundles, the hold-out, and the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from propensity.bundle import Bundle, BundleError, load, other_libraries, read_manifest
from propensity.features import Vector
from schemas.manifest import Manifest
from training import data
from training.gate.holdout import scores_of
from training.gate.line import LIMITS
from training.gate.refit import without_holdout

Files = tuple[Path, Path]


@dataclass(frozen=True)
class Question:
    """
    What the gate is asked.

    Attributes:
        new: Folder of the challenger.
        old: Folder of the champion.
        new_key: Public key that NEW must be signed with; None: not checked.
        old_key: The same for OLD.
        holdout: Data1 and Data2 with outcomes that neither model has seen.
        id_keys: Keys of the ID hashes, of either model.
        training: NEW's own Data1 and Data2; the customers of the hold-out may be among them.
        allow_other_libraries: Whether an OLD that was made with other library versions may be judged by its manifest.
        allow_new_fields: Whether NEW may ask for fields that producers need not send.
        approved_by: Who answers for a fairness line that does not hold.
        limits: By name.
        jobs: Processes for the refit; -1: as many as there are cores.
    """

    new: Path
    old: Path
    new_key: Path | None
    old_key: Path | None
    holdout: Files
    id_keys: Sequence[bytes] = ()
    training: Files | None = None
    allow_new_fields: bool = False
    allow_other_libraries: bool = False
    approved_by: str | None = None
    limits: Mapping[str, float] = field(default_factory=lambda: LIMITS)
    jobs: int = -1


class Evidence(NamedTuple):
    """What is judged: NEW, OLD's manifest, and the labelled hold-out with outcomes (n,) and the models' scores (n,)."""

    new: Bundle
    old: Manifest
    holdout: pd.DataFrame
    outcomes: data.Labels
    new_scores: Vector
    old_scores: Vector | None
    """None: OLD was not loaded."""

    not_loaded: str | None
    """Why OLD was not loaded."""

    training: pd.DataFrame | None
    """The table that NEW's fingerprint is of, if it was given."""


def gather(question: Question) -> Evidence:
    """
    Load both bundles, then the data, and score the hold-out. Call it before other threads run (see `bundle.load`).

    Raises:
        BundleError: A bundle is refused: signature, digests, versions or golden rows.
        BadKey: A public key cannot be used.
        DataError: Data cannot be used: no outcomes, too few takers, a fault in a file.
    """
    new, old = load(question.new, question.new_key, "pickle"), _champion(question)
    holdout = data.labelled(data.load(*question.holdout))
    own = None if question.training is None else data.load(*question.training)
    return Evidence(
        new=new,
        old=old.manifest if isinstance(old, Bundle) else old,
        holdout=holdout,
        outcomes=data.labels(holdout),
        new_scores=scores_of(new, holdout),
        old_scores=scores_of(old, holdout) if isinstance(old, Bundle) else None,
        not_loaded=None if isinstance(old, Bundle) else other_libraries(old),
        training=None if own is None else without_holdout(own, holdout, new.manifest),
    )


def _champion(question: Question) -> Bundle | Manifest:
    """Return OLD; its manifest alone, with nothing unpickled, where it was made with other libraries and may be."""
    manifest = read_manifest(question.old, question.old_key, same_libraries=False)
    other = other_libraries(manifest)
    if other is None:
        return load(question.old, question.old_key, "pickle")
    if question.allow_other_libraries:
        return manifest
    raise BundleError(
        f"{question.old}: {other}; run the versions that it was made with, or give --allow-other-libraries: then OLD "
        "is not loaded, and what its signed manifest claims stands in for its scores"
    )
