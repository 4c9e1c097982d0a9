"""`infra/data.yaml` makes what a worker needs: deployed in moto, and a worker run against its outputs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from leadline.browse import browse
from ports import Store, open_queue, open_store
from ports.aws.table import table_definition
from schemas.lead import Lead
from tests.bundles import Keys, likely_above, make_bundle
from tests.delivery.least_privilege.policies import data
from tests.delivery.stack import NOT_IN_MOTO, Stack, client
from tests.delivery.templates import INFRA, Template
from tests.helpers import cloud_event, encoded, plain_event
from worker.quarantine import read_record
from worker.service import Worker
from worker.settings import Settings

DOCS: Final = INFRA.parent / "docs"
QUEUES: Final = (
    "EventsQueue", "DeadLetterQueue", "QuarantineQueue", "CanaryEventsQueue", "CanaryQuarantineQueue",
    "CanaryInboxQueue",
)  # fmt: skip
FOURTEEN_DAYS_S: Final = 14 * 24 * 3600
TEN_DAYS_S: Final = 10 * 24 * 3600


def worker_of(stack: Stack, folder: Path, keys: Keys, lane: str = "") -> Worker:
    """Return a worker on a lane of the stack, whose model is sure of who spends more than 100."""
    model = make_bundle(folder / f"model{lane}", likely_above(100), keys)
    settings = Settings.model_validate(
        {**stack.settings(lane), "model": str(model), "public_key": keys.public, "wait_time_s": 0, "http_port": 0}
    )
    return Worker(settings, calls_in_flight=1)


def store_of(stack: Stack, lane: str = "") -> Store:
    store = open_store(stack.settings(lane)["store"])
    assert store is not None
    return store


def test_moto_makes_all_but_what_is_listed(stack: Stack) -> None:
    """A type that is listed and made after all, or not in the template, does not belong on the list."""
    kinds = {name: one["Type"] for name, one in data().resources.items()}

    assert {name for name, kind in kinds.items() if kind not in NOT_IN_MOTO} == set(stack.made)
    assert NOT_IN_MOTO <= set(kinds.values())


def test_what_the_stack_tells_is_what_the_template_is_read_to_say(stack: Stack) -> None:
    """Names and ARNs, as the other templates import them; only moto knows the ids of its keys."""
    said = {f"leadline-{name}": value for name, value in stack.outputs.items()}

    assert set(said) == set(data().exports)
    assert {} == {name: value for name, value in said.items() if value != data().exports[name] and "Key" not in name}


@pytest.mark.parametrize("lane", ["", "Canary"])
def test_a_worker_turns_events_into_leads_on_what_the_template_made(
    stack: Stack, tmp_path: Path, keys: Keys, lane: str
) -> None:
    """Good events end in the table, leads on the topic, a bad event in the quarantine; the other lane stays empty."""
    other = "" if lane else "Canary"
    queue = open_queue(stack.settings(lane)["queue"])
    good = [cloud_event(f"evt-{n}", customer_id=str(n), highest_spend=40 * n) for n in range(1, 6)]
    assert None not in queue.send([encoded(one) for one in [*good, plain_event("bad", level=9)]])

    with worker_of(stack, tmp_path, keys, lane) as worker:
        worker.run(once=True)

    assert {str(n): n > 2 for n in range(1, 6)} == {
        row.decision.customer_id: row.decision.lead for row in store_of(stack, lane).scan()
    }
    quarantined = browse(open_queue(stack.settings(lane)["quarantine"]))
    assert ["out_of_bounds"] == [read_record(message.body).reason for message in quarantined]
    inbox = browse(open_queue(stack.outputs["CanaryInboxQueueUrl"]))
    leads = {Lead.model_validate_json(message.body).data.customer_id for message in inbox}
    assert ({"3", "4", "5"} if lane else set()) == leads
    assert (0, 0) == queue.depth()
    assert [] == list(store_of(stack, other).scan())
    assert [] == list(browse(open_queue(stack.settings(other)["quarantine"])))


def test_leads_can_be_read_by_score_and_by_time(stack: Stack, tmp_path: Path, keys: Keys) -> None:
    """Both indexes are there, and hold nothing but leads."""
    started = datetime(2026, 1, 15, 10, tzinfo=UTC)
    events = [
        cloud_event(f"e-{n}", (started + timedelta(hours=n)).isoformat(), customer_id=str(n), highest_spend=60 * n)
        for n in range(1, 4)
    ]
    open_queue(stack.settings()["queue"]).send([encoded(one) for one in events])

    with worker_of(stack, tmp_path, keys) as worker:
        worker.run(once=True)

    assert ["3", "2"] == [row.decision.customer_id for row in store_of(stack).newest(5)]
    assert {"3", "2"} == {row.decision.customer_id for row in store_of(stack).best(5)}


@pytest.mark.parametrize("name", ["DecisionsTable", "CanaryDecisionsTable"])
def test_a_table_is_the_one_that_the_store_defines(name: str) -> None:
    table = data().properties(name)
    expected = table_definition(table["TableName"])

    assert expected == {key: table[key] for key in expected}
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert "TimeToLiveSpecification" not in table, "expires_at is a text, and a decision outlives its lead"


@pytest.mark.parametrize("wish", ["true", "false"])
def test_the_table_refuses_to_be_deleted_unless_that_is_wished(wish: str) -> None:
    given = Template(INFRA / "data.yaml", {"DeletionProtection": wish})

    assert (wish == "true") is given.properties("DecisionsTable")["DeletionProtectionEnabled"]
    assert "true" == data().content["Parameters"]["DeletionProtection"]["Default"]


def test_what_holds_data_or_keys_outlives_its_stack() -> None:
    kept = {name for name, one in data().resources.items() if one.get("DeletionPolicy") == "Retain"}

    assert {"DataKey", "SigningKey", "DecisionsTable", "ModelsBucket", "HoldoutBucket"} == kept


def test_the_queue_is_as_the_worker_expects_it(stack: Stack) -> None:
    """Its defaults are the worker's; a message that fails twenty times goes to the dead letters, and only from here."""
    sqs = client("sqs")

    def attributes(name: str) -> dict[str, str]:
        return dict(sqs.get_queue_attributes(QueueUrl=stack.made[name], AttributeNames=["All"])["Attributes"])

    events, dead, quarantine = (attributes(name) for name in QUEUES[:3])
    redrive = json.loads(events["RedrivePolicy"])

    assert Settings().visibility_timeout_s == int(events["VisibilityTimeout"])
    assert Settings().wait_time_s == int(events["ReceiveMessageWaitTimeSeconds"])
    assert (dead["QueueArn"], 20) == (redrive["deadLetterTargetArn"], int(redrive["maxReceiveCount"]))
    assert TEN_DAYS_S == int(events["MessageRetentionPeriod"])
    for one in (dead, quarantine):
        assert FOURTEEN_DAYS_S == int(one["MessageRetentionPeriod"]) > int(events["MessageRetentionPeriod"])
        assert "RedrivePolicy" not in one
    allowed = data().properties("DeadLetterQueue")["RedriveAllowPolicy"]
    assert {"redrivePermission": "byQueue", "sourceQueueArns": [events["QueueArn"]]} == allowed


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_encrypted_takes_the_largest_event_and_is_a_dead_letter_queue_only_where_meant(name: str) -> None:
    queue = data().properties(name)

    assert data().arn("DataKey") == queue["KmsMasterKeyId"]
    assert name == "CanaryInboxQueue" or 2**20 == queue["MaximumMessageSize"]
    assert ("byQueue" if name == "DeadLetterQueue" else "denyAll") == queue["RedriveAllowPolicy"]["redrivePermission"]


@pytest.mark.parametrize("name", ["OldestEventAlarm", "DeadLettersAlarm", "QuarantineAlarm"])
def test_an_alarm_watches_a_queue_of_ours_and_names_its_page(name: str) -> None:
    alarm = data().properties(name)
    page = alarm["AlarmDescription"].rpartition(" ")[2]

    assert page == f"docs/runbooks/{alarm['AlarmName'].removeprefix('leadline-')}.md"
    assert (INFRA.parent / page).is_file(), f"{page} is not written"
    [dimension] = alarm["Dimensions"]
    assert dimension["Value"] in {data().properties(queue)["QueueName"] for queue in QUEUES[:3]}
    assert [data().arn("AlarmTopic")] == alarm["AlarmActions"] == alarm["OKActions"]


def test_alarms_are_mailed_where_somebody_asks_for_it() -> None:
    asked = Template(INFRA / "data.yaml", {"AlarmEmail": "on-call@example.com"})

    assert "AlarmMail" not in data().resources
    assert "on-call@example.com" == asked.properties("AlarmMail")["Endpoint"]
