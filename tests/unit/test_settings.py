"""Settings: where they come from, what they must hold, and every fault told at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from worker.configuration import Loaded, load_settings
from worker.settings import Settings, SettingsError, variable

GOOD: Final = {
    "LEADLINE_QUEUE": "https://sqs.eu-west-1.amazonaws.com/123456789012/events",
    "LEADLINE_MODEL": "s3://models/current/",
    "LEADLINE_TOPIC": "arn:aws:sns:eu-west-1:123456789012:leads",
    "LEADLINE_STORE": "dynamodb://decisions",
    "LEADLINE_PUBLIC_KEY": __file__,
}
IN_KUBERNETES: Final = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}


def loaded(environ: Mapping[str, str], flags: Mapping[str, Any] | None = None, dotenv: Path | None = None) -> Loaded:
    return load_settings(environ, flags, dotenv or Path("/nonexistent/.env"), for_worker=True)


def faults(environ: Mapping[str, str], dotenv: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as told:
        loaded(environ, dotenv=dotenv)
    assert str(told.value).splitlines() == list(told.value.faults)
    return told.value.faults


def test_what_is_not_set_has_its_default_and_the_other_variables_are_none_of_ours() -> None:
    settings, sources = loaded({**GOOD, "PATH": "/bin", "AWS_REGION": "eu-west-1", "XLEADLINE_X": "1"})
    assert settings.queue == GOOD["LEADLINE_QUEUE"]
    assert (settings.wait_time_s, settings.visibility_timeout_s, settings.drain_timeout_s) == (20, 60, 35)
    assert (settings.retry_base_s, settings.retry_cap_s, settings.http_port) == (1, 300, 8080)
    assert (settings.campaign, settings.lead_ttl_days, settings.require_consent) == ("default", 30, False)
    assert sources["queue"] == "environment"
    assert sources["wait_time_s"] == "default"
    assert sources.keys() == Settings.model_fields.keys()


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    names = ("LEADLINE_CAMPAIGN", "LEADLINE_LEAD_TTL_DAYS", "LEADLINE_HTTP_PORT")
    dotenv.write_text("# ours\nOTHER=1\n" + "".join(f"{name}=11\n" for name in names))
    environ = {**GOOD, "LEADLINE_CAMPAIGN": "22", "LEADLINE_LEAD_TTL_DAYS": "22"}
    settings, sources = loaded(environ, {"campaign": "33", "http_port": None}, dotenv)
    assert (settings.campaign, settings.lead_ttl_days, settings.http_port) == ("33", 22, 11)
    found = [sources[name] for name in ("campaign", "lead_ttl_days", "http_port", "wait_time_s")]
    assert found == ["flag", "environment", str(dotenv), "default"]


def test_an_unknown_name_is_a_fault_that_names_the_nearest(tmp_path: Path) -> None:
    [fault] = faults({**GOOD, "LEADLINE_TRESHOLD": "0.5"})
    assert fault == "LEADLINE_TRESHOLD (environment) is no setting; did you mean LEADLINE_THRESHOLD?"
    [fault] = faults({**GOOD, "LEADLINE_ZZZZZZZZZZZZZZ": "1"})
    assert "`leadline config show` lists the settings" in fault
    [fault] = faults({**GOOD, "Leadline_Campaign": "spring"})
    assert "did you mean LEADLINE_CAMPAIGN?" in fault
    (tmp_path / ".env").write_text("LEADLINE_SERVICE_PORT=tcp://10.0.0.1:80\n")
    [fault] = faults(GOOD, tmp_path / ".env")
    assert fault.startswith(f"LEADLINE_SERVICE_PORT ({tmp_path}/.env) is no setting")


def test_all_faults_are_told_at_once_each_with_thing_value_and_way_out() -> None:
    told = faults(
        {
            "LEADLINE_QEUE": "x",
            "LEADLINE_THRESHOLD": "1.5",
            "LEADLINE_HTTP_PORT": "http",
            "LEADLINE_STORE": "",
            "LEADLINE_WAIT_TIME_S": "20",
            "LEADLINE_VISIBILITY_TIMEOUT_S": "25",
            "LEADLINE_RETRY_BASE_S": "10",
            "LEADLINE_RETRY_CAP_S": "5",
            "LOG_LEVEL": "LOUD",
            "LOG_FORMAT": "xml",
        }
    )
    expected = (
        "LEADLINE_QEUE (environment) is no setting; did you mean LEADLINE_QUEUE?",
        "LEADLINE_THRESHOLD is '1.5': input should be less than or equal to 1",
        "LEADLINE_HTTP_PORT is 'http': input should be a valid integer",
        "LEADLINE_STORE is '': string should have at least 1 character",
        "LEADLINE_VISIBILITY_TIMEOUT_S is 25: it must exceed LEADLINE_WAIT_TIME_S + 5 (25)",
        "LEADLINE_RETRY_CAP_S is 5: it must be at least LEADLINE_RETRY_BASE_S (10)",
        "LEADLINE_QUEUE is not set; give an SQS queue URL or sqlite:///FILE",
        "LEADLINE_MODEL is not set; give a bundle's folder or s3://bucket/prefix/",
        "LEADLINE_PUBLIC_KEY is not set",
        "LOG_LEVEL is 'LOUD'",
        "LOG_FORMAT is 'xml'",
    )
    for start in expected:
        assert any(fault.startswith(start) for fault in told), (start, told)
    assert len(told) == len(expected), "nothing is told twice, and no rule is judged by a value that is wrong itself"


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"LEADLINE_WAIT_TIME_S": "20", "LEADLINE_VISIBILITY_TIMEOUT_S": "25"}, "LEADLINE_VISIBILITY_TIMEOUT_S is 25"),
        ({"LEADLINE_DRAIN_TIMEOUT_S": "29"}, "LEADLINE_DRAIN_TIMEOUT_S is 29"),
        ({"LEADLINE_RETRY_CAP_S": "0.5"}, "LEADLINE_RETRY_CAP_S is 0.5"),
        ({"LEADLINE_BATCH_MAX_SIZE": "11", "LEADLINE_MAX_IN_FLIGHT": "10"}, "LEADLINE_BATCH_MAX_SIZE is 11"),
        (
            {
                "LEADLINE_QUEUE": "https://sqs.eu-west-1.amazonaws.com/123456789012/events",
                "LEADLINE_DLQ": "https://eu-west-1.queue.amazonaws.com/123456789012/events",
            },
            "LEADLINE_QUEUE is https://sqs.eu-west-1.amazonaws.com/123456789012/events: LEADLINE_QUARANTINE",
        ),
        ({"LEADLINE_QUARANTINE": GOOD["LEADLINE_QUEUE"]}, f"LEADLINE_QUEUE is {GOOD['LEADLINE_QUEUE']}"),
        ({"LEADLINE_DLQ": GOOD["LEADLINE_QUEUE"]}, f"LEADLINE_QUEUE is {GOOD['LEADLINE_QUEUE']}"),
        ({"LEADLINE_TOPIC": "none", "LEADLINE_STORE": "none"}, "LEADLINE_TOPIC is not set"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: dict[str, str], start: str) -> None:
    [fault] = faults({**GOOD, **changes})
    assert fault.startswith(start)


@pytest.mark.parametrize(
    "changes",
    [
        {"LEADLINE_VISIBILITY_TIMEOUT_S": "26", "LEADLINE_DRAIN_TIMEOUT_S": "30"},
        {"LEADLINE_WAIT_TIME_S": "0", "LEADLINE_VISIBILITY_TIMEOUT_S": "6", "LEADLINE_DRAIN_TIMEOUT_S": "10"},
        {"LEADLINE_RETRY_BASE_S": "300"},
        {"LEADLINE_BATCH_MAX_SIZE": "1000", "LEADLINE_MAX_IN_FLIGHT": "1000"},
        {"LEADLINE_TOPIC": "none"},
        {"LEADLINE_STORE": "none"},
        {"LEADLINE_HTTP_PORT": "0", "LEADLINE_THRESHOLD": "1"},
    ],
)
def test_settings_at_the_edge_of_what_is_allowed_are_taken(changes: dict[str, str]) -> None:
    assert loaded({**GOOD, **changes})


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if field.metadata])
@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e99", "", "many", "99999999999999999999"])
def test_a_value_out_of_bounds_is_a_fault_of_its_own_setting(name: str, value: str) -> None:
    if name == "campaign" and value:
        return
    assert any(
        fault.startswith(f"{variable(name)} is {value!r}: ") for fault in faults({**GOOD, variable(name): value})
    )


def test_inside_kubernetes_files_and_unsigned_bundles_are_refused() -> None:
    laptop = {
        **GOOD,
        "LEADLINE_QUEUE": "sqlite:///queue.db",
        "LEADLINE_QUARANTINE": "sqlite:///quarantine.db",
        "LEADLINE_DLQ": "sqlite:///dlq.db",
        "LEADLINE_STORE": "sqlite:///store.db",
        "LEADLINE_ALLOW_UNSIGNED": "true",
    }
    assert loaded(laptop).settings.allow_unsigned
    told = faults({**laptop, **IN_KUBERNETES})
    refused = {fault.split(" is ")[0] for fault in told if "refused inside Kubernetes" in fault}
    assert refused == {f"LEADLINE_{name}" for name in ("QUEUE", "QUARANTINE", "DLQ", "STORE", "ALLOW_UNSIGNED")}
    assert len(told) == 5
    assert loaded({**GOOD, **IN_KUBERNETES})


def test_who_only_looks_needs_no_queue_and_no_model() -> None:
    assert load_settings({}, dotenv=Path("/nonexistent/.env")).settings == Settings()


def test_a_file_that_cannot_be_read_is_a_fault_like_any_other(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"LEADLINE_CAMPAIGN=\xff\n")
    told = faults({"LEADLINE_QEUE": "x"}, tmp_path / ".env")
    assert any(f"{tmp_path}/.env cannot be read" in fault for fault in told)
    assert any("LEADLINE_QEUE" in fault for fault in told)


def test_an_unknown_flag_is_a_fault() -> None:
    with pytest.raises(SettingsError, match="LEADLINE_SHOE_SIZE"):
        loaded(GOOD, {"shoe_size": 43})
