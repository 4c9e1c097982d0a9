"""The proof that a hold-out is one: none of its customers had a part in the training of either model."""

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd

from schemas.manifest import Manifest
from training.columns import COLUMNS, LABEL
from training.errors import DataError
from training.gate.line import Line
from training.pack import id_key, keyed_ids

KEY_CHECK: Final = "id_key_check"
"""The parameter in a manifest by which the right key is known."""

_GROUP: Final = "hold-out"
_MIN_KEY_BYTES: Final = 16
_SAME_CUSTOMERS: Final = 0.01


class Known(NamedTuple):
    """What the proof has to go by: the keys that may be right, and the IDs that a model may have been fitted on."""

    keys: Sequence[bytes]
    holdout: pd.DataFrame
    training: pd.DataFrame | None


def read_id_key(path: Path) -> bytes:
    """
    Read a key of ID hashes: a secret of 16 bytes and more, or a private signing key, from which it is derived.

    Raises:
        DataError: The file cannot be read, or is too short for a secret.
    """
    try:
        content = path.read_bytes()
        if content.lstrip().startswith(b"-----BEGIN"):
            return id_key(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; give the key of the training IDs' hashes") from error
    if len(content.strip()) < _MIN_KEY_BYTES:
        raise DataError(f"{path} is no key: it holds less than {_MIN_KEY_BYTES} bytes; every ID could be guessed")
    return content.strip()


def key_check(key: bytes) -> str:
    """Return what a manifest says of the key: the keyed hash of a text that is no ID."""
    return hmac.new(key, b"leadline: is this the key of the ID hashes?", hashlib.sha256).hexdigest()[:16]


def proof(new: Manifest, old: Manifest, known: Known, least_takers: float) -> list[Line]:
    """
    Judge the hold-out itself.

    Args:
        new: NEW's manifest.
        old: OLD's.
        known: What there is to go by.
        least_takers: With fewer of them a loss would not show.
    """
    return [
        _size(known.holdout, least_takers),
        unseen("NEW", new, known),
        unseen("OLD", old, known),
        all_named("NEW", new, known),
        all_named("OLD", old, known._replace(training=None)),
        no_twins(known),
    ]


def unseen(which: str, manifest: Manifest, known: Known) -> Line:
    """
    Judge whether a model has seen customers of the hold-out.

    A wrong key would find no overlap either, so a key counts only if the manifest knows it, or if it makes the hash of
    some known training customer.

    Args:
        which: NEW or OLD.
        manifest: The model's.
        known: What there is to go by.
    """
    hashes = set(manifest.training.id_hashes)
    seen = max((len(hashes & set(keyed_ids(_ids(known.holdout), key))) for key in known.keys), default=0)
    proven = any(_is_key_of(manifest, key, known.training) for key in known.keys)
    total = len(known.holdout)
    figures = {"customers": total, "seen": seen, "key_proven": proven, "hashes": len(hashes)}
    if seen:
        text = f"{seen} of {total} hold-out customers were in {which}'s training; give a hold-out that it has not seen"
    elif proven:
        text = f"none of {total} hold-out customers is among {which}'s {len(hashes)} training IDs"
    elif known.keys:
        text = (
            f"not proved: no given key is shown to be that of {which}'s ID hashes; give the right --id-key, or "
            "--training, whose customers show which key it is"
        )
    else:
        text = f"not proved: {which}'s training IDs are keyed hashes; give their key with --id-key"
    return Line(_GROUP, f"unseen by {which}", proven and not seen, text, figures)


def all_named(which: str, manifest: Manifest, known: Known) -> Line:
    """
    Judge whether the manifest names all training customers: as many hashes as rows; of NEW, those of `--training`.

    Args:
        which: NEW or OLD.
        manifest: The model's.
        known: What there is to go by; its training data are this model's, or None.
    """
    hashes, rows = set(manifest.training.id_hashes), manifest.training.rows
    figures: dict[str, float] = {"hashes": len(hashes), "rows": rows}
    passed = len(hashes) == rows
    text = f"{len(hashes)} different ID hashes for {rows} training rows"
    if known.training is not None:
        ids = _ids(known.training)
        named = max((len(hashes & set(keyed_ids(ids, key))) for key in known.keys), default=0)
        figures["named"] = named
        passed = passed and named == len(ids) == len(hashes)
        text += f"; {named} of them are of the {len(ids)} labelled customers of --training"
    return Line(_GROUP, f"training IDs of {which}", passed, text, figures)


def no_twins(known: Known) -> Line:
    """Judge whether customers of the hold-out stand in the training data under other numbers, alike in every field."""
    if known.training is None:
        return Line(_GROUP, "no copies", None, "not judged: no --training was given", {})
    fields = [field for field in COLUMNS.values() if field in known.holdout.columns]
    rows = {tuple(row) for row in known.training[fields].to_numpy().tolist()}
    copies = sum(tuple(row) in rows for row in known.holdout[fields].to_numpy().tolist())
    allowed = int(_SAME_CUSTOMERS * len(known.holdout))
    text = f"{copies} hold-out customers are alike in every field to one in --training; {allowed} may be"
    return Line(_GROUP, "no copies", copies <= allowed, text, {"copies": copies, "allowed": allowed})


def _size(holdout: pd.DataFrame, least: float) -> Line:
    takers = int(holdout[LABEL].sum())
    text = f"{len(holdout)} customers, {takers} of them took the loan; at least {least:g} should have"
    return Line(_GROUP, "size", takers >= least, text, {"customers": len(holdout), "takers": takers, "limit": least})


def _is_key_of(manifest: Manifest, key: bytes, training: pd.DataFrame | None) -> bool:
    said = manifest.parameters.get(KEY_CHECK, "")
    if hmac.compare_digest(said.encode(), key_check(key).encode()):
        return True
    witnesses = [] if training is None else _ids(training)
    return not set(manifest.training.id_hashes).isdisjoint(keyed_ids(witnesses, key))


def _ids(table: pd.DataFrame) -> list[str]:
    return [str(one) for one in table.index]
