"""May NEW take OLD's place? Both are judged on customers that neither has seen; nothing that NEW claims is believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from propensity.bundle import Bundle, load
from propensity.features import Vector
from schemas.manifest import Manifest
from training import data
from training.evaluate import Progress, silent
from training.gate.claims import all_known, claims_against_holdout, claims_against_refit, measured
from training.gate.compare import leads, paired_differences, shift
from training.gate.fairness import fairness
from training.gate.fitness import fitness
from training.gate.holdout import scores_of
from training.gate.judge import calibrated, leads_line, no_worse, shift_line
from training.gate.line import LIMITS, Line
from training.gate.proof import Known, proof
from training.gate.refit import REFIT, recipe_of, refitted, reproduced, without_holdout

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
    approved_by: str | None = None
    limits: Mapping[str, float] = field(default_factory=lambda: LIMITS)
    jobs: int = -1


class Evidence(NamedTuple):
    """What is judged: both models, and the labelled hold-out with outcomes (n,) and both models' scores (n,)."""

    new: Bundle
    old: Bundle
    holdout: pd.DataFrame
    outcomes: data.Labels
    new_scores: Vector
    old_scores: Vector
    training: pd.DataFrame | None
    """The table that NEW's fingerprint is of, if it was given."""


class Verdict(NamedTuple):
    """All lines, and what they are of."""

    new: Manifest
    old: Manifest
    customers: int
    takers: int
    lines: tuple[Line, ...]

    @property
    def failed(self) -> tuple[Line, ...]:
        """The lines that do not hold."""
        return tuple(line for line in self.lines if line.passed is False)

    @property
    def passed(self) -> bool:
        """Whether NEW may take OLD's place."""
        return not self.failed


def gate(question: Question, progress: Progress = silent) -> Verdict:
    """
    Judge whether NEW may take OLD's place.

    Args:
        question: What to judge by.
        progress: Called as the work goes on.

    Raises:
        BundleError, BadKey, DataError: As `gather`.
    """
    return judge(question, gather(question), progress)


def gather(question: Question) -> Evidence:
    """
    Load both bundles, then the data, and score the hold-out. Call it before other threads run (see `bundle.load`).

    Raises:
        BundleError: A bundle is refused: signature, digests, versions or golden rows.
        BadKey: A public key cannot be used.
        DataError: Data cannot be used: no outcomes, too few takers, a fault in a file.
    """
    new, old = load(question.new, question.new_key), load(question.old, question.old_key)
    holdout = data.labelled(data.load(*question.holdout))
    own = None if question.training is None else data.load(*question.training)
    table = None if own is None else without_holdout(own, holdout, new.manifest)
    return Evidence(new, old, holdout, data.labels(holdout), scores_of(new, holdout), scores_of(old, holdout), table)


def judge(question: Question, evidence: Evidence, progress: Progress = silent) -> Verdict:
    """Judge what was gathered."""
    new, old, limits = evidence.new, evidence.old, question.limits
    features = data.matrix(evidence.holdout, new.feature_names)
    lines = [
        *_proof(question, evidence),
        *_claims(question, evidence, progress),
        *_against(limits, evidence, question.approved_by, progress),
        *fitness(new, old, question.new, features, limits, allow_new_fields=question.allow_new_fields),
    ]
    return Verdict(new.manifest, old.manifest, len(features), int(evidence.outcomes.sum()), tuple(lines))


def _proof(question: Question, evidence: Evidence) -> list[Line]:
    training = None if evidence.training is None else data.labelled(evidence.training)
    known = Known(question.id_keys, evidence.holdout, training)
    return proof(evidence.new.manifest, evidence.old.manifest, known, question.limits["least_takers"])


def _claims(question: Question, evidence: Evidence, progress: Progress) -> list[Line]:
    manifest = evidence.new.manifest
    found = measured(evidence.outcomes, evidence.new_scores, manifest.threshold)
    return [
        *_refit(question, evidence, progress),
        all_known(manifest, found),
        *claims_against_holdout(manifest, found, question.limits["standard_errors"]),
    ]


def _refit(question: Question, evidence: Evidence, progress: Progress) -> list[Line]:
    if question.training is None:
        return [Line(REFIT, "training data", None, "not judged: give NEW's own data with --training", {})]
    if evidence.training is None:
        text = "--training is not what NEW was trained on, by its fingerprint; give the files that NEW was trained on"
        return [Line(REFIT, "training data", False, text, {})]
    recipe = recipe_of(evidence.new.manifest)
    if isinstance(recipe, str):
        return [Line(REFIT, "recipe", False, recipe, {})]
    rows = data.labelled(evidence.training)
    again = refitted(recipe, rows, evidence.new.manifest.threshold, question.jobs, progress)
    return [
        Line(REFIT, "training data", True, f"{len(evidence.training)} customers, as the fingerprint says", {}),
        reproduced(recipe, rows, evidence.holdout, evidence.new_scores),
        *claims_against_refit(evidence.new.manifest, again),
    ]


def _against(
    limits: Mapping[str, float], evidence: Evidence, approved_by: str | None, progress: Progress
) -> list[Line]:
    outcomes, new, old = evidence.outcomes, evidence.new_scores, evidence.old_scores
    differences = paired_differences(outcomes, new, old, 0, progress)
    chosen = new >= evidence.new.manifest.threshold, old >= evidence.old.manifest.threshold
    return [
        *no_worse(differences, limits),
        calibrated(differences, limits["largest_calibration_error"]),
        shift_line(shift(new, old)),
        leads_line(leads(outcomes, *chosen), limits["lead_ratio"]),
        *fairness(evidence.holdout, outcomes, *chosen, limits["selection_ratio"], approved_by),
    ]
