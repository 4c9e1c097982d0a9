"""The demo's model: trained once, and kept by the digest of the data and of the code that made it."""

import hashlib
from pathlib import Path

import propensity
import schemas
import training
from propensity.bundle import BundleError, current_libraries, read_manifest
from propensity.signing import development_keys


def demo_bundle(folder: Path) -> tuple[Path, Path]:
    """
    Return the demo's bundle and the public key that it is signed for; train it where it is not there.

    Args:
        folder: Where bundles are kept.
    """
    from training.candidates import DEMO
    from training.data import fingerprint, load
    from training.options import Options
    from training.progress import progress_bar
    from training.run import train

    private, public = development_keys()
    digest = hashlib.sha256(f"{fingerprint(load())} {_code()} {current_libraries()}".encode()).hexdigest()
    bundle = folder / f"model-{digest[:12]}"
    try:
        read_manifest(bundle, public)
    except BundleError:
        with progress_bar() as progress:
            train(Options(out=bundle, candidates=DEMO, key=private), progress)
    return bundle, public


def _code() -> str:
    """Digest the code that a bundle depends on."""
    digest = hashlib.sha256()
    for package in (training, propensity, schemas):
        for file in sorted(Path(package.__path__[0]).rglob("*")):
            if file.suffix in {".py", ".j2"}:
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
