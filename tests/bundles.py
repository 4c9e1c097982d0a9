"""Builders: a table of customers, real models fitted on it, and small bundles with them inside."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from propensity.bundle import current_libraries, dump, pack, sign_bundle
from propensity.decision import Policy
from propensity.features import FEATURES, matrix_from_columns
from propensity.scoring import Classifier, score
from propensity.signing import public_pem
from schemas.decision import ModelId
from schemas.manifest import Manifest, Tiers
from tests.helpers import BEFORE


class Keys(NamedTuple):
    """A pair of PEM files."""

    private: Path
    public: Path


def table(rows: int = 120) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Return the columns of invented customers, and who took the loan: who spends more than 100, but for a few."""
    chance = np.random.default_rng(7)
    columns = {
        "highest_spend": chance.integers(8, 225, rows),
        "hidden_score": chance.integers(1, 5, rows),
        "monthly_average_spend": chance.integers(0, 101, rows) / 10,
        "level": chance.integers(1, 4, rows),
        "mortgage": chance.integers(0, 600, rows),
    }
    flags = {name: chance.integers(0, 2, rows) for name in FEATURES if name not in columns}
    takers = (columns["highest_spend"] > 100) ^ (chance.random(rows) < 0.05)
    return {name: values.astype(np.float64) for name, values in {**columns, **flags}.items()}, takers.astype(np.int64)


def likely_above(amount: float) -> Classifier:
    """Return a real decision tree that gives 1 to who spends more than the amount, and 0 to all others."""
    columns, _ = table()
    columns["highest_spend"][:2] = (amount - 1, amount + 1)
    takers = columns["highest_spend"] > amount
    fitted: Classifier = DecisionTreeClassifier(random_state=0).fit(
        matrix_from_columns(columns, FEATURES), takers.astype(int)
    )
    return fitted


def new_keys(folder: Path) -> Keys:
    """Make a pair of P-256 keys."""
    keys = Keys(folder / "key.pem", folder / "key.pub.pem")
    keys.private.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    keys.public.write_bytes(public_pem(keys.private))
    return keys


def manifest_of(model: Classifier, tolerance: float = 0.0) -> Manifest:
    """Return a manifest whose golden rows are the first of the table."""
    matrix = matrix_from_columns(table()[0], FEATURES)[:5]
    scores = score(model, matrix)
    return Manifest.model_validate_json(
        json.dumps(
            {
                "name": "tiny",
                "version": "1",
                "created_at": BEFORE,
                "candidate": type(model).__name__,
                "parameters": {},
                "tolerance": tolerance,
                "files": {},
                "libraries": current_libraries(),
                "features": [{"name": name, "minimum": 0, "maximum": 1000} for name in FEATURES],
                "threshold": 0.5,
                "tiers": {"a": 0.9, "b": 0.7},
                "economics": {"rule": "even_odds"},
                "metrics": [],
                "training": {"sha256": "0" * 64, "rows": 120, "takers": 60, "id_hashes": []},
                "baseline": [],
                "golden": [
                    {"row": row, "score": value} for row, value in zip(matrix.tolist(), scores.tolist(), strict=True)
                ],
            }
        )
    )


def make_bundle(folder: Path, model: Classifier, keys: Keys, tolerance: float = 0.0) -> Path:
    """Pack and sign a bundle in a new folder."""
    folder.mkdir(parents=True)
    pack(folder, dump(model), manifest_of(model, tolerance), {"card.md": b"# tiny\n"})
    sign_bundle(folder, keys.private)
    return folder


def rewrite_manifest(folder: Path, keys: Keys, changes: Mapping[str, Any]) -> None:
    """Change a bundle's manifest and sign it again, as somebody with the key could."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    sign_bundle(folder, keys.private)


def replace_model(folder: Path, keys: Keys, pickled: bytes) -> None:
    """Put another pickle into a bundle, with its digest, signed; the one before is not served compiled either."""
    (folder / "model.pkl").write_bytes(pickled)
    (folder / "compiled.npz").unlink(missing_ok=True)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    files.pop("compiled.npz", None)
    rewrite_manifest(folder, keys, {"files": {**files, "model.pkl": hashlib.sha256(pickled).hexdigest()}})


def policy(*, threshold: float = 0.5, campaign: str = "spring", require_consent: bool = False) -> Policy:
    """Return rules to decide by: tier A from 0.9, tier B from 0.7."""
    model = ModelId(name="tiny", version="1", sha256="a" * 64)
    return Policy(model, threshold, Tiers(a=0.9, b=0.7), campaign, require_consent, lead_ttl_days=30)
