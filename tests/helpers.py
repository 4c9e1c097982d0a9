"""Builders: an event, a message, a table of customers, and a small bundle with a real model in it."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from ports import Message
from propensity.bundle import Bundle, current_libraries, dump, pack, sign_bundle
from propensity.features import FEATURES, matrix_from_columns
from propensity.scoring import Classifier, score
from propensity.signing import public_pem
from schemas.lead import Lead
from schemas.manifest import Manifest

NOW: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)
BEFORE: Final = "2026-01-15T10:00:00Z"
LATER: Final = "2026-01-15T11:00:00Z"


class Keys(NamedTuple):
    """A pair of PEM files."""

    private: Path
    public: Path


def customer(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  wrong values are what tests are about
    """Return the data of one customer as upstream sends it; a change to `...` leaves the field out."""
    usual = {
        "customer_id": "1",
        "age": 25,
        "customer_since": 1,
        "highest_spend": 49,
        "zip_code": 91107,
        "hidden_score": 4,
        "monthly_average_spend": 1.6,
        "level": 1,
        "mortgage": 0,
        "security": 1,
        "fixed_deposit_account": 0,
        "internet_banking": 0,
        "credit_card": 0,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def cloud_event(event_id: str = "evt-1", time: str = BEFORE, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    """Return an update as a CloudEvent; the changes are made to its data."""
    data = customer(**changes)
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/core-banking/customers",
        "type": "bank.customer.updated.v1",
        "subject": data.get("customer_id"),
        "time": time,
        "data": data,
    }


def plain_event(event_id: str = "evt-1", time: str = BEFORE, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    """Return an update in the plain form."""
    return {"event_id": event_id, "event_time": time, **customer(**changes)}


def encoded(content: Any) -> bytes:  # noqa: ANN401  JSON can be anything
    """Return the content as JSON, or as it is if it is bytes already."""
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def message(content: Any, message_id: str = "m-1", receive_count: int = 1) -> Message:  # noqa: ANN401  JSON can be anything
    """Return a message in hand that holds the content."""
    return Message(message_id, f"receipt of {message_id}", encoded(content), receive_count)


def table(rows: int = 120) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Return the columns of invented customers, and who took the loan: those who spend more than 100, with few exceptions."""
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
                    {"row": row, "score": value}
                    for row, value in zip(matrix.tolist(), scores.tolist(), strict=True)
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
    """Put another pickle into a bundle, with its digest, signed."""
    (folder / "model.pkl").write_bytes(pickled)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    rewrite_manifest(folder, keys, {"files": {**files, "model.pkl": hashlib.sha256(pickled).hexdigest()}})


def unpacked(model: Classifier) -> Bundle:
    """Return a bundle that never was on a disk."""
    manifest = manifest_of(model)
    return Bundle(model, manifest.model_copy(update={"files": {"model.pkl": hashlib.sha256(dump(model)).hexdigest()}}))


def leads_in(topic: Path) -> list[Lead]:
    """Return the leads of a topic's file."""
    return [Lead.model_validate_json(line) for line in topic.read_bytes().splitlines()] if topic.exists() else []
