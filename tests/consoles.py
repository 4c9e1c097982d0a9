"""A console without a network: its parts over a small bundle and an embedded store, and a client that asks it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from flask.testing import FlaskClient

from console.app import create_app
from console.parts import Parts
from console.store import LeadReader
from ports import Store, open_store
from propensity.bundle import Bundle
from schemas.decision import Decision, ModelId
from tests.bundles import policy
from tests.helpers import NOW

TOKEN: Final = "a-token-of-many-letters-0123456789"
AUTHORIZED: Final = {"Authorization": f"Bearer {TOKEN}"}


def parts_with(
    bundle: Bundle,
    store: Store | None = None,
    documents: Mapping[str, bytes] | None = None,
    **rules: Any,  # noqa: ANN401
) -> Parts:
    """Return the parts of a console."""
    reader = None if store is None else LeadReader(store, clock=lambda: 0.0, patience_s=60)
    return Parts(bundle, policy(**rules), documents or {}, reader)


def client_of(parts: Parts, token: str | None = None) -> FlaskClient:
    """Return who asks the console, at the moment `NOW`."""
    return create_app(parts, token, now=lambda: NOW).test_client()


def store_in(folder: Path, *decisions: Decision, campaign: str = "spring") -> Store:
    """Return an embedded store that holds the decisions."""
    store = open_store(f"sqlite:///{folder}/store.db", campaign=campaign)
    assert store is not None
    store.put(decisions)
    return store


def lead(customer_id: str = "1", **changes: Any) -> Decision:  # noqa: ANN401  any field
    """Return a lead of the campaign `spring`; every part has a default."""
    usual = {
        "event_id": f"evt-{customer_id}",
        "event_time": "2026-01-15T10:00:00.000000Z",
        "source": "/core-banking/customers",
        "content_sha256": "c" * 64,
        "score": 0.91,
        "lead": True,
        "tier": "A",
        "threshold": 0.5,
        "model": ModelId(name="tiny", version="1", sha256="a" * 64),
        "campaign": "spring",
        "expires_at": "2026-02-14T10:00:00.000000Z",
    }
    return Decision.model_validate({"customer_id": customer_id, **usual, **changes})


class Away:
    """Stands for a store that answers nothing, or what a test makes it answer."""

    def __init__(self, answer: Callable[[int], Any]) -> None:
        self.asked = 0
        self._answer = answer

    def newest(self, limit: int) -> Any:  # noqa: ANN401  whatever the test wants
        self.asked += 1
        return self._answer(limit)

    best = newest
