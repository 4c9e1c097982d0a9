"""What the console answers with: the model, the rules that it decides by, its documents, and the store's leads."""

import hashlib
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from console.store import LeadReader
from ports import BadAddress, fetch_bundle, open_store
from ports.addresses import file_path
from propensity.bundle import Bundle, BundleError, load
from propensity.decision import Policy
from schemas.manifest import Manifest
from worker.policy import policy_of
from worker.settings import Settings

CARD: Final = "card.md"
REPORT: Final = "report.html"


class Parts(NamedTuple):
    """All that the application is made of. Without a store `leads` is None, and without a report it is not there."""

    bundle: Bundle
    policy: Policy
    documents: Mapping[str, bytes]
    leads: LeadReader | None


def open_parts(settings: Settings) -> Parts:
    """
    Load the model once, and open the store. Call it before any thread starts: then the trial of the model is a fork.

    Raises:
        BundleError: The bundle is refused.
        BadBundle: There is no bundle at the address.
        BadAddress: An address names nothing that can be opened.
        BadKey: The public key cannot be used.
        Unavailable: A service cannot be reached.
    """
    public_key = None if settings.allow_unsigned else settings.public_key
    with tempfile.TemporaryDirectory(prefix="leadline-") as into:
        folder = fetch_bundle(settings.model or "", Path(into))
        bundle = load(folder, public_key, settings.scorer)
        documents = read_documents(folder, bundle.manifest)
    return Parts(bundle, policy_of(settings, bundle.manifest), documents, _leads(settings))


def read_documents(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """
    Read card and report, as far as the manifest names them. They are kept: what is served later is what was checked.

    Raises:
        BundleError: A file is not the one that the manifest names.
    """
    documents = {}
    for name in {CARD, REPORT}.intersection(manifest.files):
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise BundleError(f"{folder / name} cannot be read ({error.strerror}); take the bundle again") from error
        if hashlib.sha256(content).hexdigest() != manifest.files[name]:
            raise BundleError(f"{folder}: {name} is not the file that the manifest names; take the bundle again")
        documents[name] = content
    return documents


def _leads(settings: Settings) -> LeadReader | None:
    url = settings.store
    if url.startswith("sqlite:") and not file_path(url, "sqlite").is_file():
        raise BadAddress(f"LEADLINE_STORE is {url}: there is no such file, and a console makes none; start a worker")
    store = open_store(url, campaign=settings.campaign)
    return None if store is None else LeadReader(store, time.monotonic)
