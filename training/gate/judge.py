"""NEW against OLD on the hold-out, in lines: no worse, calibrated, how scores move, leads gained and lost."""

from collections.abc import Mapping, Sequence
from typing import Final

from training.gate.compare import SHIFT_EDGES, Difference, Leads, Shift
from training.gate.line import Figure, Line

_GROUP: Final = "against OLD"
_STABLE, _MOVED = 0.1, 0.25


def no_worse(differences: Sequence[Difference], limits: Mapping[str, float]) -> list[Line]:
    """Judge each difference: NEW must not be worse by more than the tolerance, unless that may be chance."""
    return [_no_worse(one, limits[one.name]) for one in differences]


def difference_text(one: Difference) -> str:
    """Return a difference in words."""
    return f"NEW {one.new:.4f}, OLD {one.old:.4f}, difference {one.difference:+.4f} ({one.low:+.4f} to {one.high:+.4f})"


def calibrated(found: float, limit: float) -> Line:
    """Judge NEW's calibration error by itself."""
    text = f"expected calibration error of ten equal-count bins {found:.4f}, at most {limit:g}"
    if found > limit:
        text += "; a threshold from costs means nothing with such scores: calibrate it on rows held out"
    return Line("calibration", "calibration error", found <= limit, text, {"found": found, "limit": limit})


def shift_line(found: Shift) -> Line:
    """Show how scores move; another model may well score otherwise."""
    figures: dict[str, Figure] = {
        "shares": _by_distance(found),
        "mean": found.mean,
        "population_stability_index": found.population_stability_index,
    }
    return Line("shift", "scores", None, shift_text(found), figures)


def shift_text(found: Shift) -> str:
    """Return in words how scores move."""
    index = found.population_stability_index
    words = "as good as none" if index < _STABLE else "some" if index < _MOVED else "much"
    shares = ", ".join(f"{name}: {share:.1%}" for name, share in _by_distance(found).items())
    return f"customers by how far their score moves: {shares}; mean {found.mean:.4f}; PSI {index:.3f} ({words})"


def leads_line(found: Leads, ratio: float) -> Line:
    """Judge how many leads marketing would get: not more than some times as many as now, nor less than that part."""
    passed = found.old <= ratio * found.new and found.new <= ratio * found.old
    text = f"{leads_text(found)}; at most {ratio:g} times as many or as few"
    return Line("shift", "leads", passed, text, dict(found._asdict()))


def leads_text(found: Leads, new: str = "NEW", old: str = "OLD") -> str:
    """Return in words who becomes a lead, and who is one no more."""
    return (
        f"{new} {found.new}, {old} {found.old}; gained by {new} {found.gained} ({found.gained_takers} took the loan), "
        f"lost {found.lost} ({found.lost_takers} took it)"
    )


def _by_distance(found: Shift) -> dict[str, float]:
    names = [*(f"<= {edge:g}" for edge in SHIFT_EDGES), "more"]
    return dict(zip(names, found.shares, strict=True))


def _no_worse(one: Difference, tolerance: float) -> Line:
    too_much = one.loss > tolerance
    text = f"{difference_text(one)}, at most {tolerance:g} worse"
    if too_much and not one.beyond_chance:
        text += "; it is more, which may be chance"
    figures = {"new": one.new, "old": one.old, "difference": one.difference, "low": one.low, "high": one.high}
    passed = not (too_much and one.beyond_chance)
    return Line(_GROUP, one.name.replace("_", " "), passed, text, {**figures, "tolerance": tolerance})
