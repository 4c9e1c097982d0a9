"""`leadline model compare`: two bundles side by side, without a judgement."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from leadline.output import console_for, emit, json_option
from leadline.trust import trusted_key

if TYPE_CHECKING:
    from schemas.manifest import Manifest, Metric
    from training.gate.holdout import OnHoldout

_PATH = click.Path(path_type=Path)


@click.command
@click.argument("first", type=_PATH, metavar="A")
@click.argument("second", type=_PATH, metavar="B")
@click.option("--holdout", type=_PATH, nargs=2, metavar="DATA1 DATA2", help="Compare them on these customers, too.")
@click.option("--public-key", type=_PATH, help="PEM file; by default LEADLINE_PUBLIC_KEY, or your own.")
@json_option
def compare(
    *, first: Path, second: Path, holdout: tuple[Path, Path] | None, public_key: Path | None, as_json: bool
) -> None:
    """
    Show two bundles side by side, without a judgement.

    With --holdout, both score the same customers: differences A minus B, how far scores move, leads gained and lost.
    Whether they are unseen is for `leadline model gate` to prove.
    """
    from propensity.bundle import load
    from training.gate.holdout import on_holdout
    from training.progress import progress_bar

    key = trusted_key(public_key)
    bundles = load(first, key), load(second, key)
    console = console_for(as_json=as_json)
    _show_manifests(console, bundles[0].manifest, bundles[1].manifest)
    found: dict[str, Any] = {}
    if holdout is not None:
        with progress_bar() as progress:
            compared = on_holdout(*bundles, holdout, progress)
        _show_holdout(console, compared)
        found = {"holdout": compared.as_dict()}
    sides = {name: _side(bundle.manifest) for name, bundle in zip(("a", "b"), bundles, strict=True)}
    emit({**sides, **found}, as_json=as_json)


def _show_manifests(console: Console, first: "Manifest", second: "Manifest") -> None:
    table = Table("", "A", "B", box=None, header_style="bold")
    other = _side(second)
    for name, one in _side(first).items():
        table.add_row(name.replace("_", " "), str(one), str(other[name]), style="" if one == other[name] else "bold")
    console.print(table)
    figures = Table("claimed figure", "A", "B", box=None, header_style="bold")
    claimed = [{f"{one.rows.replace('_', ' ')} {one.name}": one for one in side.metrics} for side in (first, second)]
    for name in dict.fromkeys([*claimed[0], *claimed[1]]):
        figures.add_row(name, *(_claim(side.get(name)) for side in claimed))
    console.print()
    console.print(figures)


def _claim(metric: "Metric | None") -> str:
    return "" if metric is None else f"{metric.value:.4f} ({metric.low:.4f} to {metric.high:.4f})"


def _side(manifest: "Manifest") -> dict[str, Any]:
    return {
        **manifest.id.model_dump(),
        "created_at": manifest.created_at,
        "candidate": manifest.candidate,
        "features": ", ".join(feature.name for feature in manifest.features),
        "threshold": manifest.threshold,
        "economics": manifest.economics.rule,
        "training_data": manifest.training.sha256,
        "training_rows": manifest.training.rows,
        "training_takers": manifest.training.takers,
        "libraries": ", ".join(f"{name} {version}" for name, version in manifest.libraries.items()),
    }


def _show_holdout(console: Console, found: "OnHoldout") -> None:
    from training.gate.judge import leads_text, shift_text

    console.print(f"\non {found.customers} customers, {found.takers} of them took the loan")
    table = Table("figure", "A", "B", "A minus B", "95 % interval", box=None, header_style="bold")
    for one in found.differences:
        interval = f"{one.low:+.4f} to {one.high:+.4f}"
        table.add_row(one.name, f"{one.new:.4f}", f"{one.old:.4f}", f"{one.difference:+.4f}", interval)
    console.print(table)
    console.print(f"\n{shift_text(found.shift)}\nleads: {leads_text(found.leads, 'A', 'B')}")
