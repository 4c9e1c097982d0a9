"""May NEW take OLD's place? Both are judged on customers that neither has seen; nothing that NEW claims is believed."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.manifest import Manifest
from training import data
from training.evaluate import Progress, silent
from training.gate.claims import all_known, claims_against_holdout, claims_against_refit, measured
from training.gate.compare import leads, paired_differences, shift
from training.gate.evidence import Evidence, Question, gather
from training.gate.fairness import fairness
from training.gate.fitness import fitness
from training.gate.judge import calibrated, leads_line, no_worse, shift_line
from training.gate.line import Line
from training.gate.proof import Known, proof
from training.gate.refit import REFIT, recipe_of, refitted, reproduced
from training.gate.stand_in import against_claims
from training.metrics import calibration_error

__all__ = ["Question", "Verdict", "gate", "gather", "judge"]


class Verdict(NamedTuple):
    """All lines, and what they are of."""

    new: Manifest
    old: Manifest
    customers: int
    takers: int
    lines: tuple[Line, ...]
    not_loaded: str | None = None
    """Why OLD was not loaded; None: it was."""

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
    customers, takers = len(features), int(evidence.outcomes.sum())
    return Verdict(new.manifest, old, customers, takers, tuple(lines), evidence.not_loaded)


def _proof(question: Question, evidence: Evidence) -> list[Line]:
    training = None if evidence.training is None else data.labelled(evidence.training)
    known = Known(question.id_keys, evidence.holdout, training)
    return proof(evidence.new.manifest, evidence.old, known, question.limits["least_takers"])


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
    if old is None:
        return against_claims(evidence, limits)
    differences = paired_differences(outcomes, new, old, 0, progress)
    chosen = new >= evidence.new.manifest.threshold, old >= evidence.old.threshold
    return [
        *no_worse(differences, limits),
        calibrated(calibration_error(outcomes, new), limits["largest_calibration_error"]),
        shift_line(shift(new, old)),
        leads_line(leads(outcomes, *chosen), limits["lead_ratio"]),
        *fairness(evidence.holdout, outcomes, *chosen, limits["selection_ratio"], approved_by),
    ]
