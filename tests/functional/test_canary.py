"""Planted values in every field of a customer, through every way in which a worker can fail: none is ever told."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import generate_latest

import worker.pipeline
from ports import create_queue
from schemas.customer import Customer
from tests.bundles import Keys, likely_above, make_bundle
from tests.helpers import bus_event, cloud_event, encoded, notification, plain_event
from worker.configuration import load_settings
from worker.decode import Decoder
from worker.logs import set_up_logs
from worker.service import Worker

CANARIES: Final[dict[str, Any]] = {
    "customer_id": "marked-471147",
    "age": 117,
    "customer_since": 116,
    "highest_spend": 471147.25,
    "zip_code": 47114,
    "monthly_average_spend": 471147.5,
    "mortgage": 471147.75,
}
"""A value in each field that can hold one that is not like any other; ids of events are told, and are no customer's."""

TELLTALE: Final = ("marked", "47114")


class Told(Exception):
    """What a library may raise: an error that quotes what it was given."""


def quoting(*values: object) -> Any:  # noqa: ANN401  stands for any call
    """Fail, and say with which values."""
    raise Told(f"cannot do it with {[vars(v) if hasattr(v, '__dict__') else v for v in values]} {CANARIES}")


def refusing(kind: str) -> Callable[..., Any]:
    """Return a call of a port that takes nothing."""
    return {
        "put": lambda decisions: [worker.pipeline.Put("failed", None) for _ in decisions],
        "publish": list,
        "send": lambda bodies: [None] * len(bodies),
        "delete": list,
        "set_visibility": lambda timeouts: [message for message, _ in timeouts],
        "settle_withdrawals": lambda _: None,
    }[kind]


BODIES: Final = (
    cloud_event("e-1", **CANARIES),
    plain_event("e-2", **CANARIES),
    notification(json.dumps(cloud_event("e-3", **CANARIES))),
    bus_event(cloud_event("e-4", **CANARIES)),
    cloud_event("e-1", **{**CANARIES, "highest_spend": 20}),  # one id with two contents
    cloud_event("e-5", "2026-01-15T11:00:00Z", **{**CANARIES, "loan_on_card": 1}),  # withdrawn
    [cloud_event("e-6", **CANARIES), CANARIES, "marked", {"marked": {"marked": [47114]}}],
    b'{"marked-471147": NaN, "customer_id": "marked-471147"}',
    b'{"marked": 1, "marked": 2}',
    b"marked-471147",
    b"\xff marked-471147",
    encoded(cloud_event("e-7", **CANARIES))[:-20],
    *(cloud_event(f"bad-{field}", **{**CANARIES, field: f"marked-{field}-47114"}) for field in Customer.model_fields),
    *(plain_event(f"low-{field}", **{**CANARIES, field: -471147}) for field in Customer.model_fields),
    {**cloud_event("e-8", **CANARIES), "type": "marked-471147"},
    {**cloud_event("e-9", **CANARIES), "time": "marked-471147"},
    cloud_event("e-10", "2126-01-15T10:00:00Z", **CANARIES),
)


@pytest.fixture
def settings(tmp_path: Path, keys: Keys) -> dict[str, str]:
    """Name a place with a queue that holds every kind of message."""
    make_bundle(tmp_path / "model", likely_above(100), keys)
    create_queue(f"sqlite:///{tmp_path}/quarantine.db")
    queue = create_queue(f"sqlite:///{tmp_path}/queue.db")
    assert None not in queue.send([encoded(body) for body in BODIES])
    return {
        "LEADLINE_QUEUE": queue.url,
        "LEADLINE_QUARANTINE": f"sqlite:///{tmp_path}/quarantine.db",
        "LEADLINE_STORE": f"sqlite:///{tmp_path}/store.db",
        "LEADLINE_TOPIC": f"file:///{tmp_path}/leads.jsonl",
        "LEADLINE_MODEL": f"{tmp_path}/model",
        "LEADLINE_PUBLIC_KEY": str(keys.public),
        "LEADLINE_HTTP_PORT": "0",
        "LEADLINE_WAIT_TIME_S": "0",
        "LEADLINE_RETRY_CAP_S": "1",
    }


