"""The deployer's settings: /etc/leadline/deployer.env, written when the machine was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.errors import Misconfigured
from deployer.limits import COMMAND_S

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_FILE = "/etc/leadline/deployer.env"
RELEASE_KEY = "/etc/leadline/release-key.pem"
NEEDED = ("MODELS_BUCKET", "AWS_REGION")


@dataclass(frozen=True)
class Settings:
    """Where the record lies, which key is trusted, and what every command sees as its environment."""

    bucket: str
    release_key: Path
    environment: dict[str, str]
    command_s: float = COMMAND_S


def read_settings(environment: Mapping[str, str]) -> Settings:
    """
    Read the settings file; what it says goes before the environment.

    Args:
        environment: The process's. `DEPLOYER_ENV` and `RELEASE_KEY` name other files than the usual ones, and
            `DEPLOYER_COMMAND_S` a shorter time for each command.

    Returns:
        The settings.

    Raises:
        Misconfigured: The file cannot be read, a line is none, or something is missing; all faults at once.
    """
    path = Path(environment.get("DEPLOYER_ENV", SETTINGS_FILE))
    key = Path(environment.get("RELEASE_KEY", RELEASE_KEY))
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"{path} cannot be read: {error}; it holds NAME=VALUE lines with {', '.join(NEEDED)}"
        ) from None
    faults = [f"{name} is not set in {path}; add a line {name}=..." for name in NEEDED if not values.get(name)]
    if not key.is_file():
        faults.append(f"{key} is missing; put the public key of the pipeline's signing key there")
    seconds = environment.get("DEPLOYER_COMMAND_S", str(COMMAND_S))
    if not seconds.isdigit() or not 1 <= int(seconds) <= COMMAND_S:
        faults.append(f"DEPLOYER_COMMAND_S is {seconds}; give whole seconds, 1 to {COMMAND_S}")
    if faults:
        raise Misconfigured("; ".join(faults))
    # HOME may be missing under CodeDeploy's agent, and kubectl and aws both look there.
    return Settings(values["MODELS_BUCKET"], key, {"HOME": "/root", **environment, **values}, float(seconds))


def parse(text: str) -> dict[str, str]:
    """
    Return the names and values of an environment file.

    Args:
        text: NAME=VALUE lines; empty lines and those that start with # count for nothing.

    Returns:
        Values by name, without surrounding quotes.

    Raises:
        ValueError: A line has no equals sign.
    """
    lines = [line.strip() for line in text.splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    wrong = [line for line in wanted if "=" not in line]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not NAME=VALUE")
    pairs = (line.split("=", 1) for line in wanted)
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}
