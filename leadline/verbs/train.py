"""`leadline train`: from two CSV files to a signed model bundle."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from rich.console import Console
from rich.table import Table

from leadline.output import console_for, emit, json_option
from leadline.trust import DEFAULT_MODEL
from training.selection import RULES

if TYPE_CHECKING:
    from training.run import Trained

_FILE = click.Path(path_type=Path)
_TERMINATED: Final = 128 + signal.SIGTERM
_SHOWN = ("accuracy", "average_precision", "roc_auc", "recall", "precision", "f1", "log_loss", "brier")


@click.command
@click.option("--data1", type=_FILE, help="CSV file; with --data2 instead of the real set of the `dmba` package.")
@click.option("--data2", type=_FILE, help="CSV file with the rest of the columns, and the outcome LoanOnCard.")
@click.option("--out", type=_FILE, default=DEFAULT_MODEL, show_default=True, help="Folder for the bundle.")
@click.option(
    "--select-by",
    type=click.Choice(RULES),
    default="accuracy",
    show_default=True,
    help="What counts first; those within one standard error compete by average precision, then log loss.",
)
@click.option("--candidates", metavar="A,B", help="Which models to compare; by default all: --list names them.")
@click.option("--contact-cost", type=float, help="What a contact costs; with --loan-value it sets the threshold.")
@click.option("--loan-value", type=float, help="What a loan brings, in the same currency.")
@click.option(
    "--budget",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Instead: the share of the customers that can be contacted sets the threshold.",
)
@click.option("--thorough", is_flag=True, help="Repeat the cross-validation on new folds.")
@click.option("--allow-training-rows", is_flag=True, help="Pack a model that keeps rows of customers (an SVM) as well.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Same seed, same scores.")
@click.option("--key", type=_FILE, help="Private key to sign with; by default your development key.")
@click.option("--id-key", "id_key_file", type=_FILE, help="Key of the training IDs' hashes; by default from --key.")
@click.option(
    "--reserve-share",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    help="Keep this share of the customers back, unseen by everything, for `leadline model gate`.",
)
@click.option("--reserve-out", type=_FILE, help="Folder for their two files; by default OUT-reserve.")
@click.option("--list", "list_candidates", is_flag=True, help="List the candidates, and stop.")
@json_option
def train(
    *,
    list_candidates: bool,
    as_json: bool,
    candidates: str | None,
    id_key_file: Path | None,
    **options: Any,  # noqa: ANN401  click's options
) -> None:
    """
    Fit, compare, choose, package and sign.

    Without --data1 and --data2 the real set of 5,000 customers is used. The locked test set is looked at once, after
    the choice; then the winner is fitted again on every labelled row.
    """
    from training.candidates import CANDIDATES, TO_ORDER
    from training.gate.proof import read_id_key
    from training.options import Options
    from training.progress import progress_bar
    from training.run import train as train_model

    console = console_for(as_json=as_json)
    if list_candidates:
        for name, candidate in {**CANDIDATES, **TO_ORDER}.items():
            console.print(f"{name:<45}{candidate.title}" + (" (only when named)" if name in TO_ORDER else ""))
        emit({"candidates": list(CANDIDATES), "only_when_named": list(TO_ORDER)}, as_json=as_json)
        return
    names = None if candidates is None else tuple(filter(None, (name.strip() for name in candidates.split(","))))
    id_key = None if id_key_file is None else read_id_key(id_key_file)
    with _exit_on_sigterm(), progress_bar() as progress:
        trained = train_model(Options(candidates=names, id_key=id_key, **options), progress)
    _show(console, trained)
    emit(_result(trained), as_json=as_json)


@contextlib.contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that joblib ends its processes and no draft of a bundle stays behind."""
    terminated = False

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        nonlocal terminated
        terminated = True
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except Exception:
        if not terminated:
            raise
    finally:
        signal.signal(signal.SIGTERM, before)
    if terminated:  # whatever came after the signal came of it, be it that joblib's processes were half started
        raise SystemExit(_TERMINATED)


def _show(console: Console, trained: "Trained") -> None:
    table = Table("candidate", *_SHOWN, box=None, header_style="bold")
    for compared in sorted(trained.comparison, key=lambda one: -one.metrics[trained.choice.rule]):
        chosen = compared.candidate.name == trained.choice.candidate
        figures = [f"{compared.metrics[name]:.4f}" for name in _SHOWN]
        table.add_row(compared.candidate.title, *figures, style="bold green" if chosen else "")
    console.print("Cross-validation on the training part (each customer scored by a model that had not seen them)")
    console.print(table)
    for reason in (*trained.choice.reasons, trained.beyond, trained.features.reason):
        console.print(f"- {reason}")
    console.print(f"\n{trained.manifest.name} {trained.manifest.version} is in {trained.folder}, signed; "
                  f"{trained.seconds:.0f} s. Open {trained.folder / 'report.html'}.")  # fmt: skip


def _result(trained: "Trained") -> dict[str, Any]:
    metrics = {f"{metric.rows}_{metric.name}": metric.value for metric in trained.manifest.metrics}
    return {
        "out": str(trained.folder),
        "candidate": trained.choice.candidate,
        "version": trained.manifest.version,
        "features": [feature.name for feature in trained.manifest.features],
        "metrics": metrics,
        "seconds": round(trained.seconds, 2),
    }
