"""What a worker counts."""

from datetime import datetime

from tests.bundles import policy
from tests.helpers import BEFORE, NOW, accepted, cloud_event, message
from worker.metrics import Metrics
from worker.outcome import Outcome


def test_an_event_that_is_tried_again_counts_as_tried_but_its_age_only_once_it_is_done() -> None:
    """An outage of ten minutes must not fill the histogram of ages with events that nobody has done."""
    metrics = Metrics(policy().model)
    tried = Outcome(message(b"{}"), 0, "retried", accepted(cloud_event()), failed_at="topic")

    for _ in range(3):
        metrics.count([tried], NOW)
    metrics.count([tried._replace(kind="applied", failed_at=None)], NOW)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    assert (3, 1) == tuple(value("leadline_events_total", outcome=kind) for kind in ("retried", "applied"))
    assert 1 == value("leadline_event_age_seconds_count")
    assert (NOW - datetime.fromisoformat(BEFORE)).total_seconds() == value("leadline_event_age_seconds_sum")