@pytest.fixture
def logs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """Log all there is as a worker does, as JSON unless another form is asked for."""
    root, said = logging.getLogger(), StringIO()
    before = root.handlers[:], root.level
    for name in ("sys.stderr", "sys.excepthook", "threading.excepthook"):
        monkeypatch.setattr(name, said if name == "sys.stderr" else None)
    set_up_logs({"LOG_LEVEL": "DEBUG", "LOG_FORMAT": getattr(request, "param", "json")})
    yield said
    root.handlers[:] = before[0]
    root.setLevel(before[1])


_CALLS: Final = (
    "store.put", "store.settle_withdrawals", "topic.publish",
    "quarantine.send", "queue.delete", "queue.set_visibility",
)  # fmt: skip
PATHS: Final = (
    "nothing",
    *(f"{how} {what}" for how in ("refusing", "quoting") for what in _CALLS),
    "quoting model.predict_proba", "quoting decoder.decode", "quoting decoder.decode_usual",
    "quoting quarantine_record", "quoting announce",
)  # fmt: skip


def break_it(path: str, a_worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one call of a worker's parts fail."""
    how, _, what = path.partition(" ")
    if not what:
        return
    services, consumer = a_worker._services, a_worker._lanes._lanes[0]
    things = {**services._asdict(), "queue": consumer._queue, "model": services.bundle.model, "decoder": Decoder}
    thing, _, call = what.rpartition(".")
    monkeypatch.setattr(
        things[thing] if thing else worker.pipeline, call, quoting if how == "quoting" else refusing(call)
    )


@pytest.mark.parametrize(
    ("path", "logs"), [*((path, "json") for path in PATHS), (PATHS[-1], "console")], indirect=["logs"]
)
def test_no_value_of_a_customer_is_in_the_log_or_the_metrics(
    path: str, settings: dict[str, str], logs: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_settings({**settings}, for_worker=True).settings
    with Worker(loaded) as a_worker:
        break_it(path, a_worker, monkeypatch)
        for _ in range(4):
            try:
                a_worker._lanes._lanes[0].step()
            except Told:
                logging.getLogger("worker").critical("ends", exc_info=True)
        a_worker._leases.extend_due()
        metrics = generate_latest(a_worker.metrics.registry).decode()
    said = logs.getvalue() + metrics

    assert said.count("out_of_bounds") >= 5 or "quarantine" in path or path == "quoting decoder.decode"
    assert "Told" in said or not path.startswith("quoting") or path in _CAUGHT_BY_NOBODY
    assert [] == [line for line in said.splitlines() if any(telltale in line for telltale in TELLTALE)]


_CAUGHT_BY_NOBODY: Final = ("quoting queue.set_visibility",)
"""Nothing is given back here."""


@pytest.mark.parametrize("command", [["-m", "worker"], ["-m", "leadline", "worker", "--once", "--json"]])
def test_an_error_that_nobody_foresaw_ends_a_worker_without_quoting_anybody(
    command: Sequence[str], settings: dict[str, str], tmp_path: Path
) -> None:
    """It exits with 1 and says where the error came up."""
    early = (
        "import runpy, sys, worker.consumer as consumer\n"
        "def fail(self, most=None): raise RuntimeError('cannot take marked-471147')\n"
        "consumer.Consumer.step = fail\n"
        f"sys.argv = {['x', *command[2:]]!r}\n"
        f"runpy.run_module({command[1]!r}, run_name='__main__')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", early],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **settings},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == ran.returncode, ran.stderr
    assert "RuntimeError" in ran.stderr
    assert "in fail" in ran.stderr
    assert "marked" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("logs", ["json", "console"], indirect=True)
def test_errors_that_quote_nobody_are_told_in_full(logs: StringIO) -> None:
    try:
        try:
            Path("/missing/file").read_text()
        except OSError:
            quoting()
    except Told:
        logging.getLogger("worker").exception("it failed")
    said = logs.getvalue()

    assert "No such file or directory: '/missing/file'" in said
    assert "withheld" in said
    assert "marked-" not in said
