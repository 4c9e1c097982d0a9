"""A worker that is killed loses nothing."""

from pathlib import Path

from tests.functional.kill_worker import kill_and_look
from tests.trained import DemoModel


def test_twenty_killed_workers_lose_nothing_and_contradict_nothing(demo_model: DemoModel, tmp_path: Path) -> None:
    """Each customer is stored once at the newest version; read by id, the topic holds each lead once, copies equal."""
    found = kill_and_look(tmp_path, *demo_model[:2], events=5000, kills=20, seed=1)

    assert found["right"], found
    assert 20 == found["kills"]
    assert 5000 == found["applied"]
    assert found["quarantined"] == 25
