"""Read the settings: flag, else environment, else `.env`, else default; all faults are told at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from worker.logs import log_faults
from worker.rules import contradictions, worker_needs
from worker.settings import PREFIX, Settings, SettingsError, variable


class Loaded(NamedTuple):
    """The settings, and where each one comes from: flag, environment, .env or default."""

    settings: Settings
    sources: Mapping[str, str]


def load_settings(
    environ: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
    dotenv: Path = Path(".env"),
    *,
    for_worker: bool = False,
) -> Loaded:
    """
    Read the settings.

    Args:
        environ: The environment.
        flags: Values given on the command line, by field name; None is not given.
        dotenv: A file of the same names, read where it exists.
        for_worker: Also check that a worker can run with them.

    Raises:
        SettingsError: A name is unknown, a value out of bounds, or the settings contradict each other.
    """
    values, sources, faults = _layered(environ, flags or {}, dotenv)
    settings, broken, value_faults = _validated(values)
    faults += value_faults
    rules = contradictions(settings) + (worker_needs(settings, environ) if for_worker else [])
    faults += [rule.fault for rule in rules if not rule.holds and not broken.intersection(rule.names)]
    faults += log_faults(environ) if for_worker else []
    if faults:
        raise SettingsError(faults)
    return Loaded(settings, sources)


def _layered(
    environ: Mapping[str, str], flags: Mapping[str, Any], dotenv: Path
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Lay the sources over each other, and find names that are no setting."""
    from_file, faults = _read(dotenv)
    layers = [(str(dotenv), from_file), ("environment", environ)]
    names = {variable(name): name for name in Settings.model_fields}
    values: dict[str, Any] = {}
    sources = dict.fromkeys(Settings.model_fields, "default")
    for source, layer in layers:
        for key, value in layer.items():
            if key in names:
                values[names[key]], sources[names[key]] = value, source
            elif key.upper().startswith(PREFIX):
                faults.append(_unknown(key, source))
    for name, value in flags.items():
        if value is not None:
            values[name], sources[name] = value, "flag"
    return values, sources, faults


def _read(dotenv: Path) -> tuple[Mapping[str, str | None], list[str]]:
    try:
        if not dotenv.is_file():
            return {}, []
        from dotenv import dotenv_values  # a worker in a container has no such file

        return dotenv_values(dotenv), []
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"{dotenv} cannot be read ({error}); give lines of NAME=VALUE in UTF-8, or remove it"]


def _unknown(key: str, source: str) -> str:
    import difflib

    names = [variable(name) for name in Settings.model_fields]
    near = difflib.get_close_matches(key.upper(), names, n=1)
    hint = f"did you mean {near[0]}?" if near else "`leadline config show` lists the settings"
    return f"{key} ({source}) is no setting; {hint}"


def _validated(values: Mapping[str, Any]) -> tuple[Settings, set[str], list[str]]:
    """Validate; where values are wrong, go on with defaults in their place, so that more faults can be found."""
    try:
        return Settings.model_validate(values), set(), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    broken = {str(detail["loc"][0]) for detail in details}
    faults = [f"{variable(str(d['loc'][0]))} is {d['input']!r}: {d['msg'].lower()}" for d in details]
    kept = {name: value for name, value in values.items() if name not in broken}
    return Settings.model_validate(kept), broken, faults
