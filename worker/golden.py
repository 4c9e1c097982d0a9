"""Golden rows as customers: what the canary sends, and what must come of it by the bundle's own manifest."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from pydantic import ValidationError

from ports import fetch_bundle
from propensity.bundle import MANIFEST, read_manifest
from propensity.decision import Case, decide
from schemas.customer import USUAL_FIELDS, Customer
from schemas.decision import Decision
from schemas.event import CUSTOMER_UPDATED, utc_text
from schemas.manifest import GoldenRow, Manifest
from worker.policy import policy_of
from worker.result import Check
from worker.settings import Settings

SOURCE: Final = "/leadline/canary"
_NOBODY: Final[Mapping[str, Any]] = {
    **dict.fromkeys(USUAL_FIELDS, 0), "hidden_score": 1, "level": 1,
    "consent": {"email": True, "sms": False, "phone": False},
}  # fmt: skip
"""Valid values for what the model does not use; consent, so that a worker that asks for it has it."""


class Golden(NamedTuple):
    """A golden row that is a valid customer, and which of the two it is: 1 is the lead, 2 is none."""

    number: int
    row: GoldenRow
    fields: Mapping[str, Any]


class Probe(NamedTuple):
    """One event that was made of a golden row, and the decision that it must lead to."""

    body: bytes
    expected: Decision

    @property
    def event_id(self) -> str:
        """Its id."""
        return self.expected.event_id

    @property
    def role(self) -> str:
        """Which of the two rows it was made of."""
        return "the lead" if self.expected.lead else "the other row"


class Served(NamedTuple):
    """The manifest of the bundle that is served, and the SHA-256 of its bytes."""

    manifest: Manifest
    manifest_sha256: str


def served_manifest(settings: Settings) -> Served:
    """
    Return the manifest of the bundle that a worker with these settings loads; nothing is unpickled.

    Raises:
        BadAddress, BadBundle, BadKey, BundleError, Unavailable: The bundle cannot be had, or is refused.
    """
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        place = fetch_bundle(settings.model or "", Path(folder))
        public_key = None if settings.allow_unsigned else settings.public_key
        manifest = read_manifest(place, public_key, same_libraries=False)  # whoever loads the model compares them
        return Served(manifest, hashlib.sha256((place / MANIFEST).read_bytes()).hexdigest())


def golden_pair(manifest: Manifest) -> tuple[Golden | None, Golden | None]:
    """Return the clearest lead at the manifest's threshold, and the clearest that is none; None where there is none."""
    valid = [(row, fields) for row in manifest.golden if (fields := _fields(manifest, row)) is not None]
    valid.sort(key=lambda one: one[0].score)
    lead = Golden(1, *valid[-1]) if valid and valid[-1][0].score >= manifest.threshold else None
    other = Golden(2, *valid[0]) if valid and valid[0][0].score < manifest.threshold else None
    return lead, other


def probe(golden: Golden, manifest: Manifest, settings: Settings, event_id: str, now: datetime) -> Probe:
    """Make an event of a golden row, and the decision that the manifest's score and threshold lead to."""
    customer_id = f"canary-{manifest.id.sha256[:12]}-{golden.number}"
    data = {**_NOBODY, **golden.fields, "customer_id": customer_id}
    policy = policy_of(settings, manifest)._replace(threshold=manifest.threshold)
    time = utc_text(now)
    case = Case(event_id, time, SOURCE, Customer.model_validate_json(json.dumps(data)).known)
    [expected] = decide([case], np.array([golden.row.score]), policy)
    event = {"specversion": "1.0", "id": event_id, "source": SOURCE, "type": CUSTOMER_UPDATED, "time": time}
    return Probe(json.dumps({**event, "subject": customer_id, "data": data}).encode(), expected)


def compared(name: str, expected: Decision, seen: Decision, tolerance: float) -> list[Check]:
    """Compare what was decided with what the manifest leads to; the score may be off by the manifest's tolerance."""
    near = abs(seen.score - expected.score) <= tolerance
    return [
        Check(f"{name}, score", repr(expected.score), repr(expected.score if near else seen.score)),
        Check(f"{name}, is a lead", _side(expected), _side(seen) if seen.lead != expected.lead else _side(expected)),
        Check(f"{name}, tier", str(expected.tier), str(seen.tier)),
        Check(f"{name}, model", expected.model.sha256, seen.model.sha256),
    ]


def _side(decision: Decision) -> str:
    return f"{'yes' if decision.lead else 'no'} (threshold {decision.threshold:g})"


def _fields(manifest: Manifest, golden: GoldenRow) -> dict[str, Any] | None:
    """Return the row as fields of a customer, or None where no customer could be so: some rows lie between numbers."""
    names = (feature.name for feature in manifest.features)
    fields = {name: int(value) if value.is_integer() else value for name, value in zip(names, golden.row, strict=True)}
    try:
        Customer.model_validate_json(json.dumps({**_NOBODY, **fields, "customer_id": "canary"}))
    except (ValidationError, ValueError):
        return None
    return fields
