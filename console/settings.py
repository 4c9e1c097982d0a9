"""What the console needs of the settings before it starts, and the token that it asks for."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from worker.configuration import load_settings
from worker.logs import log_faults
from worker.rules import Rule, worker_needs
from worker.settings import Settings, SettingsError

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
"""The hosts that only this machine reaches."""

MIN_TOKEN: Final = 20
_TOKEN: Final = re.compile(rb"[\x21-\x7e]{%d,1024}" % MIN_TOKEN)
_AS_THE_WORKER: Final = frozenset({"store", "model", "public_key", "allow_unsigned"})


class ConsoleSettings(NamedTuple):
    """The settings, and the token, which is asked for wherever there is one."""

    settings: Settings
    token: str | None


def load_console_settings(
    environ: Mapping[str, str], flags: Mapping[str, Any] | None = None, dotenv: Path = Path(".env")
) -> ConsoleSettings:
    """
    Read the settings, check that a console can run with them, and read the token.

    Args:
        environ: The environment.
        flags: Values given on the command line, by field name; None is not given.
        dotenv: A file of the same names, read where it exists.

    Raises:
        SettingsError: As a worker's, or the console would be open to others without a token.
    """
    settings = load_settings(environ, flags, dotenv).settings
    token, token_faults = _token(settings.console_token_file)
    faults = [rule.fault for rule in console_needs(settings, environ) if not rule.holds]
    faults += token_faults + log_faults(environ)
    if faults:
        raise SettingsError(faults)
    return ConsoleSettings(settings, token)


def console_needs(s: Settings, environ: Mapping[str, str]) -> list[Rule]:
    """Return the rules for a console: a worker's for model and store, and a token where others can reach it."""
    shared = [rule for rule in worker_needs(s, environ) if rule.names <= _AS_THE_WORKER]
    guarded = Rule(
        s.console_host in LOOPBACK or s.console_token_file is not None,
        frozenset({"console_host", "console_token_file"}),
        f"LEADLINE_CONSOLE_HOST is {s.console_host}: other machines reach the console there; set "
        f"LEADLINE_CONSOLE_TOKEN_FILE to a file that holds a token, or listen on 127.0.0.1",
    )
    return [*shared, guarded]


def _token(path: Path | None) -> tuple[str | None, list[str]]:
    """Return the token of a file, or what is wrong with it. The token itself is never told."""
    if path is None:
        return None, []
    name = f"LEADLINE_CONSOLE_TOKEN_FILE is {path}"
    try:
        token = path.read_bytes().strip()
    except OSError as error:
        return None, [f"{name}: it cannot be read ({error.strerror}); give a file that holds the token"]
    if not _TOKEN.fullmatch(token):
        fault = (
            f"{name}: a token has at least {MIN_TOKEN} letters, digits or signs of ASCII without spaces, and this file "
            f"holds {len(token)} bytes; `openssl rand -hex 32` makes one"
        )
        return None, [fault]
    return token.decode("ascii"), []
