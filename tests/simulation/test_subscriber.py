"""The reference subscriber: copies, late messages, withdrawals; and as a program."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulation.oracle import Subscriber, new_subscriber

SUBSCRIBER = Path(__file__).parents[2] / "examples" / "subscriber.py"


def lead(kind: str, number: int, *, who: str = "1", score: float = 0.9, hour: int | None = None) -> dict[str, Any]:
    """Return a message about a customer; the number says which event led to it, and when."""
    return {
        "id": f"{who}-{number}",
        "type": f"bank.lead.{kind}.v1",
        "data": {
            "lead_id": f"lead-{who}",
            "customer_id": who,
            "event_id": f"evt-{number}",
            "event_time": f"2026-01-15T{10 + (number if hour is None else hour):02}:00:00.000000Z",
            "score": score,
        },
    }


@pytest.fixture
def subscriber() -> Subscriber:
    return new_subscriber()


def standing(subscriber: Subscriber) -> list[tuple[str, str]]:
    return [(data["customer_id"], data["event_id"]) for data in subscriber.leads()]


def test_created_and_updated_are_both_upserts(subscriber: Subscriber) -> None:
    assert all([subscriber.handle(lead("updated", 1)), subscriber.handle(lead("created", 2))])
    assert [("1", "evt-2")] == standing(subscriber)


def test_a_copy_changes_nothing(subscriber: Subscriber) -> None:
    assert [True, False] == [subscriber.handle(lead("created", 1)), subscriber.handle(lead("created", 1))]


def test_a_late_message_is_ignored(subscriber: Subscriber) -> None:
    subscriber.handle(lead("updated", 2))

    assert not subscriber.handle(lead("created", 1))
    assert [("1", "evt-2")] == standing(subscriber)


def test_of_two_events_at_one_moment_the_higher_id_is_the_newer(subscriber: Subscriber) -> None:
    subscriber.handle(lead("created", 2, hour=1))

    assert not subscriber.handle(lead("created", 1, hour=1))
    assert subscriber.handle(lead("updated", 3, hour=1))


def test_a_withdrawn_lead_is_gone_and_no_late_copy_brings_it_back(subscriber: Subscriber) -> None:
    subscriber.handle(lead("withdrawn", 2))

    assert not subscriber.handle(lead("created", 1))
    assert [] == standing(subscriber)


def test_a_newer_lead_comes_after_a_withdrawal(subscriber: Subscriber) -> None:
    for message in (lead("created", 1), lead("withdrawn", 2), lead("updated", 3)):
        subscriber.handle(message)

    assert [("1", "evt-3")] == standing(subscriber)


def test_the_best_lead_comes_first(subscriber: Subscriber) -> None:
    for who, score in (("1", 0.7), ("2", 0.99), ("3", 0.8)):
        subscriber.handle(lead("created", 1, who=who, score=score))

    assert ["2", "3", "1"] == [customer for customer, _ in standing(subscriber)]


def test_the_end_does_not_depend_on_order_or_copies() -> None:
    chance = random.Random(0)  # noqa: S311  it must repeat itself
    story = [
        lead(chance.choice(("created", "withdrawn")), number, who=who) for who in ("1", "2", "3") for number in range(6)
    ]
    ends = set()
    for _ in range(50):
        subscriber = new_subscriber()
        for message in chance.choices(story, k=20) + chance.sample(story, len(story)):
            subscriber.handle(message)
        ends.add(tuple(standing(subscriber)))

    assert 1 == len(ends)


def test_as_a_program_it_prints_the_leads_of_a_topics_file(tmp_path: Path) -> None:
    topic = tmp_path / "leads.jsonl"
    notification = {"Type": "Notification", "Message": json.dumps(lead("created", 1, who="3", score=0.95))}
    told = [lead("created", 1), lead("created", 1), lead("created", 1, who="2"), lead("withdrawn", 2), notification]
    topic.write_text("".join(json.dumps(message) + "\n" for message in told) + '{"id": "half-wri')

    ran = subprocess.run([sys.executable, SUBSCRIBER, topic], capture_output=True, text=True, check=True)

    assert ["3", "2"] == [json.loads(line)["customer_id"] for line in ran.stdout.splitlines()]


def test_as_a_program_it_says_how_it_is_called() -> None:
    ran = subprocess.run([sys.executable, SUBSCRIBER], capture_output=True, text=True, check=False)

    assert 1 == ran.returncode
    assert "usage: python examples/subscriber.py leads.jsonl" in ran.stderr


def test_it_stays_short_and_needs_nothing_but_python() -> None:
    text = SUBSCRIBER.read_text()
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}

    assert len(text.splitlines()) < 100
    assert imported <= sys.stdlib_module_names
