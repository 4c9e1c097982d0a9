"""Scores by the console's API: the worker's own, customer by customer, and a clear refusal of what cannot be read."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ports import open_store
from propensity.bundle import Bundle
from tests.bundles import policy
from tests.consoles import client_of, parts_with
from tests.helpers import NOW, cloud_event, customer, decoded, encoded, message, nested, plain_event
from worker.errors import Reject
from worker.pipeline import Services, process_batch

EVENTS = Path(__file__).parent.parent / "events"
INVALID = sorted((EVENTS / "invalid").glob("*.json"))
VALID = sorted((EVENTS / "valid").glob("*.json"))
RICH, POOR = 180, 49


@pytest.fixture
def client(bundle: Bundle) -> FlaskClient:
    return client_of(parts_with(bundle))


def post(client: FlaskClient, content: Any, content_type: str = "application/json") -> TestResponse:  # noqa: ANN401
    return client.post("/api/score", data=encoded(content), content_type=content_type)


def results(response: TestResponse) -> Any:  # noqa: ANN401
    assert response.json is not None
    return response.json["results"]


def test_one_customer_is_scored_by_its_data_alone(client: FlaskClient) -> None:
    response = post(client, customer(customer_id="7", highest_spend=RICH))

    [result] = results(response)
    assert 200 == response.status_code
    assert {"customer_id": "7", "score": 1.0, "lead": True, "tier": "A", "threshold": 0.5} == {
        name: result[name] for name in ("customer_id", "score", "lead", "tier", "threshold")
    }
    assert {"name": "tiny", "version": "1", "sha256": "a" * 64} == result["model"]


def test_a_customer_below_the_threshold_is_no_lead(client: FlaskClient) -> None:
    [result] = results(post(client, customer(highest_spend=POOR)))

    assert (0.0, False, None) == (result["score"], result["lead"], result["tier"])


def test_data_events_and_plain_events_may_stand_side_by_side(client: FlaskClient) -> None:
    content = [
        customer(customer_id="1", highest_spend=RICH),
        cloud_event(customer_id="2", highest_spend=RICH),
        plain_event(customer_id="3", highest_spend=RICH),
    ]

    assert [("1", 1.0), ("2", 1.0), ("3", 1.0)] == [
        (result["customer_id"], result["score"]) for result in results(post(client, content))
    ]


def test_a_faulty_customer_does_not_harm_its_neighbours(client: FlaskClient) -> None:
    content = [
        customer(customer_id="1", highest_spend=RICH),
        customer(customer_id="2", level=9, security="1"),
        cloud_event(customer_id="3", level=9),
        17,
        customer(customer_id="5", highest_spend=RICH),
    ]

    response = post(client, content)

    first, second, third, fourth, fifth = results(response)
    assert 200 == response.status_code
    assert (2, 3) == (response.json and response.json["scored"], response.json and response.json["faulty"])
    assert ("1", "5") == (first["customer_id"], fifth["customer_id"])
    assert [("out_of_bounds", "/level"), ("wrong_type", "/security")] == [
        (error["reason"], error["field"]) for error in second["errors"]
    ]
    assert [("out_of_bounds", "/data/level")] == [(error["reason"], error["field"]) for error in third["errors"]]
    assert "not_an_event" == fourth["errors"][0]["reason"]
    assert [0, 1, 2, 3, 4] == [result["index"] for result in results(response)]


def test_when_no_customer_can_be_scored_the_status_says_so(client: FlaskClient) -> None:
    assert 422 == post(client, customer(level=9)).status_code
    assert 422 == post(client, {}).status_code


@pytest.mark.parametrize("text", ['{"customer_id": "1", "customer_id": "2"}', '{"customer_id": "1", "x": NaN}'])
def test_rules_of_json_hold_for_data_alone_as_well(client: FlaskClient, text: str) -> None:
    [result] = results(post(client, text.encode()))

    assert result["errors"][0]["reason"] in {"duplicate_key", "not_finite"}


def test_a_field_that_the_model_uses_is_asked_for(client: FlaskClient) -> None:
    [result] = results(post(client, customer(mortgage=...)))

    assert ("missing_field", "/mortgage") == (result["errors"][0]["reason"], result["errors"][0]["field"])


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_what_a_worker_rejects_is_rejected_for_the_same_reason(client: FlaskClient, path: Path) -> None:
    body = path.read_bytes()
    expected = [found.reason if isinstance(found, Reject) else "" for found in decoded(body)]

    response = post(client, body)

    assert response.json is not None
    if "error" in response.json:
        assert response.status_code in {400, 413}
        assert expected == [response.json["error"]["reason"]]
    else:
        found = [result["errors"][0]["reason"] if "errors" in result else "" for result in results(response)]
        assert expected == found


@pytest.mark.parametrize("rules", [{}, {"threshold": 0.99, "require_consent": True}])
def test_console_and_worker_decide_alike_to_the_last_bit(bundle: Bundle, tmp_path: Path, rules: Any) -> None:  # noqa: ANN401
    """The same 400 customers, as events through the worker's batch and as data through the console."""
    consents = [..., {"email": True}, {"email": False}, {}]
    customers = [
        customer(
            customer_id=str(number),
            highest_spend=number / 3,
            level=1 + number % 3,
            loan_on_card=int(number % 7 == 0),
            consent=consents[number % 4],
        )
        for number in range(400)
    ]
    events = [plain_event(f"evt-{data['customer_id']}", **data) for data in customers]
    store = open_store(f"sqlite:///{tmp_path}/store.db", campaign="spring")
    services = Services(bundle, policy(**rules), store, None, None, "queue")

    outcomes = process_batch([message(events)], services, NOW, is_held=lambda _: True)
    worker = {o.decision.customer_id: o.decision for o in outcomes if o.decision is not None}
    client = client_of(parts_with(bundle, **rules))
    for content in (customers, events):
        console = results(post(client, content))

        assert 400 == len(worker) == len(console)
        for result in console:
            decision = worker[result["customer_id"]]
            assert decision.score.hex() == result["score"].hex()
            assert (decision.lead, decision.tier, decision.threshold) == (
                result["lead"],
                result["tier"],
                result["threshold"],
            )
            assert decision.model.model_dump() == result["model"]
    assert {True, False} == {decision.lead for decision in worker.values()}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_what_a_worker_accepts_is_scored(client: FlaskClient, path: Path) -> None:
    response = post(client, path.read_bytes())

    assert (200, 0) == (response.status_code, response.json and response.json["faulty"])


