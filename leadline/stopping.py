"""What a verb does when it is told to stop, by Ctrl-C or by SIGTERM."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click

_Item = TypeVar("_Item")


@contextmanager
def stop_between_calls() -> Iterator[Callable[[], signal.Signals | None]]:
    """
    Note the first SIGINT or SIGTERM, for a verb that finishes the call in hand; the second acts as it always does.

    Yields:
        A function that tells which signal came, or None.
    """
    came: list[signal.Signals] = []
    before: dict[int, Any] = {}

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(signal.Signals(number))
        _restore(before)

    before.update({number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)})
    try:
        yield lambda: came[0] if came else None
    finally:
        _restore(before)


def until_stopped(items: Iterable[_Item], stopping: Callable[[], signal.Signals | None]) -> Iterator[_Item]:
    """
    Pass items on until a signal has come.

    An exception out of the signal's handler could hit a receive whose messages are not in hand yet: nobody would give
    them back.

    Raises:
        click.Abort: SIGINT came.
        SystemExit: SIGTERM came.
    """
    for item in items:
        _leave_if(stopping())
        yield item
    _leave_if(stopping())


def _leave_if(came: signal.Signals | None) -> None:
    if came is signal.SIGINT:
        raise click.Abort
    if came is not None:
        raise SystemExit(128 + came)


def _restore(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
