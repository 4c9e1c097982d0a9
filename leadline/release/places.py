"""Which bucket, and which key, a verb about releases works with on this machine."""

import os
from pathlib import Path

import click

from leadline.output import CheckFailed
from leadline.trust import trusted_key
from ports import Objects, open_objects
from worker.configuration import load_settings
from worker.settings import SettingsError


def models_bucket(given: str | None, flag: str = "--models") -> Objects:
    """
    Open the bucket: the one given, else that of LEADLINE_MODELS.

    Raises:
        SettingsError: Neither names one.
        BadAddress: It is none.
    """
    url = given or load_settings(os.environ).settings.models
    if not url:
        raise SettingsError([f"LEADLINE_MODELS is not set; give s3://BUCKET/, or {flag}"])
    return open_objects(url)


def author_key(given: Path | None) -> Path:
    """
    Return the public key that a bundle's author signs with; without a signature nothing travels.

    Raises:
        CheckFailed: LEADLINE_ALLOW_UNSIGNED says that no signature is asked for.
    """
    key = trusted_key(given)
    if key is None:
        raise CheckFailed(
            "LEADLINE_ALLOW_UNSIGNED is true, and an unsigned bundle is not pushed; name --public-key, or unset it"
        )
    return key


models_option = click.option(
    "--models", metavar="s3://BUCKET/", help="Bucket of models and releases; by default LEADLINE_MODELS."
)