def test_a_thousand_customers_are_scored_and_one_more_is_too_many(client: FlaskClient) -> None:
    data = [customer(customer_id=str(number)) for number in range(1001)]

    accepted, refused = post(client, data[:1000]), post(client, data)

    assert (200, 1000) == (accepted.status_code, accepted.json and accepted.json["scored"])
    assert 413 == refused.status_code
    assert refused.json is not None
    assert "too_many_events" == refused.json["error"]["reason"]
    assert "1000" in refused.json["error"]["message"]


def test_a_body_of_more_than_a_mebibyte_is_refused(client: FlaskClient) -> None:
    response = post(client, b" " * (1024 * 1024 + 1))

    assert (413, "too_large") == (response.status_code, response.json and response.json["error"]["reason"])


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"", 400, "not_json"),
        (b" \n", 400, "not_json"),
        (b"[]", 400, "empty"),
        (b"{", 400, "not_json"),
        (b"\xff", 400, "not_json"),
        (b"[" * 100_000, 400, "too_deep"),
        (b"[" * 500_000 + b"]" * 500_000, 413, "too_large"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, 400, "too_deep"),
    ],
    ids=lambda value: value[:8] if isinstance(value, bytes) else None,
)
def test_a_body_that_cannot_be_read_is_refused_with_its_reason(
    client: FlaskClient, content: bytes, status: int, reason: str
) -> None:
    response = post(client, content)

    assert (status, reason) == (response.status_code, response.json and response.json["error"]["reason"])


def test_a_customer_that_is_nested_too_deep_is_rejected_alone(client: FlaskClient) -> None:
    content = [customer(highest_spend=RICH), customer(x=nested(80)), customer(highest_spend=RICH)]

    first, second, third = results(post(client, content))

    assert (1.0, 1.0) == (first["score"], third["score"])
    assert "too_deep" == second["errors"][0]["reason"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_content_type_is_refused(client: FlaskClient, content_type: str) -> None:
    """A page elsewhere can post these types without asking; JSON it cannot."""
    response = post(client, customer(), content_type)

    assert (415, "wrong_content_type") == (response.status_code, response.json and response.json["error"]["reason"])
    assert "application/json" in response.text


def test_a_packed_body_is_refused(client: FlaskClient) -> None:
    response = client.post(
        "/api/score", data=b"{}", content_type="application/json", headers={"Content-Encoding": "gzip"}
    )

    assert (415, "wrong_content_encoding") == (
        response.status_code,
        response.json and response.json["error"]["reason"],
    )


def test_neither_answer_nor_log_quotes_a_faulty_value(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    secret = "471147114711"
    contents = [
        customer(customer_id=f"{secret}\n"),
        customer(highest_spend=secret),
        customer(level=int(secret)),
        cloud_event(secret + "\x00", customer_id="1"),
        {secret: secret},
    ]

    response = post(client, contents)
    broken = post(client, f'{{"a": {secret}'.encode())

    assert secret not in response.text + broken.text + caplog.text


def test_an_error_that_nobody_foresaw_shows_no_trace(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    broken = bundle._replace(model=object())  # type: ignore[arg-type]  that is the point

    response = post(client_of(parts_with(broken)), customer())

    assert response.json is not None
    assert (500, "unforeseen") == (response.status_code, response.json["error"]["reason"])
    assert "Traceback" not in response.text
    assert "object" not in response.text
    assert response.json["error"]["request_id"] in caplog.text
