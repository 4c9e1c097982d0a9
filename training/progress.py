"""A progress bar for people, on stderr; the training itself only calls back."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from training import evaluate


@contextlib.contextmanager
def progress_bar() -> Iterator[evaluate.Progress]:
    """Hand out a callback that moves a bar; where stderr is no terminal, nothing is drawn but the final state."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Training", total=None)

        def move(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield move
