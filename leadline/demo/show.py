"""What the demo prints: for somebody from marketing first, with the files for an engineer at the end."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leadline.demo.audit import Audit
from leadline.demo.plan import Plan
from leadline.demo.run import Ran
from schemas.decision import StoredDecision
from schemas.manifest import Manifest, Metric
from worker.errors import REASONS

_TIERS = {"A": "call first", "B": "call next", "C": "worth a message"}
_MEASURED_ON = {
    "test": "the locked test set: customers that no choice and no fit had seen",
    "cross_validation": "cross-validation: each customer scored by a model that had not seen them",
}


def show(console: Console, plan: Plan, ran: Ran, manifest: Manifest, places: Sequence[tuple[str, Path | str]]) -> None:
    """Print the tables."""
    _show_answer(console, manifest)
    _show_events(console, plan, ran)
    _show_leads(console, ran.audit, manifest)
    _show_best(console, ran.best)
    _show_quarantine(console, ran.audit)
    _heading(console, "Where it lies")
    for what, where in places:
        console.print(f"  {what:<12}{where}", soft_wrap=True)


def _heading(console: Console, title: str, rest: str = "") -> None:
    console.print()
    console.print(Text.assemble((title, "bold"), rest))


def _show_answer(console: Console, manifest: Manifest) -> None:
    """Say what the model is worth, by rows that it was not fitted on, and by which."""
    base = manifest.training.takers / manifest.training.rows
    _heading(console, "What the same budget brings", f" ({manifest.candidate}, model {manifest.version})")
    for metric in manifest.metrics:
        if metric.name == "conversion_top_10":
            console.print(f"  {_conversion(metric, base)}")
            console.print(f"    measured on {_MEASURED_ON[metric.rows]}")


def _conversion(metric: Metric, base: float) -> str:
    return (
        f"Contact the best tenth of the customers: {metric.value:.0%} take the loan "
        f"(95 % interval {metric.low:.0%} to {metric.high:.0%}). Contact as many at random: {base:.1%}."
    )


def _show_events(console: Console, plan: Plan, ran: Ran) -> None:
    audit = ran.audit
    _heading(console, f"What became of {len(plan.messages):,} messages")
    rows = [
        ("applied", audit.applied, "a decision is stored"),
        ("superseded", audit.superseded, f"a newer event was there before ({plan.count('stale')} planted)"),
        ("duplicate", audit.duplicates, f"came again, stored once ({plan.count('duplicate')} planted)"),
        ("set aside", audit.quarantined, f"in the quarantine, with a reason ({plan.count('malformed')} planted)"),
        ("waiting", audit.waiting, "still on a queue"),
        ("lost", audit.lost, "of which nothing is left anywhere"),
    ]
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, count, meaning in rows:
        style = "bold red" if name == "lost" and count else ""
        table.add_row(name, f"{count:,}", meaning, style=style)
    console.print(table)
    console.print(f"  {ran.events_per_second:,.0f} events a second")


def _show_leads(console: Console, audit: Audit, manifest: Manifest) -> None:
    _heading(console, f"{audit.leads:,} leads", f" with a score of {manifest.threshold:g} or more")
    bounds = {"A": manifest.tiers.a, "B": manifest.tiers.b, "C": manifest.threshold}
    table = Table(box=None, show_header=False, padding=(0, 2))
    for tier, meaning in _TIERS.items():
        table.add_row(f"tier {tier}", f"{audit.by_tier.get(tier, 0):,}", f"from {bounds[tier]:.2f}", meaning)
    console.print(table)
    console.print("  The model learned from most of these customers: how well it does on others is said above.")


def _show_best(console: Console, best: Sequence[StoredDecision]) -> None:
    if not best:
        return
    _heading(console, f"The {len(best)} best leads")
    table = Table("customer", "score", "tier", "event", "expires", box=None, header_style="dim", padding=(0, 2))
    for row in best:
        decision = row.decision
        expires = decision.expires_at[:10]
        table.add_row(decision.customer_id, f"{decision.score:.3f}", decision.tier, decision.event_id, expires)
    console.print(table)


def _show_quarantine(console: Console, audit: Audit) -> None:
    if not audit.by_reason:
        return
    _heading(console, "Set aside, and why")
    table = Table(box=None, show_header=False, padding=(0, 2))
    for reason, count in sorted(audit.by_reason.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(f"{count:,}", reason, REASONS.get(reason))
    console.print(table)
