"""The newest decision for each customer, with the one conditional update; and, beside it, all that was ever applied."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ports import Put
from ports.protocols import put_result
from schemas.decision import Decision, StoredDecision
from simulation.link import Link


class Row(NamedTuple):
    """What the table holds of one customer."""

    version: str
    stored: StoredDecision
    ever_lead: bool


class StoreState:
    """What lies in the store, whoever looks at it."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.applied: list[StoredDecision] = []

    def put(self, decision: Decision) -> Put:
        """Store a decision unless the same event or a newer one is there."""
        row = self.rows.get(decision.customer_id)
        if row is not None and (row.version >= decision.version or row.stored.decision.event_id == decision.event_id):
            return put_result(decision, row.stored)
        was_lead = row is not None and row.ever_lead
        return self.overwrite(decision, was_lead=was_lead)

    def overwrite(self, decision: Decision, *, was_lead: bool) -> Put:
        """Store a decision, whatever is there."""
        stored = StoredDecision(decision=decision, was_lead=was_lead)
        self.rows[decision.customer_id] = Row(decision.version, stored, decision.lead or was_lead)
        self.applied.append(stored)
        return Put("applied", stored)

    def settle(self, decision: Decision) -> bool:
        """Note that a withdrawal was published, if the row is still of its version."""
        row = self.rows.get(decision.customer_id)
        if row is not None and row.version == decision.version:
            self.rows[decision.customer_id] = row._replace(ever_lead=False)
        return True


class SimulatedStore:
    """A store as one process sees it."""

    def __init__(self, link: Link, state: StoreState, *, campaign: str = "default") -> None:
        self._link, self._state, self._campaign = link, state, campaign

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        """Store each decision unless the same event or a newer one is there. Results are in order."""
        done = self._link.each("put", decisions, self._state.put) if decisions else []
        return [Put("failed", None) if put is None else put for put in done]

    def settle_withdrawals(self, decisions: Sequence[Decision]) -> None:
        """Note that withdrawals were published. If that fails, the next event withdraws once more."""
        if decisions:
            self._link.each("settle", decisions, self._state.settle)

    def get(self, customer_id: str) -> StoredDecision | None:
        """Return what is stored for one customer."""
        row = self._state.rows.get(customer_id)
        return None if row is None else row.stored

    def newest(self, limit: int) -> list[StoredDecision]:
        """Return the campaign's leads with the newest events, newest first."""
        leads = sorted(self._leads(), key=lambda stored: stored.decision.event_time, reverse=True)
        return leads[: max(limit, 0)]

    def best(self, limit: int) -> list[StoredDecision]:
        """Return the campaign's leads with the highest scores, best first."""
        return sorted(self._leads(), key=lambda stored: stored.decision.score, reverse=True)[: max(limit, 0)]

    def scan(self) -> Iterator[StoredDecision]:
        """Go through all that is stored."""
        return (row.stored for row in self._state.rows.values())

    def _leads(self) -> list[StoredDecision]:
        return [s for s in self.scan() if s.decision.lead and s.decision.campaign == self._campaign]
