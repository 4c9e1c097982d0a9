"""Workers that are killed lose nothing."""

from pathlib import Path

import pytest

from ports import Transport
from tests.functional.kill_worker import kill_and_look, on_aws, on_files
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
    found = kill_and_look(on_files(tmp_path), tmp_path, *demo_model[:2], events=events, kills=kills, seed=1)

    assert found["right"], found
    assert kills == found["kills"]
    assert min(events, 5000) == found["applied"]
    assert kills < found["left_behind"]


@pytest.mark.parametrize("transport", ["boto3", "direct"])
@pytest.mark.parametrize(
    ("kills", "events", "left_behind"),
    [pytest.param(3, 40, 0, id="short"), pytest.param(20, 300, 10, id="long", marks=pytest.mark.soak)],
)
def test_the_same_holds_on_sqs_sns_and_dynamodb(
    demo_model: DemoModel, tmp_path: Path, kills: int, events: int, left_behind: int, transport: Transport
) -> None:
    """
    On moto, that is; workers make as many calls at a time as they do in production.

    Of three workers it may be that none had a message in hand when it was killed; of twenty, some had.
    """
    found = kill_and_look(on_aws(), tmp_path, *demo_model[:2], events, kills, 1, transport)

    assert found["right"], found
    assert kills == found["kills"]
    assert events == found["applied"]
    assert left_behind <= found["left_behind"]
