"""The verbs, as a user calls them: what they print, what they write, and how they fail."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ports import create_queue, open_queue
from tests.functional.command import Leadline
from tests.helpers import cloud_event, encoded, plain_event
from tests.trained import DemoModel

VERBS = ("demo", "train", "score", "model", "worker", "send", "validate", "quarantine", "dlq", "simulate", "config")


@pytest.fixture
def leadline(demo_model: DemoModel, tmp_path: Path) -> Leadline:
    return Leadline(demo_model, tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(leadline: Leadline, verb: str) -> None:
    ran = leadline(verb, "--help")

    assert 0 == ran.returncode
    assert f"Usage: python -m leadline {verb}" in ran.stdout


def test_an_unknown_verb_is_wrong_usage(leadline: Leadline) -> None:
    ran = leadline("dmeo")

    assert 2 == ran.returncode
    assert "dmeo" in ran.stderr


def test_all_faults_of_a_configuration_are_told_at_once(leadline: Leadline) -> None:
    ran = leadline("config", "check", "--json", LEADLINE_QUEU="x", LEADLINE_WAIT_TIME_S="21", LEADLINE_TOPIC="-")

    assert 78 == ran.returncode
    error = json.loads(ran.stdout.splitlines()[-1])["error"]
    for fault in ("did you mean LEADLINE_QUEUE?", "LEADLINE_WAIT_TIME_S is '21'", "LEADLINE_MODEL is not set"):
        assert fault in error


def test_a_setting_names_its_source(leadline: Leadline) -> None:
    (leadline.folder / ".env").write_text("LEADLINE_CAMPAIGN=spring\nLEADLINE_HTTP_PORT=9000\n")

    ran = leadline("config", "show", "--json", LEADLINE_HTTP_PORT="0")

    settings = json.loads(ran.stdout)
    assert {"value": "spring", "source": ".env"} == settings["LEADLINE_CAMPAIGN"]
    assert {"value": 0, "source": "environment"} == settings["LEADLINE_HTTP_PORT"]
    assert {"value": 60, "source": "default"} == settings["LEADLINE_VISIBILITY_TIMEOUT_S"]


def test_scores_of_a_table_with_and_without_the_outcome_are_the_same(leadline: Leadline) -> None:
    train = "from training.public_set import csv_texts; from pathlib import Path; a, b = csv_texts();"
    train += "Path('Data1.csv').write_text(a); Path('Data2.csv').write_text(b)"
    subprocess.run([sys.executable, "-c", train], cwd=leadline.folder, check=True)
    with (leadline.folder / "Data2.csv").open() as file:
        rows = [row[:-1] for row in csv.reader(file)]
    with (leadline.folder / "Without.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)

    ran = [
        leadline("score", "Data1.csv", other, "--model", leadline.model.bundle, "--out", out, "--json")
        for other, out in (("Data2.csv", "with.csv"), ("Without.csv", "without.csv"))
    ]

    assert [0, 0] == [one.returncode for one in ran], ran[0].stderr + ran[1].stderr
    with_outcome = (leadline.folder / "with.csv").read_text()
    assert with_outcome == (leadline.folder / "without.csv").read_text()
    lines = with_outcome.splitlines()
    assert "ID,score,lead" == lines[0]
    assert 5001 == len(lines)
    assert json.loads(ran[0].stdout)["leads"] == sum(line.endswith(",1") for line in lines)


def test_a_broken_table_is_refused_with_its_place_and_nothing_is_written(leadline: Leadline) -> None:
    (leadline.folder / "Data1.csv").write_text("ID,Age\n1,25\n1,30\n")

    ran = leadline("score", "Data1.csv", "--model", leadline.model.bundle, "--out", "scores.csv")

    assert 1 == ran.returncode
    assert "Data1.csv, line 1, column HighestSpend: missing" in ran.stderr
    assert not (leadline.folder / "scores.csv").exists()


def test_an_altered_bundle_is_refused(leadline: Leadline) -> None:
    copy = leadline.folder / "model"
    copy.mkdir()
    for file in leadline.model.bundle.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "model.pkl").write_bytes((copy / "model.pkl").read_bytes()[:-1] + b"?")

    ran = leadline("model", "verify", copy)

    assert 3 == ran.returncode
    assert "model.pkl is not the file that manifest.json names" in ran.stderr


def test_a_bundle_is_signed_anew_with_another_key(leadline: Leadline) -> None:
    copy = leadline.folder / "model"
    copy.mkdir()
    for file in leadline.model.bundle.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    other = {"XDG_CONFIG_HOME": str(leadline.folder)}

    refused = leadline("model", "verify", copy, **other)
    tried = leadline("model", "sign", copy, "--dry-run", **other)
    still_refused = leadline("model", "verify", copy, **other)
    signed = leadline("model", "sign", copy, **other)
    verified = leadline("model", "verify", copy, "--json", **other)

    assert [3, 0, 3, 0, 0] == [r.returncode for r in (refused, tried, still_refused, signed, verified)]
    assert json.loads(verified.stdout)["ok"]


def test_validate_names_line_field_and_repair(leadline: Leadline) -> None:
    good, bad = encoded(cloud_event()), encoded(plain_event(level="2", highest_spend=-1))
    (leadline.folder / "events.jsonl").write_bytes(good + b"\n" + bad + b"\n")

    ran = leadline("validate", "events.jsonl", "--json")

    assert 3 == ran.returncode
    result = json.loads(ran.stdout)
    assert (2, 1) == (result["events"], result["faulty"])
    found = {(fault["line"], fault["pointer"], fault["reason"]) for fault in result["faults"]}
    assert {(2, "/highest_spend", "out_of_bounds"), (2, "/level", "wrong_type")} == found


def test_send_refuses_a_faulty_file_and_sends_nothing(leadline: Leadline) -> None:
    url = f"sqlite:///{leadline.folder / 'queue.db'}"
    queue = create_queue(url)
    (leadline.folder / "events.jsonl").write_bytes(encoded(cloud_event()) + b'\n{"half":\n')

    ran = leadline("send", "events.jsonl", LEADLINE_QUEUE=url)

    assert 3 == ran.returncode
    assert "line 2" in ran.stderr
    assert (0, 0) == queue.depth()


def test_a_queue_is_not_made_unless_asked_for(leadline: Leadline) -> None:
    refused = leadline("send", "--sample", "3", LEADLINE_QUEUE="sqlite:///queue.db")
    assert 78 == refused.returncode
    assert not (leadline.folder / "queue.db").exists()

    tried = leadline("send", "--sample", "3", "--create", "--dry-run", LEADLINE_QUEUE="sqlite:///queue.db")
    assert 0 == tried.returncode
    assert not (leadline.folder / "queue.db").exists()


def test_events_go_from_send_through_a_worker_to_leads_and_quarantine(leadline: Leadline) -> None:
    """The whole way by hand: send good and bad events, work once, read leads and quarantine; no body unless asked."""
    create_queue(f"sqlite:///{leadline.folder / 'quarantine.db'}")
    secret = encoded(plain_event("evt-9", customer_id="canary", level=9))
    (leadline.folder / "bad.jsonl").write_bytes(secret + b"\n")
    environ = {
        "LEADLINE_QUEUE": "sqlite:///queue.db",
        "LEADLINE_QUARANTINE": "sqlite:///quarantine.db",
        "LEADLINE_STORE": "sqlite:///store.db",
        "LEADLINE_TOPIC": "file:///leads.jsonl",
        "LEADLINE_MODEL": str(leadline.model.bundle),
        "LEADLINE_PUBLIC_KEY": str(leadline.model.public_key),
        "LEADLINE_WAIT_TIME_S": "0",
        "LEADLINE_HTTP_PORT": "0",
    }
    assert 0 == leadline("send", "--sample", "100", "--pack", "30", "--create", **environ).returncode
    assert 0 == leadline("send", "bad.jsonl", "--unchecked", **environ).returncode

    worked = leadline("worker", "--once", "--json", **environ)
    listed = leadline("quarantine", "ls", "--json", **environ)
    again = leadline("quarantine", "ls", **environ)

    assert {"applied": 100, "quarantined": 1} == json.loads(worked.stdout)
    records = json.loads(listed.stdout)
    assert (1, {"out_of_bounds": 1}) == (records["count"], records["by_reason"])
    assert "/level" in again.stdout
    key = again.stdout.splitlines()[1].split()[0]
    assert key == records["records"][0]["key"]
    shown = leadline("quarantine", "show", key, **environ)
    with_body = leadline("quarantine", "show", key, "--body", **environ)
    assert "canary" not in shown.stdout + again.stdout + worked.stderr
    assert "canary" in with_body.stdout
    leads = (leadline.folder / "leads.jsonl").read_text().splitlines()
    assert leads
    assert all(json.loads(lead)["type"] == "bank.lead.created.v1" for lead in leads)
    assert (0, 0) == open_queue(f"sqlite:///{leadline.folder / 'queue.db'}").depth()


def test_max_messages_is_kept(leadline: Leadline) -> None:
    environ = {
        "LEADLINE_QUEUE": "sqlite:///queue.db",
        "LEADLINE_TOPIC": "-",
        "LEADLINE_MODEL": str(leadline.model.bundle),
        "LEADLINE_ALLOW_UNSIGNED": "true",
        "LEADLINE_WAIT_TIME_S": "0",
        "LEADLINE_HTTP_PORT": "0",
    }
    assert 0 == leadline("send", "--sample", "10", "--create", **environ).returncode

    worked = leadline("worker", "--max-messages", "4", "--json", **environ)

    assert {"applied": 4} == json.loads(worked.stdout.splitlines()[-1])
    assert 6 == sum(open_queue(f"sqlite:///{leadline.folder / 'queue.db'}").depth())


def test_the_quarantine_can_be_read_whatever_a_producer_writes(leadline: Leadline) -> None:
    """Ids and keys that look like markup or move a terminal's cursor are shown as they are, or not at all."""
    url = f"sqlite:///{leadline.folder / 'quarantine.db'}"
    create_queue(url)
    odd = encoded(plain_event("[/x]", highest_spend=-1))
    escape = b'{"\\u001b[31m": NaN, "event_id": "e"}'
    (leadline.folder / "odd.jsonl").write_bytes(odd + b"\n" + escape + b"\n")
    environ = {
        "LEADLINE_QUEUE": "sqlite:///queue.db",
        "LEADLINE_QUARANTINE": url,
        "LEADLINE_TOPIC": "-",
        "LEADLINE_MODEL": str(leadline.model.bundle),
        "LEADLINE_PUBLIC_KEY": str(leadline.model.public_key),
        "LEADLINE_WAIT_TIME_S": "0",
        "LEADLINE_HTTP_PORT": "0",
    }
    assert 0 == leadline("send", "odd.jsonl", "--unchecked", "--create", **environ).returncode
    assert 0 == leadline("worker", "--once", **environ).returncode

    listed = leadline("quarantine", "ls", **environ)

    assert 0 == listed.returncode, listed.stderr
    assert "[/x]" in listed.stdout
    assert "\x1b[31m" not in listed.stdout


