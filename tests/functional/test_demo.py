"""`leadline demo`: what is planted is found, and what is missing is told."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadline.demo.audit import audit
from leadline.demo.places import Place, embedded, local_aws, look
from leadline.demo.plan import Plan, make_plan
from leadline.demo.run import run, send, work
from ports import open_store
from tests.trained import DemoModel


def demo(arguments: list[str], model: DemoModel, cwd: Path) -> dict[str, Any]:
    """Run the verb in a folder where its model lies already, and return what it prints for programs."""
    kept = cwd / "build" / "demo"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / model.bundle.name).symlink_to(model.bundle)
    command = [sys.executable, "-m", "leadline", "demo", "--json", *arguments]
    ran = subprocess.run(command, cwd=cwd, env=model.environ, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return embedded(tmp_path)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(400)


def test_what_was_planted_is_what_is_found(demo_model: DemoModel, tmp_path: Path) -> None:
    """All 5,000 customers: each applied once, the stale ones superseded, the malformed ones set aside, nothing lost."""
    result = demo(["--keep", "kept"], demo_model, tmp_path)

    assert {"malformed": 25, "duplicate": 50, "stale": 25} == result["planted"]
    assert 5025 == result["events"]
    assert (5000, 25, 25) == (result["applied"], result["superseded"], result["quarantined"])
    assert (0, 0, 50) == (result["lost"], result["waiting"], result["duplicates"])
    assert 400 < result["leads"] < 500
    assert Path(result["report"]).read_text(encoding="utf-8").startswith("<!")
    assert len((tmp_path / "kept" / "leads.jsonl").read_bytes().splitlines()) == result["leads"] + result["raw_copies"]


def test_the_same_way_through_aws(demo_model: DemoModel, tmp_path: Path) -> None:
    result = demo(["--aws", "--customers", "60"], demo_model, tmp_path)

    assert (60, 1, 1, 0) == (result["applied"], result["superseded"], result["quarantined"], result["lost"])


def test_a_message_that_vanishes_from_the_queue_file_is_lost(demo_model: DemoModel, place: Place, plan: Plan) -> None:
    sent = send(plan, place)
    gone = next(name for name, planned in sent.items() if planned.kind == "current" and planned.customer_id == "7")
    with sqlite3.connect(place.queue.removeprefix("sqlite:///")) as queue:
        assert queue.execute("DELETE FROM message WHERE id = ?", (gone,)).rowcount == 1

    work(plan, place, *demo_model[:2])

    assert audit(sent, look(place)).lost == 1


def test_what_still_waits_is_not_lost_and_not_applied(place: Place, plan: Plan) -> None:
    sent = send(plan, place)

    found = audit(sent, look(place))

    assert (0, 0) == (found.lost, found.applied)
    assert plan.count("current") + plan.count("stale") + plan.count("malformed") == found.waiting


def test_no_event_carries_the_outcome_of_the_campaign_but_the_planted_borrowers(plan: Plan) -> None:
    with_outcome = [
        message for message in plan.messages if b"loan_on_card" in message.body and message.kind == "current"
    ]

    assert plan.borrowers == len(with_outcome)
    assert all(
        json.loads(message.body).get("data", json.loads(message.body))["loan_on_card"] for message in with_outcome
    )


def test_who_holds_the_loan_is_no_lead(demo_model: DemoModel, place: Place, plan: Plan) -> None:
    borrowers = {m.customer_id for m in plan.messages if b'"loan_on_card": 1' in m.body}

    ran = run(plan, place, *demo_model[:2])

    store = open_store(place.store)
    assert store is not None
    assert borrowers
    assert not any(row.decision.lead for row in store.scan() if row.decision.customer_id in borrowers)
    assert ran.audit.leads > 0


@pytest.fixture
def aws() -> Iterator[Place]:
    with local_aws() as place:
        yield place


def test_the_same_events_give_the_same_leads_and_the_same_store_on_aws_and_embedded(
    demo_model: DemoModel, place: Place, aws: Place
) -> None:
    plan = make_plan(80)

    run(plan, place, *demo_model[:2])
    run(plan, aws, *demo_model[:2])

    here, there = look(place), look(aws)
    assert 80 == len(here.stored)
    assert here.stored == there.stored
    assert {lead.id: lead for lead in here.leads} == {lead.id: lead for lead in there.leads}
    assert here.leads


def test_a_folder_that_holds_something_is_refused(demo_model: DemoModel, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "thesis.txt").write_text("mine")

    with pytest.raises(subprocess.CalledProcessError) as refused:
        demo(["--keep", "kept"], demo_model, tmp_path)

    assert 1 == refused.value.returncode
    assert "name a new folder" in refused.value.stderr
    assert "mine" == (tmp_path / "kept" / "thesis.txt").read_text()
