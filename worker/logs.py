"""Log lines to stderr: JSON for machines, plain for a console. They name messages and events, never customer data."""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final

from pythonjsonlogger.json import JsonFormatter

from worker.settings import SettingsError

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_DISCREET: Final = frozenset({"worker", "ports", "propensity", "schemas", "sqlite3"})
_WITHHELD: Final = "(its message is withheld, since it may quote a customer)"

log = logging.getLogger("worker")


def set_up_logs(environ: Mapping[str, str]) -> None:
    """
    Log as `LOG_LEVEL` and `LOG_FORMAT` (`json` or `console`) say; also the error that ends the process.

    Raises:
        SettingsError: One of them is none of the values there are.
    """
    if faults := log_faults(environ):
        raise SettingsError(faults)
    level, form = _level(environ), _form(environ)
    handler = logging.StreamHandler(sys.stderr)
    as_json = _DiscreetJson(_FIELDS, _TIME, rename_fields={"asctime": "time", "levelname": "level", "name": "logger"})
    formatter = as_json if form == "json" else _Discreet(_FIELDS, _TIME)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    sys.excepthook = _log_the_end
    threading.excepthook = lambda about: _log_the_end(about.exc_type, about.exc_value, about.exc_traceback)
    logging.getLogger("botocore").setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))


def log_faults(environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with `LOG_LEVEL` and `LOG_FORMAT`."""
    faults = []
    if _level(environ) not in logging.getLevelNamesMapping():
        faults.append(f"LOG_LEVEL is {_level(environ)!r}: give DEBUG, INFO, WARNING or ERROR")
    if _form(environ) not in {"json", "console"}:
        faults.append(f"LOG_FORMAT is {_form(environ)!r}: give json or console")
    return faults


class _Discreet(logging.Formatter):
    """Writes tracebacks without what errors of others say: a library's message may quote the value that it refused."""

    def formatException(self, ei: object) -> str:  # noqa: N802  as it is declared
        """Return where the error came up, and of which kind it is."""
        error = ei[1] if isinstance(ei, tuple) else None
        return "".join(_told(error)).rstrip() if isinstance(error, BaseException) else ""


class _DiscreetJson(_Discreet, JsonFormatter):
    """The same in JSON."""


def _told(error: BaseException) -> Iterator[str]:
    """Tell of an error and of those before it, in Python's own order."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _told(before)
        yield "\nand because of it, or while it was handled:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    kind = type(error)
    yield f"{kind.__module__}.{kind.__qualname__}: {error if _is_discreet(kind) else _WITHHELD}\n"


def _is_discreet(kind: type[BaseException]) -> bool:
    """Tell whether errors of a kind quote no values: ours, and those of files and databases, name things."""
    return kind.__module__.split(".")[0] in _DISCREET or issubclass(kind, OSError)


def _log_the_end(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        sys.__excepthook__(kind, error or kind(), trace)
    else:
        log.critical("an error that nobody foresaw ends this thread", exc_info=error)


def _level(environ: Mapping[str, str]) -> str:
    return environ.get("LOG_LEVEL", "INFO").upper()


def _form(environ: Mapping[str, str]) -> str:
    return environ.get("LOG_FORMAT", "console")
