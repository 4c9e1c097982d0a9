"""The judge of a run sees each kind of harm: a good run is spoilt afterwards, in one place, and is found broken."""

import json
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from ports import Message
from simulation.cloud import Cloud, Mode
from simulation.events import Producer, Sent
from simulation.faults import RandomFaults
from simulation.invariants import check
from simulation.models import CAMPAIGN
from simulation.process import Variant
from simulation.run import Plan, run
from simulation.world import Violation, World
from worker.outcome import Outcome, Settled
from worker.pipeline import Services, process_batch
from worker.settings import Settings


class Done(NamedTuple):
    """A run in which nothing was broken."""

    cloud: Cloud
    sent: Sequence[Sent]


def done(mode: Mode) -> Done:
    chance = random.Random(1)  # noqa: S311  it must repeat itself
    cloud = Cloud(World(1, chance, RandomFaults(chance, 0.0), events=100), mode, max_receive_count=20)
    sent = Producer(chance, 100, conflicts=mode != "topic only").messages()
    run(cloud, sent, Plan(1, Settings(campaign=CAMPAIGN), lambda: 0, lambda: 1.0, Variant()))
    check(cloud, sent)
    return Done(cloud, sent)


def lose_a_row(cloud: Cloud) -> None:
    cloud.store.rows.popitem()


def store_twice(cloud: Cloud) -> None:
    cloud.store.applied.append(cloud.store.applied[0])


def store_what_no_model_decides(cloud: Cloud) -> None:
    stored = cloud.store.applied[0]
    wrong = stored.decision.model_copy(update={"score": 0.123})
    cloud.store.applied[0] = stored.model_copy(update={"decision": wrong})


def lose_a_record(cloud: Cloud) -> None:
    cloud.quarantine.boxes.popitem()


def change_a_record(**changes: str | int) -> Callable[[Cloud], None]:
    def change(cloud: Cloud) -> None:
        box = next(iter(cloud.quarantine.boxes.values()))
        cloud.quarantine.add(json.dumps(json.loads(box.body) | changes).encode(), 0.0)

    return change


def contradict_a_lead(cloud: Cloud) -> None:
    cloud.topic.bodies.append(cloud.topic.bodies[0].replace("created", "updated"))


def invent_a_lead(cloud: Cloud) -> None:
    said = json.loads(cloud.topic.bodies[0])
    said["id"] = "another"
    said["data"]["event_id"] = "never sent"
    cloud.topic.bodies.append(json.dumps(said))


def lose_the_newest_lead(cloud: Cloud) -> None:
    newest = next(row.stored.decision for row in cloud.store.rows.values() if row.stored.decision.lead)
    cloud.topic.bodies = [
        body for body in cloud.topic.bodies if json.loads(body)["data"]["event_id"] != newest.event_id
    ]


def lose_a_lead(cloud: Cloud) -> None:
    cloud.topic.bodies.pop()


def say_two_things_with_one_model(cloud: Cloud) -> None:
    said = json.loads(cloud.topic.bodies[0])
    said["data"]["score"] = 0.999
    cloud.topic.bodies.append(json.dumps(said))


def say_one_thing_under_two_ids(cloud: Cloud) -> None:
    cloud.topic.bodies.append(json.dumps(json.loads(cloud.topic.bodies[0]) | {"id": "another"}))


@pytest.mark.parametrize(
    ("mode", "spoil", "said"),
    [
        ("store only", lose_a_row, "not the newest versions"),
        ("store only", store_twice, "stored more than once"),
        ("store only", store_what_no_model_decides, "no model decides so"),
        ("store only", lose_a_record, "in the quarantine, for these reasons"),
        ("store only", change_a_record(reason="too_deep"), "stands in the quarantine both as"),
        ("store only", change_a_record(key="0" * 32), "stands in the quarantine both as"),
        ("store and topic", contradict_a_lead, "two contradicting leads"),
        ("store and topic", invent_a_lead, "does not say what was stored"),
        ("store and topic", lose_the_newest_lead, "the subscriber is wrong"),
        ("topic only", lose_a_lead, "lacks a lead"),
        ("topic only", say_two_things_with_one_model, "one model says two things"),
        ("topic only", say_one_thing_under_two_ids, "goes out under two ids"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_harm_is_seen(mode: Mode, spoil: Callable[[Cloud], None], said: str) -> None:
    cloud, sent = done(mode)
    spoil(cloud)

    with pytest.raises(Violation, match=said):
        check(cloud, sent)


def test_an_error_of_the_worker_that_nobody_foresaw_is_a_broken_promise() -> None:
    """Without a policy no decision can be taken; the worker logs the error and retries for ever."""
    nothing: Any = None

    def without_policy(
        messages: Sequence[Message],
        services: Services,
        now: datetime,
        is_held: Callable[[Message], bool],
        settled: Settled,
    ) -> list[Outcome]:
        return process_batch(messages, services._replace(policy=nothing), now, is_held, settled)

    broken = Variant(process=without_policy)
    chance = random.Random(1)  # noqa: S311  it must repeat itself
    cloud = Cloud(World(1, chance, RandomFaults(chance, 0.0), events=5), "store only", max_receive_count=20)
    sent = Producer(chance, 5, conflicts=False).messages()

    with pytest.raises(Violation, match="an error that nobody foresaw: AttributeError"):
        run(cloud, sent, Plan(1, Settings(campaign=CAMPAIGN), lambda: 0, lambda: 1.0, broken))


def test_workers_that_never_get_anything_done_are_a_broken_promise() -> None:
    idle = Variant(process=lambda *_: [])
    chance = random.Random(1)  # noqa: S311  it must repeat itself
    cloud = Cloud(World(1, chance, RandomFaults(chance, 0.0), events=2), "store only", max_receive_count=10**9)
    sent = Producer(chance, 2, conflicts=False).messages()

    with pytest.raises(Violation, match="do not come to rest"):
        run(cloud, sent, Plan(1, Settings(campaign=CAMPAIGN), lambda: 0, lambda: 1.0, idle))
