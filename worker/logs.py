"""Log lines to stderr: JSON for machines, plain for a console. They name messages and events, never customer data."""

import logging
import sys
import time
from collections.abc import Mapping

from pythonjsonlogger.json import JsonFormatter

from worker.settings import SettingsError

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def set_up_logs(environ: Mapping[str, str]) -> None:
    """
    Log as `LOG_LEVEL` and `LOG_FORMAT` (`json` or `console`) say.

    Raises:
        SettingsError: One of them is none of the values there are.
    """
    if faults := log_faults(environ):
        raise SettingsError(faults)
    level, form = _level(environ), _form(environ)
    handler = logging.StreamHandler(sys.stderr)
    as_json = JsonFormatter(_FIELDS, _TIME, rename_fields={"asctime": "time", "levelname": "level", "name": "logger"})
    formatter = as_json if form == "json" else logging.Formatter(_FIELDS, _TIME)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("botocore").setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))


def log_faults(environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with `LOG_LEVEL` and `LOG_FORMAT`."""
    faults = []
    if _level(environ) not in logging.getLevelNamesMapping():
        faults.append(f"LOG_LEVEL is {_level(environ)!r}: give DEBUG, INFO, WARNING or ERROR")
    if _form(environ) not in {"json", "console"}:
        faults.append(f"LOG_FORMAT is {_form(environ)!r}: give json or console")
    return faults


def _level(environ: Mapping[str, str]) -> str:
    return environ.get("LOG_LEVEL", "INFO").upper()


def _form(environ: Mapping[str, str]) -> str:
    return environ.get("LOG_FORMAT", "console")
