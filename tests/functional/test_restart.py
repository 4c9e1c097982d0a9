"""Workers that are stopped under load: nothing new is taken, nothing stays in hand, nothing is lost."""

import random
from pathlib import Path

import pytest

from leadline.demo.places import embedded, look
from leadline.demo.plan import make_plan
from tests.functional.kill_worker import finish, send, wait_for_progress, worker_environ
from tests.functional.queue_watch import Watch
from tests.functional.restart_worker import DRAIN_TIMEOUT_S, restart_and_look, stop_one
from tests.functional.verdict import judge
from tests.functional.workers import RETRY_CAP_S, Fleet
from tests.trained import DemoModel

BATCH = 200


def test_a_stop_among_thousands_of_messages_takes_no_other_and_leaves_none_in_hand(
    demo_model: DemoModel, tmp_path: Path
) -> None:
    """What waits was never touched, but for the batch that was being filled when the stop came: that is given back."""
    place = embedded(tmp_path)
    environ = worker_environ(place, *demo_model[:2]) | {"LEADLINE_BATCH_MAX_SIZE": str(BATCH)}
    send(make_plan(5000), place.open(place.queue))
    with Watch(place.queue) as watch, Fleet(environ, tmp_path / "logs", at_once=1) as fleet:
        worker = fleet.oldest()
        wait_for_progress(watch, 100)
        stop = stop_one(worker, watch, random.Random(1), share=0)  # noqa: S311  a moment, no secret

        assert (0, 0, 0) == (stop["exit_code"], stop["received_after"], stop["left_invisible"])
        assert stop["exit_s"] < DRAIN_TIMEOUT_S
        assert 1000 < watch.look() < 5000
        assert watch.look() - BATCH <= watch.untouched() <= watch.look()
        assert fleet.errors == []


def test_a_stop_while_the_topic_is_away_gives_back_what_was_kept_in_hand(demo_model: DemoModel, tmp_path: Path) -> None:
    """It comes back to the queue by back-off, not by the end of a lease, and the next worker finishes it."""
    plan, place = make_plan(300), embedded(tmp_path)
    environ = worker_environ(place, *demo_model[:2])
    leads = tmp_path / "leads.jsonl"
    with Watch(place.queue) as watch, Fleet(environ, tmp_path / "logs", at_once=1) as fleet:
        worker = fleet.oldest()
        leads.unlink()
        leads.mkdir()
        sent = send(plan, place.open(place.queue))
        worker.wait_for("the topic takes nothing")
        assert watch.invisible() > 0
        stop = stop_one(worker, watch, random.Random(1), share=0)  # noqa: S311  a moment, no secret
        assert (0, 0) == (stop["exit_code"], stop["received_after"])
        assert watch.look() > 0
        assert watch.ahead_s() <= RETRY_CAP_S
        leads.rmdir()
        finish(place, environ, watch)

    checks, _ = judge(plan, sent, look(place))
    assert all(checks.values()), checks


@pytest.mark.parametrize(
    ("restarts", "events"),
    [pytest.param(5, 1000, id="short"), pytest.param(100, 10_000, id="long", marks=pytest.mark.soak)],
)
def test_restarts_under_load_dead_letter_nothing_and_apply_all_once(
    demo_model: DemoModel, tmp_path: Path, restarts: int, events: int
) -> None:
    """The queue gives a message up after 20 receives, as in production; none comes near."""
    found = restart_and_look(tmp_path, *demo_model[:2], events=events, restarts=restarts, seed=1)

    assert found["right"], found
    assert min(events, 5000) == found["applied"]
    assert found["waiting_at_the_last"] > 0
