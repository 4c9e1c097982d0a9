"""Which key a bundle is checked with on this machine."""

import os
from pathlib import Path
from typing import Final

from leadline.output import Failed
from propensity.signing import development_keys
from worker.configuration import load_settings

DEFAULT_MODEL: Final = Path("build/model")
"""Where `leadline train` puts its bundle, and where the other verbs look for one."""


def trusted_key(given: Path | None) -> Path | None:
    """
    Return the public key: the one given, else that of LEADLINE_PUBLIC_KEY, else this user's development key.

    None, where LEADLINE_ALLOW_UNSIGNED says that no signature is asked for.
    """
    settings = load_settings(os.environ).settings
    if given is None and settings.allow_unsigned:
        return None
    return given or settings.public_key or development_keys()[1]


def model_folder(given: Path | None) -> Path:
    """
    Return the bundle's folder: the one given, else LEADLINE_MODEL, else the default.

    Raises:
        Failed: LEADLINE_MODEL lies on S3.
    """
    named = load_settings(os.environ).settings.model
    if given is None and named is not None:
        if "://" in named:
            raise Failed(f"LEADLINE_MODEL is {named}, and this verb reads a folder: fetch it, and name the folder")
        return Path(named)
    return given or DEFAULT_MODEL
