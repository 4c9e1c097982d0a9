"""Workers that are killed lose nothing."""

from pathlib import Path

import pytest

from tests.functional.kill_worker import kill_and_look
from tests.trained import DemoModel


@pytest.mark.parametrize(
    ("kills", "events"),
    [pytest.param(10, 1000, id="short"), pytest.param(200, 10_000, id="long", marks=pytest.mark.soak)],
)
def test_killed_workers_lose_nothing_contradict_nothing_and_hide_nothing(
    demo_model: DemoModel, tmp_path: Path, kills: int, events: int
) -> None:
    """
    Each customer is stored once at the newest version; read by id, the topic holds each lead once, copies equal.

    What a dead worker held is visible again when its lease ends. Most are killed with messages in hand, or the test
    would show little.
    """
    found = kill_and_look(tmp_path, *demo_model[:2], events=events, kills=kills, seed=1)

    assert found["right"], found
    assert kills == found["kills"]
    assert min(events, 5000) == found["applied"]
    assert kills < found["left_behind"]
