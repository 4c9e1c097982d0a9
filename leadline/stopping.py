"""What a verb does when it is told to stop, by Ctrl-C or by SIGTERM."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn


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


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that what is held is given back, and no half-written file stays behind."""

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _restore(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
