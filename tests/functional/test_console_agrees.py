"""Console and worker, each put together by the same settings: a thousand real customers come to the same decisions."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.app import create_app
from console.parts import open_parts
from leadline.sample import cloud_event, sample_customers, sample_events
from ports import create_queue, open_store
from tests.trained import DemoModel
from worker.configuration import load_settings
from worker.service import Worker

CUSTOMERS = 1000


@pytest.mark.parametrize("changes", [{}, {"LEADLINE_THRESHOLD": "0.93", "LEADLINE_CAMPAIGN": "autumn"}])
def test_console_and_worker_agree_to_the_last_bit(
    demo_model: DemoModel, tmp_path: Path, changes: dict[str, str]
) -> None:
    """The forest of the demo; the worker scores by its batches, the console all at once."""
    queue = create_queue(f"sqlite:///{tmp_path}/queue.db")
    environ = changes | {
        "LEADLINE_QUEUE": queue.url,
        "LEADLINE_STORE": f"sqlite:///{tmp_path}/store.db",
        "LEADLINE_MODEL": str(demo_model.bundle),
        "LEADLINE_PUBLIC_KEY": str(demo_model.public_key),
        "LEADLINE_HTTP_PORT": "0",
        "LEADLINE_WAIT_TIME_S": "0",
    }
    settings = load_settings(environ, dotenv=tmp_path / "none").settings
    events = list(sample_events(list(sample_customers(CUSTOMERS)), "evt", datetime(2026, 1, 15, tzinfo=UTC)))
    queue.send([cloud_event(event) for event in events])

    with Worker(settings) as worker:
        worker.run(once=True)
    store = open_store(settings.store, campaign=settings.campaign)
    assert store is not None
    decided = {row.decision.customer_id: row.decision for row in store.scan()}
    client = create_app(open_parts(settings), token=None).test_client()
    response = client.post("/api/score", json=[event.data for event in events])

    assert response.json is not None
    assert CUSTOMERS == len(decided) == response.json["scored"]
    for result in response.json["results"]:
        decision = decided[result["customer_id"]]
        assert decision.score.hex() == result["score"].hex()
        expected = (decision.lead, decision.tier, decision.threshold, decision.model.model_dump())
        assert expected == (result["lead"], result["tier"], result["threshold"], result["model"])
    best = client.get("/api/leads?order=best&limit=1000").json
    assert best is not None
    assert {d.customer_id for d in decided.values() if d.lead} == {found["customer_id"] for found in best["leads"]}
    assert {settings.campaign} == {found["campaign"] for found in best["leads"]}
    assert {"random forest"} == {text for text in ("random forest",) if text in client.get("/").text}
