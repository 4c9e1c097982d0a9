"""What signs a release: a key in KMS, or a key file where there is no AWS."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from leadline.output import CheckFailed
from leadline.release.held import Held, from_folder
from ports import open_kms_key
from propensity.bundle import MANIFEST
from propensity.signing import SIGNATURE, is_signed, public_pem, sign


class Signer(NamedTuple):
    """A key, and how it is called."""

    name: str
    sign: Callable[[bytes], bytes]
    public_pem: Callable[[], bytes]

    def own_bundle(self, folder: Path) -> Held:
        """
        Return a bundle that bears this key's signature: workers trust no other.

        Raises:
            CheckFailed: It does not.
            BundleError: Another check of the bundle does not hold.
        """
        bundle = from_folder(folder, None)
        signature = bundle.files.get(SIGNATURE)
        with tempfile.TemporaryDirectory(prefix="leadline-") as temporary:
            public = Path(temporary) / "release-key.pem"
            public.write_bytes(self.public_pem())
            if signature is None or not is_signed(bundle.files[MANIFEST].content, signature.content, public):
                raise CheckFailed(
                    f"{folder} is not signed with {self.name}, and workers would refuse it; `leadline model sign` first"
                )
        return bundle


def signer(kms: str | None, key: Path | None) -> Signer:
    """
    Return what signs: a key of KMS, or a file.

    Raises:
        click.UsageError: Both are named, or none.
        BadAddress: Nobody names a region.
    """
    if kms is not None and key is None:
        held = open_kms_key(kms)
        return Signer(f"KMS key {kms}", held.sign, held.public_pem)
    if key is not None and kms is None:
        return Signer(str(key), partial(sign, private=key), partial(public_pem, key))
    raise click.UsageError("give --kms KEY or --key FILE")
