"""The newest decision for each customer, in a SQLite file: one row a customer, one conditional update a decision."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ports.embedded.sqlite import Database, Kind
from ports.protocols import Put, Unavailable, put_result
from ports.telling import Told
from schemas.decision import Decision, StoredDecision

SCAN_ROWS: Final = 1000
"""How many rows a scan reads at a time, so that it never holds a long transaction open."""

_STORE_FILE: Final = Kind(
    "embedded store",
    0x4C4C5331,  # "LLS1"
    (
        """CREATE TABLE customer (
            customer_id TEXT PRIMARY KEY,
            version TEXT NOT NULL,
            event_id TEXT NOT NULL,
            event_time TEXT NOT NULL,
            campaign TEXT NOT NULL,
            score REAL NOT NULL,
            lead INTEGER NOT NULL,
            was_lead INTEGER NOT NULL,
            ever_lead INTEGER NOT NULL,
            decision TEXT NOT NULL
        )""",
        "CREATE INDEX leads_by_score ON customer (campaign, score DESC) WHERE lead = 1",
        "CREATE INDEX leads_by_time ON customer (campaign, event_time DESC) WHERE lead = 1",
    ),
)

# The right-hand sides of the update see the old row: what it was before decides which message goes out.
_PUT: Final = """
    INSERT INTO customer VALUES (
        :customer_id, :version, :event_id, :event_time, :campaign, :score, :lead, 0, :lead, :decision)
    ON CONFLICT (customer_id) DO UPDATE SET
        version = excluded.version, event_id = excluded.event_id, event_time = excluded.event_time,
        campaign = excluded.campaign, score = excluded.score, lead = excluded.lead,
        was_lead = ever_lead, ever_lead = excluded.lead OR ever_lead, decision = excluded.decision
    WHERE version < excluded.version AND event_id <> excluded.event_id
    RETURNING decision, was_lead"""
_GET: Final = "SELECT decision, was_lead FROM customer WHERE customer_id = ?"
_SETTLE: Final = "UPDATE customer SET ever_lead = 0 WHERE customer_id = ? AND version = ?"
_BEST: Final = "SELECT decision, was_lead FROM customer WHERE lead = 1 AND campaign = ? ORDER BY score DESC LIMIT ?"
_NEWEST: Final = (
    "SELECT decision, was_lead FROM customer WHERE lead = 1 AND campaign = ? ORDER BY event_time DESC LIMIT ?"
)
_SCAN: Final = "SELECT decision, was_lead, customer_id FROM customer WHERE customer_id > ? ORDER BY customer_id LIMIT ?"

_log = logging.getLogger(__name__)


class EmbeddedStore:
    """A store that lives in one file; any number of threads and processes may use it."""

    def __init__(self, path: Path, *, campaign: str = "default") -> None:
        """
        Open a store, made if its folder exists.

        Args:
            path: The file.
            campaign: Whose leads `newest` and `best` show.

        Raises:
            BadAddress: The file cannot be made, or holds something else.
        """
        self._path, self._campaign = path, campaign
        self._database = Database(path, _STORE_FILE, create=True)
        self._told = Told()

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        """Store each decision unless the same event or a newer one is there. All in one transaction, in order."""
        try:
            with self._database.transaction() as connection:
                return [_put(connection, decision) for decision in decisions]
        except sqlite3.OperationalError as error:
            level = self._told.level("put", str(error))
            _log.log(level, "%d decisions were not stored in %s: %s", len(decisions), self._path, error)
            return [Put("failed", None)] * len(decisions)

    def settle_withdrawals(self, decisions: Sequence[Decision]) -> None:
        """Note that withdrawals were published. If that fails, the next event withdraws once more."""
        try:
            with self._database.transaction() as connection:
                connection.executemany(_SETTLE, [(d.customer_id, d.version) for d in decisions])
        except sqlite3.OperationalError as error:
            level = self._told.level("settle", str(error))
            _log.log(level, "%d withdrawals were not noted in %s: %s", len(decisions), self._path, error)

    def get(self, customer_id: str) -> StoredDecision | None:
        """
        Return what is stored for one customer.

        Raises:
            Unavailable: The file is gone, or the disk fails.
        """
        rows = self._read(_GET, customer_id)
        return _stored(*rows[0]) if rows else None

    def newest(self, limit: int) -> list[StoredDecision]:
        """Return the campaign's leads with the newest events, newest first; raises as `get` does."""
        return [_stored(*row) for row in self._read(_NEWEST, self._campaign, max(limit, 0))]

    def best(self, limit: int) -> list[StoredDecision]:
        """Return the campaign's leads with the highest scores, best first; raises as `get` does."""
        return [_stored(*row) for row in self._read(_BEST, self._campaign, max(limit, 0))]

    def scan(self) -> Iterator[StoredDecision]:
        """Go through all that is stored, in no order; raises as `get` does."""
        last = ""
        while rows := self._read(_SCAN, last, SCAN_ROWS):
            yield from (_stored(decision, was_lead) for decision, was_lead, _ in rows)
            last = rows[-1][2]

    def _read(self, statement: str, *parameters: object) -> list[tuple[str, int, str]]:
        try:
            return self._database.read(statement, parameters)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"store {self._path} cannot be read now ({error}); mend the disk or the path") from error


def _put(connection: sqlite3.Connection, decision: Decision) -> Put:
    row = {
        "customer_id": decision.customer_id,
        "version": decision.version,
        "event_id": decision.event_id,
        "event_time": decision.event_time,
        "campaign": decision.campaign,
        "score": decision.score,
        "lead": decision.lead,
        "decision": decision.model_dump_json(),
    }
    stored = connection.execute(_PUT, row).fetchone()
    if stored is not None:
        return Put("applied", StoredDecision(decision=decision, was_lead=bool(stored[1])))
    return put_result(decision, _stored(*connection.execute(_GET, (decision.customer_id,)).fetchone()))


def _stored(decision: str, was_lead: int, *_: object) -> StoredDecision:
    return StoredDecision(decision=Decision.model_validate_json(decision), was_lead=bool(was_lead))
