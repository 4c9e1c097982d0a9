"""NEW against what OLD's signed manifest claims, where OLD cannot be loaded here: its libraries were other ones."""

from collections.abc import Mapping
from math import hypot
from typing import Final

from schemas.manifest import Manifest, Metric
from training.gate.claims import Measured, customers_of, measured, shares
from training.gate.compare import COMPARED, Difference
from training.gate.evidence import Evidence
from training.gate.fairness import fairness_shown
from training.gate.judge import calibrated, no_worse
from training.gate.line import Line

_LEADS: Final = ("true_positives", "false_positives")
_WHY: Final = "OLD was not loaded, so it has no scores here"
_MISSING: Final = (
    "OLD's manifest claims no such figure, so nothing can stand in; train OLD's candidate again here on OLD's data, "
    "and give that bundle as OLD"
)


def against_claims(evidence: Evidence, limits: Mapping[str, float]) -> list[Line]:
    """
    Judge NEW's figures on the hold-out against OLD's claims; show what only OLD's scores could judge.

    Args:
        evidence: Without OLD's scores.
        limits: See `training.gate.line.LIMITS`.
    """
    claims = claims_of(evidence.old)
    # OLD claims its accuracy at its own threshold, so NEW's is taken there, too.
    found = measured(evidence.outcomes, evidence.new_scores, evidence.old.threshold)
    differences = [stood_in(found, claims[name], evidence.old) for name in COMPARED if name in claims]
    chosen = evidence.new_scores >= evidence.new.manifest.threshold
    return [
        *(_named(line, claims[one.name]) for line, one in zip(no_worse(differences, limits), differences, strict=True)),
        *(Line("against OLD", name.replace("_", " "), False, _MISSING, {}) for name in COMPARED if name not in claims),
        calibrated(found.metrics["calibration_error"].value, limits["largest_calibration_error"]),
        Line("shift", "scores", None, f"not judged: {_WHY}", {}),
        leads_by_share(float(chosen.mean()), claims, limits["lead_ratio"]),
        *fairness_shown(evidence.holdout, chosen, _WHY),
    ]


def claims_of(manifest: Manifest) -> dict[str, Metric]:
    """Return the claims by name: those of the test rows, which were looked at once; else the cross-validated ones."""
    return {one.name: one for one in sorted(shares(manifest), key=lambda one: one.rows == "test")}


def stood_in(found: Measured, claim: Metric, old: Manifest) -> Difference:
    """
    Return NEW's figure minus OLD's claim, with an interval that allows for chance on both sides.

    The customers are not the same, so nothing is paired: the distances from both figures to their bounds add up as the
    sides of a right angle do (Newcombe, "Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17, 1998). Nobody has measured OLD's bounds again, so they count for no more than NEW's
    would, measured on as many customers as OLD's.
    """
    new = found.metrics[claim.name]
    wider = (found.rows / customers_of(claim, old)) ** 0.5
    most = max(new.value - new.low, new.high - new.value) * wider
    below = hypot(max(new.value - new.low, 0.0), min(max(claim.high - claim.value, 0.0), most))
    above = hypot(max(new.high - new.value, 0.0), min(max(claim.value - claim.low, 0.0), most))
    difference = new.value - claim.value
    return Difference(claim.name, new.value, claim.value, difference - below, difference + above)


def leads_by_share(new: float, claims: Mapping[str, Metric], ratio: float) -> Line:
    """
    Judge how many leads marketing would get, as shares of the customers; who is gained or lost is not known.

    Args:
        new: NEW's share on the hold-out.
        claims: OLD's.
        ratio: At most this many times as many, or as few.
    """
    if not claims.keys() >= set(_LEADS):
        return Line("shift", "leads", False, _MISSING, {})
    cells = [claims[name] for name in _LEADS]
    old = sum(cell.value for cell in cells)
    text = (
        f"NEW {new:.2%} of the hold-out, OLD {old:.2%} of its {_rows(cells[0])}, as it claims; at most {ratio:g} times "
        f"as many or as few; who is gained or lost is not known: {_WHY}"
    )
    figures = {"new_share": new, "old_share": old, "limit": ratio, "old_rows": cells[0].rows}
    return Line("shift", "leads", old <= ratio * new and new <= ratio * old, text, figures)


def _named(line: Line, claim: Metric) -> Line:
    text = f"{line.text}; OLD's is what it claims of its {_rows(claim)}"
    return line._replace(text=text, figures={**line.figures, "old_rows": claim.rows})


def _rows(claim: Metric) -> str:
    return f"{claim.rows.replace('_', '-')} rows"
