"""How a verb speaks: text for people, one JSON object on the last line of stdout for programs."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click
from rich.console import Console

_WIDTH: Final = 140
"""Columns of a table that goes into a file or a pipe."""

_F = TypeVar("_F", bound=Callable[..., Any])


class Failed(Exception):
    """The verb could not do what it was asked for (exit 1)."""


class CheckFailed(Exception):
    """A check did not hold (exit 3)."""


def json_option(command: _F) -> _F:
    """Give a verb `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on the last line of stdout.")(command)


def console_for(*, as_json: bool) -> Console:
    """Return where text for people goes: stdout, or stderr where stdout is for a program."""
    stream = sys.stderr if as_json else sys.stdout
    return Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else _WIDTH)


def progress_console() -> Console:
    """Return where progress bars go."""
    return Console(stderr=True)


def emit(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the result as one JSON object, where that was asked for."""
    if as_json:
        click.echo(json.dumps(result))
