"""`leadline model gate`: whether a retrained model may take the old one's place."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.table import Table

from leadline.output import console_for, emit, json_option
from leadline.trust import trusted_key

if TYPE_CHECKING:
    from training.gate.gate import Verdict
    from training.gate.line import Line

_PATH = click.Path(path_type=Path)
_CHECK_FAILED: Final = 3
_CONDENSED: Final = 6
"""A group of more lines is shown by those that fail, and one line for all that hold."""

_ID_KEY_HELP: Final = (
    "Key of the training IDs' hashes, or the private key that NEW was first signed with; again for OLD's."
)
_LIBRARIES_HELP: Final = "An OLD made with other library versions is not loaded: its signed figures stand in."
_LIMIT_HELP: Final = "Another limit; may be given several times."
_VERDICTS: Final = {True: ("pass", "green"), False: ("FAIL", "bold red"), None: ("shown", "")}


def _limits(_context: click.Context, _parameter: click.Parameter, given: Sequence[str]) -> dict[str, float]:
    changes = {}
    for one in given:
        name, _, value = one.partition("=")
        try:
            changes[name] = float(value)
        except ValueError as error:
            raise click.BadParameter(f"{one!r} is no NAME=NUMBER, such as accuracy=0.005") from error
    return changes


@click.command
@click.argument("new", type=_PATH)
@click.option("--champion", type=_PATH, required=True, metavar="OLD", help="The bundle that is served now.")
@click.option("--holdout", type=_PATH, nargs=2, required=True, metavar="DATA1 DATA2", help="Unseen, with outcomes.")
@click.option("--training", type=_PATH, nargs=2, metavar="DATA1 DATA2", help="NEW's own data: it is fitted again.")
@click.option("--id-key", "id_keys", type=_PATH, multiple=True, metavar="FILE", help=_ID_KEY_HELP)
@click.option("--public-key", type=_PATH, help="PEM file; by default LEADLINE_PUBLIC_KEY, or your own.")
@click.option("--champion-public-key", type=_PATH, help="That of OLD, where it is another one.")
@click.option("--approve-fairness", metavar="NAME", help="Who answers for a fairness line that does not hold.")
@click.option("--allow-other-libraries", is_flag=True, help=_LIBRARIES_HELP)
@click.option("--allow-new-fields", is_flag=True, help="NEW may use fields that producers need not send.")
@click.option("--limit", "limits", multiple=True, callback=_limits, metavar="NAME=VALUE", help=_LIMIT_HELP)
@json_option
def gate(
    *,
    new: Path,
    champion: Path,
    id_keys: tuple[Path, ...],
    public_key: Path | None,
    champion_public_key: Path | None,
    approve_fairness: str | None,
    limits: dict[str, float],
    as_json: bool,
    **more: Any,  # noqa: ANN401  click's options
) -> int:
    """
    Judge whether NEW may take OLD's place (exit 3 if not). Nothing that NEW says of itself is believed.

    Both are judged on a hold-out that neither has seen. With --training, NEW is fitted again as it says that it was
    made, and its claims are held against that.
    """
    from training.gate.gate import Question, gather, judge
    from training.gate.line import UnknownLimit, limits_with
    from training.gate.proof import read_id_key
    from training.progress import progress_bar

    try:
        changed = limits_with(limits)
    except UnknownLimit as error:
        raise click.UsageError(str(error)) from error
    key = trusted_key(public_key)
    question = Question(
        new,
        champion,
        key,
        champion_public_key or key,
        id_keys=[read_id_key(path) for path in id_keys],
        approved_by=(approve_fairness or "").strip() or None,
        limits=changed,
        **more,
    )
    evidence = gather(question)
    with progress_bar() as progress:
        verdict = judge(question, evidence, progress)
    show(console_for(as_json=as_json), verdict)
    emit(result(verdict, question.approved_by), as_json=as_json)
    return 0 if verdict.passed else _CHECK_FAILED


def show(console: Console, verdict: "Verdict") -> None:
    """Print the table."""
    console.print(f"NEW {verdict.new.name} {verdict.new.version} ({verdict.new.candidate}) against "
                  f"OLD {verdict.old.name} {verdict.old.version} ({verdict.old.candidate})")  # fmt: skip
    if verdict.not_loaded is not None:
        console.print(f"OLD was not loaded ({verdict.not_loaded}); what its signed manifest claims stands in")
    console.print(f"hold-out: {verdict.customers} customers, {verdict.takers} of them took the loan\n")
    table = Table("", "check", "figures", box=None, header_style="bold")
    for group, lines in groupby(verdict.lines, key=lambda line: line.group):
        table.add_row("", group, "", style="bold")
        for word, style, check, text in _rows(list(lines)):
            table.add_row(word, f"  {check}", text, style=style)
    console.print(table)
    judged = sum(line.passed is not None for line in verdict.lines)
    console.print(
        f"\nall {judged} lines hold: NEW may take OLD's place"
        if verdict.passed
        else f"\n{len(verdict.failed)} of {judged} lines do not hold: NEW must not take OLD's place"
    )


def result(verdict: "Verdict", approved_by: str | None) -> dict[str, Any]:
    """Return all for programs."""
    return {
        "passed": verdict.passed,
        "failed": [f"{line.group}: {line.check}" for line in verdict.failed],
        "new": {**verdict.new.id.model_dump(), "candidate": verdict.new.candidate},
        "champion": {**verdict.old.id.model_dump(), "candidate": verdict.old.candidate},
        "champion_loaded": verdict.not_loaded is None,
        "champion_not_loaded_because": verdict.not_loaded,
        "customers": verdict.customers,
        "takers": verdict.takers,
        "fairness_approved_by": approved_by,
        "lines": [line._asdict() for line in verdict.lines],
        "exit_code": 0 if verdict.passed else _CHECK_FAILED,
    }


def _rows(lines: Sequence["Line"]) -> list[tuple[str, str, str, str]]:
    """Return verdict, style, check and text of what is shown of a group."""
    held = [line for line in lines if line.passed]
    short = len(lines) > _CONDENSED and lines[0].group.startswith("claims")
    rows = [(*_VERDICTS[line.passed], line.check, line.text) for line in lines if not (short and line.passed)]
    if short and held:
        rows.insert(0, (*_VERDICTS[True], f"{len(held)} figures", "as they should be (--json lists them)"))
    return rows