def test_events_in_envelopes_are_not_packed(leadline: Leadline) -> None:
    envelope = encoded({"Type": "Notification", "Message": encoded(cloud_event()).decode()})
    (leadline.folder / "events.jsonl").write_bytes(envelope + b"\n" + envelope + b"\n")
    queue = create_queue(f"sqlite:///{leadline.folder / 'queue.db'}")

    ran = leadline("send", "events.jsonl", "--pack", "2", LEADLINE_QUEUE=queue.url)

    assert 3 == ran.returncode
    assert "without --pack" in ran.stderr
    assert (0, 0) == queue.depth()


def test_addresses_that_name_nothing_are_told_with_the_others(leadline: Leadline) -> None:
    ran = leadline(
        "config",
        "check",
        LEADLINE_QUEUE="yy",
        LEADLINE_QUARANTINE="sqlite:///a/../b.db",
        LEADLINE_DLQ="sqlite:///b.db",
        LEADLINE_STORE="bogus",
        LEADLINE_TOPIC="ftp://x",
        LEADLINE_PUBLIC_KEY="/nope",
    )

    assert 78 == ran.returncode
    for fault in (
        "LEADLINE_QUEUE: 'yy'",
        "must be other queues",
        "'bogus' is no store",
        "'ftp://x' is no topic",
        "/nope",
    ):
        assert fault in ran.stderr


def test_a_bundle_on_s3_is_not_silently_another_one(leadline: Leadline) -> None:
    ran = leadline("model", "show", LEADLINE_MODEL="s3://bucket/prefix/")

    assert 1 == ran.returncode
    assert "s3://bucket/prefix/" in ran.stderr
