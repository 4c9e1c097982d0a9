"""What a worker counts, for Prometheus."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as CounterMetric

from propensity.features import Vector
from schemas.decision import ModelId
from worker.histogram import BulkHistogram
from worker.outcome import Outcome

_AGE_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 86400)
_SCORE_BUCKETS: Final = tuple(tenth / 10 for tenth in range(1, 11))
_SIZE_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """The worker's counters, in a registry of their own."""

    def __init__(self, model: ModelId) -> None:
        self.registry = CollectorRegistry()
        self._events = CounterMetric(
            "leadline_events", "events by what became of them", ["outcome"], registry=self.registry
        )
        self._leads = CounterMetric("leadline_leads", "leads published", ["kind", "tier"], registry=self.registry)
        self._quarantined = CounterMetric(
            "leadline_quarantined", "events set aside, by reason", ["reason"], registry=self.registry
        )
        self._age = BulkHistogram("leadline_event_age_seconds", "from an event's time to its outcome", _AGE_BUCKETS)
        self._score = BulkHistogram("leadline_score", "scores", _SCORE_BUCKETS)
        for histogram in (self._age, self._score):
            self.registry.register(histogram)
        self._size = Histogram(
            "leadline_batch_size", "events processed together", buckets=_SIZE_BUCKETS, registry=self.registry
        )
        self.calls = CounterMetric("leadline_calls", "calls to services", ["api", "result"], registry=self.registry)
        self._calls_of = lru_cache(maxsize=None)(self.calls.labels)  # which takes a lock, and a while
        self.lease_lost = CounterMetric("leadline_lease_lost", "leases lost while in hand", registry=self.registry)
        info = Gauge("leadline_model_info", "the model served", ["name", "version", "sha256"], registry=self.registry)
        info.labels(model.name, model.version, model.sha256).set(1)

    def count_call(self, api: str, result: str) -> None:
        """Count one call to a service."""
        self._calls_of(api, result).inc()

    def count(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Count one batch, a kind and a bucket at a time."""
        self._size.observe(len(outcomes))
        kinds = Counter([outcome.kind for outcome in outcomes])
        for kind, number in kinds.items():
            self._events.labels(kind).inc(number)
        reasons = [o.reason for o in outcomes if o.kind == "quarantined"] if kinds["quarantined"] else []
        for reason, number in Counter(reasons).items():
            self._quarantined.labels(reason).inc(number)
        done = [outcome for outcome in outcomes if outcome.kind != "retried"] if kinds["retried"] else outcomes
        self._age.observe(_ages_s([o.case.event_time for o in done if o.case is not None], now))
        self._score.observe([outcome.score for outcome in done if outcome.score is not None])
        leads = Counter([(o.lead.type, o.lead.data.tier) for o in done if o.lead is not None])
        for (lead_type, tier), number in leads.items():
            self._leads.labels(lead_type.split(".")[2], tier or "none").inc(number)


def _ages_s(event_times: Sequence[str], now: datetime) -> Vector:
    """Return how long ago each was, not below 0, since a producer's clock may be ahead."""
    times = np.array([time[:-1] for time in event_times], dtype="datetime64[us]")  # numpy knows no Z
    ages: Vector = (np.datetime64(now.replace(tzinfo=None)) - times).astype(np.float64) * 1e-6
    return np.maximum(ages, 0.0)
