"""What the kubelet and Prometheus are told, over HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest

from propensity.bundle import Bundle
from tests.bundles import policy
from tests.clock import Clock
from tests.helpers import message
from tests.scene import HalfTopic, event, make_scene
from worker.health import Health, serve_health
from worker.metrics import Metrics
from worker.pipeline import process_batch

MODEL: Final = policy().model


class Probes:
    """A server on a free port, and what it tells of."""

    def __init__(self) -> None:
        self.clock, self.metrics = Clock(), Metrics(MODEL)
        self.health = Health(100, self.clock)
        self.server = serve_health(0, self.health, self.metrics.registry, MODEL)

    def get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.server.server_port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@pytest.fixture
def probes() -> Iterator[Probes]:
    """Serve until the test is over."""
    probes = Probes()
    yield probes
    probes.server.shutdown()
    probes.server.server_close()


def test_a_worker_that_starts_is_alive_and_not_ready(probes: Probes) -> None:
    assert probes.get("/livez") == (200, "ok\n")
    assert probes.get("/readyz") == (503, "starting\n")


def test_readiness_follows_what_the_worker_says(probes: Probes) -> None:
    probes.health.ready()
    assert probes.get("/readyz") == (200, "ok\n")
    probes.health.not_ready("draining")
    assert probes.get("/readyz") == (503, "draining\n")
    assert probes.get("/livez") == (200, "ok\n")


def test_a_loop_that_stands_still_is_neither_alive_nor_ready_until_it_moves(probes: Probes) -> None:
    probes.health.ready()
    probes.clock.pass_s(100)
    assert probes.get("/livez")[0] == 200
    probes.clock.pass_s(1)
    assert probes.get("/livez") == (503, "the loop has stood still for 101 s\n")
    assert probes.get("/readyz")[0] == 503
    probes.health.beat()
    assert probes.get("/livez")[0] == probes.get("/readyz")[0] == 200


def test_the_version_names_the_model(probes: Probes) -> None:
    status, body = probes.get("/version")
    assert status == 200
    assert json.loads(body) == {"model": MODEL.model_dump()}


def test_any_other_path_is_told_which_there_are(probes: Probes) -> None:
    status, body = probes.get("/")
    assert status == 404
    assert "/metrics" in body


def test_a_port_that_is_taken_is_told(probes: Probes) -> None:
    with pytest.raises(OSError, match="in use"):
        serve_health(probes.server.server_port, probes.health, probes.metrics.registry, MODEL)


NOON: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)


def test_every_outcome_is_counted_under_the_names_that_were_promised(
    probes: Probes, bundle: Bundle, tmp_path: Path
) -> None:
    batch = [event("a"), event("b", 20), message(b"{", "bad"), event("a")._replace(id="again", receipt="again")]
    outcomes = process_batch(batch, make_scene(tmp_path, bundle).services, NOON, lambda _: True)
    probes.metrics.count(outcomes, datetime(2026, 1, 15, 10, 0, 20, tzinfo=UTC))
    probes.metrics.lease_lost.inc(2)
    _, text = probes.get("/metrics")
    for line in (
        'leadline_events_total{outcome="applied"} 2.0',
        'leadline_events_total{outcome="duplicate"} 1.0',
        'leadline_events_total{outcome="quarantined"} 1.0',
        'leadline_quarantined_total{reason="not_json"} 1.0',
        'leadline_leads_total{kind="created",tier="A"} 2.0',
        'leadline_event_age_seconds_bucket{le="10.0"} 0.0',
        'leadline_event_age_seconds_bucket{le="30.0"} 3.0',
        "leadline_score_count 3.0",
        "leadline_batch_size_sum 4.0",
        "leadline_lease_lost_total 2.0",
        f'leadline_model_info{{name="tiny",sha256="{MODEL.sha256}",version="1"}} 1.0',
        "# TYPE leadline_calls_total counter",
    ):
        assert line in text.splitlines(), line


def test_a_lead_that_the_topic_refused_is_not_counted(probes: Probes, bundle: Bundle, tmp_path: Path) -> None:
    scene = make_scene(tmp_path, bundle)
    refusing = scene.but(topic=HalfTopic(scene.services.topic, {"a"}))
    probes.metrics.count(process_batch([event("a")], refusing.services, NOON, lambda _: True), NOON)
    _, text = probes.get("/metrics")
    assert 'leadline_events_total{outcome="retried"} 1.0' in text
    assert "leadline_leads_total{" not in text
