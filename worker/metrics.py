"""What a worker counts, for Prometheus."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.decision import ModelId
from worker.outcome import Outcome

_AGE_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 86400)
_SCORE_BUCKETS: Final = tuple(tenth / 10 for tenth in range(1, 11))
_SIZE_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """The worker's counters, in a registry of their own."""

    def __init__(self, model: ModelId) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter("leadline_events", "events by what became of them", ["outcome"], registry=self.registry)
        self._leads = Counter("leadline_leads", "leads published", ["kind", "tier"], registry=self.registry)
        self._quarantined = Counter(
            "leadline_quarantined", "events set aside, by reason", ["reason"], registry=self.registry
        )
        self._age = Histogram(
            "leadline_event_age_seconds",
            "from an event's time to its outcome",
            buckets=_AGE_BUCKETS,
            registry=self.registry,
        )
        self._score = Histogram("leadline_score", "scores", buckets=_SCORE_BUCKETS, registry=self.registry)
        self._size = Histogram(
            "leadline_batch_size", "events processed together", buckets=_SIZE_BUCKETS, registry=self.registry
        )
        self.calls = Counter("leadline_calls", "calls to services", ["api", "result"], registry=self.registry)
        self.lease_lost = Counter("leadline_lease_lost", "leases lost while in hand", registry=self.registry)
        info = Gauge("leadline_model_info", "the model served", ["name", "version", "sha256"], registry=self.registry)
        info.labels(model.name, model.version, model.sha256).set(1)

    def count(self, outcomes: list[Outcome], now: datetime) -> None:
        """Count one batch."""
        self._size.observe(len(outcomes))
        for outcome in outcomes:
            self._events.labels(outcome.kind).inc()
            if outcome.kind == "quarantined" and outcome.reason is not None:
                self._quarantined.labels(outcome.reason).inc()
            if outcome.case is not None and outcome.kind != "retried":
                age_s = (now - datetime.fromisoformat(outcome.case.event_time)).total_seconds()
                self._age.observe(max(0.0, age_s))  # a producer's clock may be ahead
            if outcome.decision is not None and outcome.kind != "retried":
                self._score.observe(outcome.decision.score)
        self._count_leads(outcomes)

    def _count_leads(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.lead is not None and outcome.kind != "retried":
                self._leads.labels(outcome.lead.type.split(".")[2], outcome.lead.data.tier or "none").inc()
