"""A service that is not there for ten minutes: the worker waits, loses nothing, and comes back by itself."""

import random
from collections.abc import Sequence

import pytest

from ports import Message
from simulation.cloud import Cloud
from simulation.events import Producer
from simulation.faults import APIS, Api, Outage, RandomFaults
from simulation.invariants import check
from simulation.models import CAMPAIGN
from simulation.process import Variant
from simulation.run import Plan, run
from simulation.world import START, World
from worker.settings import Settings

MINUTES_10 = 600.0


def world_without(*apis: Api) -> World:
    """Let two workers do three hundred events, while the calls of these APIs are refused for ten minutes."""
    chance = random.Random(1)  # noqa: S311  it must repeat itself
    outages = [Outage(api, START, START + MINUTES_10) for api in apis]
    world = World(1, chance, RandomFaults(chance, 0.0, outages), events=300)
    cloud = Cloud(world, "store and topic", max_receive_count=20)
    sent = Producer(chance, 300, conflicts=True).messages()
    settings = Settings(campaign=CAMPAIGN, batch_max_size=10)
    run(cloud, sent, Plan(2, settings, lambda: 0, lambda: 1.0, Variant()))
    check(cloud, sent)
    return world


@pytest.mark.parametrize("api", APIS)
def test_while_one_service_is_away_nothing_is_lost_and_the_work_is_done_soon_after(api: Api) -> None:
    world = world_without(api)

    assert 0 == world.found["dead-lettered"]
    assert world.now - START < 2 * MINUTES_10


def test_all_sinks_may_be_away_at_once() -> None:
    assert 0 == world_without("put", "publish", "send", "settle").found["dead-lettered"]


@pytest.mark.parametrize(
    "apis",
    [("put",), ("publish",), ("send",), ("delete",), ("put", "publish", "send", "settle"), APIS],
    ids="+".join,
)
def test_after_ten_minutes_without_a_service_no_message_was_received_more_than_three_times(
    apis: Sequence[Api],
) -> None:
    world = world_without(*apis)

    counts = [item.receive_count for step in world.trace for item in step.items if isinstance(item, Message)]
    assert max(counts) <= 3


@pytest.mark.parametrize("api", ["put", "publish", "delete"])
def test_while_a_sink_is_away_one_message_is_received_a_pause_and_no_more(api: Api) -> None:
    """Two workers with a batch of ten each, and a probe of one every half minute each, after some shorter pauses."""
    received = [
        item
        for step in world_without(api).trace
        if step.what == "receive" and START + 60 < step.at < START + MINUTES_10
        for item in step.items
    ]

    assert 0 < len(received) <= 2 * (MINUTES_10 / 15 + 5)


def test_failed_receives_do_not_spin() -> None:
    """Two workers ask at most twice a minute each once they have been refused some times."""
    refused = [step for step in world_without("receive").trace if step.what == "receive" and step.fault]

    assert len(refused) < 2 * (5 + MINUTES_10 / 15)
