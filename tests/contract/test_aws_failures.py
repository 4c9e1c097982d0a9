"""What the AWS ports do when AWS throttles, refuses, or does a part of what it was asked."""

import logging
import socket
from collections.abc import Callable, Iterator

import pytest

from ports import PATIENCE_S, Message, Put, Transport, Unavailable
from ports.aws.client import ATTEMPTS, FIRST_PAUSE_S, LONGEST_PAUSE_S, Calls
from ports.aws.queue import SqsQueue, open_sqs
from ports.aws.sdk import SdkSide
from ports.aws.sides import CONNECT_TIMEOUT_S, READ_TIMEOUT_S
from ports.aws.store import DynamoStore
from ports.aws.topic import SnsTopic
from ports.aws.transport import open_side
from ports.protocols import not_counted
from schemas.decision import Decision
from schemas.lead import Lead
from tests.contract.answering import Answer, Answering
from tests.contract.scripted import Script

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/events"
ARN = "arn:aws:sns:eu-west-1:123456789012:leads"
MESSAGES = [Message(f"id-{number}", f"receipt-{number}", b"{}", 1) for number in range(3)]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what a call is signed with."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


@pytest.fixture(params=["boto3", "direct"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Say how calls are made."""
    name: Transport = request.param
    return name


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Start a service that answers by a script."""
    with Answering(lambda _: Answer(500, b"")) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
        yield Script(service)


def failed(number: int, code: str, *, sender_fault: bool) -> dict[str, object]:
    return {"Id": str(number), "Code": code, "SenderFault": sender_fault, "Message": "secret customer"}


def done(*numbers: int) -> list[dict[str, object]]:
    return [{"Id": str(number)} for number in numbers]


@pytest.fixture
def pauses() -> list[float]:
    """Collect the pauses between attempts, in seconds; nobody waits for them."""
    return []


@pytest.fixture
def queue(script: Script, transport: Transport, pauses: list[float]) -> SqsQueue:
    assert script.url
    return open_sqs_with(transport, pauses)


def open_sqs_with(transport: Transport, pauses: list[float]) -> SqsQueue:
    side = open_side("sqs", "eu-west-1", transport=transport, in_flight=1, on_call=not_counted, wait_time_s=20)
    return SqsQueue(URL, side, Calls(URL, sleep=pauses.append), wait_time_s=20)


@pytest.fixture
def topic(script: Script, transport: Transport, pauses: list[float]) -> SnsTopic:
    assert script.url
    side = open_side("sns", "eu-west-1", transport=transport, in_flight=1, on_call=not_counted)
    return SnsTopic(ARN, side, Calls(ARN, sleep=pauses.append))


@pytest.fixture
def store(script: Script, transport: Transport, pauses: list[float]) -> DynamoStore:
    assert script.url
    side = open_side("dynamodb", "eu-west-1", transport=transport, in_flight=1, on_call=not_counted)
    return DynamoStore("decisions", side, Calls("dynamodb://decisions", sleep=pauses.append))


def test_of_a_half_failed_publish_exactly_the_failed_leads_come_back(
    script: Script, topic: SnsTopic, make_lead: Callable[..., Lead]
) -> None:
    leads = [make_lead(number) for number in range(10)]
    taken = [{"Id": str(number), "MessageId": "m"} for number in range(10) if number not in (3, 7)]
    lost = [failed(3, "InternalError", sender_fault=False), failed(7, "InvalidParameter", sender_fault=True)]
    with script.played() as stub:
        stub.add_response("publish_batch", {"Successful": taken, "Failed": lost})

        assert [leads[3], leads[7]] == topic.publish(leads)


def test_a_lead_that_the_reply_does_not_mention_is_not_known_to_be_published(
    script: Script, topic: SnsTopic, make_lead: Callable[..., Lead]
) -> None:
    with script.played() as stub:
        stub.add_response("publish_batch", {"Successful": [{"Id": "0"}], "Failed": []})

        assert [make_lead(1)] == topic.publish([make_lead(0), make_lead(1)])


def test_one_batch_that_fails_does_not_harm_the_other(
    script: Script, topic: SnsTopic, make_lead: Callable[..., Lead]
) -> None:
    leads = [make_lead(number) for number in range(12)]
    with script.played() as stub:
        stub.add_client_error("publish_batch", "AuthorizationError", http_status_code=403)
        stub.add_response("publish_batch", {"Successful": [{"Id": "10"}, {"Id": "11"}], "Failed": []})

        assert leads[:10] == topic.publish(leads)


def test_leads_are_cut_into_batches_that_fit_a_call_and_one_that_never_fits_comes_back(
    script: Script, topic: SnsTopic, make_lead: Callable[..., Lead]
) -> None:
    large = [make_lead(number, customer_id="x" * 150_000) for number in range(2)]
    monster = make_lead(9, customer_id="x" * 262_144)
    with script.played() as stub:
        stub.add_response("publish_batch", {"Successful": [{"Id": "0"}]})
        stub.add_response("publish_batch", {"Successful": [{"Id": "1"}]})

        assert [monster] == topic.publish([large[0], monster, large[1]])


def test_what_failed_to_be_deleted_by_fault_of_sqs_is_tried_once_more_and_the_rest_comes_back(
    script: Script, queue: SqsQueue
) -> None:
    unlucky = [failed(1, "InternalError", sender_fault=False), failed(2, "ReceiptHandleIsInvalid", sender_fault=True)]
    again = {"QueueUrl": URL, "Entries": [{"Id": "1", "ReceiptHandle": "receipt-1"}]}
    with script.played() as stub:
        stub.add_response("delete_message_batch", {"Successful": done(0), "Failed": unlucky})
        stub.add_response("delete_message_batch", {"Successful": done(1), "Failed": []}, again)

        assert [MESSAGES[2]] == queue.delete(MESSAGES)


def test_what_fails_twice_comes_back_and_is_not_tried_a_third_time(script: Script, queue: SqsQueue) -> None:
    all_failed = {"Successful": [], "Failed": [failed(n, "InternalError", sender_fault=False) for n in range(3)]}
    with script.played() as stub:
        stub.add_response("delete_message_batch", all_failed)
        stub.add_response("delete_message_batch", all_failed)

        assert MESSAGES == queue.delete(MESSAGES)


def test_a_lease_is_lost_when_sqs_says_so_and_not_when_it_throttles(script: Script, queue: SqsQueue) -> None:
    reply = {
        "Successful": done(0),
        "Failed": [
            failed(1, "AWS.SimpleQueueService.MessageNotInflight", sender_fault=True),
            failed(2, "RequestThrottled", sender_fault=True),
        ],
    }
    with script.played() as stub:
        stub.add_response("change_message_visibility_batch", reply)
        stub.add_response(
            "change_message_visibility_batch",
            {"Successful": [], "Failed": [failed(2, "RequestThrottled", sender_fault=True)]},
        )

        assert [MESSAGES[1]] == queue.set_visibility([(message, 60) for message in MESSAGES])


@pytest.mark.parametrize("code", ["AccessDenied", "AWS.SimpleQueueService.NonExistentQueue"])
def test_a_refused_call_extends_nothing_but_loses_no_lease(script: Script, queue: SqsQueue, code: str) -> None:
    with script.played() as stub:
        stub.add_client_error("change_message_visibility_batch", code, http_status_code=403)

        assert [] == queue.set_visibility([(message, 60) for message in MESSAGES])


def test_a_message_that_is_not_taken_has_no_id(script: Script, queue: SqsQueue) -> None:
    taken = [{"Id": "0", "MessageId": "m-0", "MD5OfMessageBody": "x"}]
    with script.played() as stub:
        stub.add_response(
            "send_message_batch",
            {"Successful": taken, "Failed": [failed(1, "InvalidMessageContents", sender_fault=True)]},
        )

        assert ["m-0", None, None] == queue.send([b"{}", b"\x01", b"\xff\xfe no text"])


def test_messages_that_are_too_large_together_go_in_several_calls(script: Script, queue: SqsQueue) -> None:
    with script.played() as stub:
        for number in range(2):
            reply = {"Id": str(number), "MessageId": f"m-{number}", "MD5OfMessageBody": "x"}
            stub.add_response("send_message_batch", {"Successful": [reply], "Failed": []})

        assert ["m-0", "m-1"] == queue.send([b"x" * 600_000, b"x" * 600_000])


def test_messages_that_failed_and_are_too_large_together_are_tried_again_in_several_calls(
    script: Script, queue: SqsQueue
) -> None:
    with script.played() as stub:
        for number in range(2):
            stub.add_response(
                "send_message_batch",
                {"Successful": [], "Failed": [failed(number, "InternalError", sender_fault=False)]},
            )
        for number in range(2):
            reply = {"Id": str(number), "MessageId": f"m-{number}", "MD5OfMessageBody": "x"}
            stub.add_response("send_message_batch", {"Successful": [reply], "Failed": []})

        assert ["m-0", "m-1"] == queue.send([b"x" * 600_000, b"x" * 600_000])


def test_messages_of_the_first_call_are_kept_when_the_second_one_fails(script: Script, queue: SqsQueue) -> None:
    ten = [
        {"MessageId": f"m-{n}", "ReceiptHandle": "r", "Body": "{}", "Attributes": {"ApproximateReceiveCount": "4"}}
        for n in range(10)
    ]
    first = {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 5,
        "VisibilityTimeout": 60,
        "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
    }
    with script.played() as stub:
        stub.add_response("receive_message", {"Messages": ten}, first)
        stub.add_client_error(
            "receive_message",
            "InternalError",
            http_status_code=500,
            expected_params=first | {"MaxNumberOfMessages": 2, "WaitTimeSeconds": 0},
        )

        received = queue.receive(12, 5.7, 60)

    assert [(f"m-{n}", 4) for n in range(10)] == [(message.id, message.receive_count) for message in received]


def test_a_receive_that_fails_says_what_and_why_and_leaves_the_next_try_to_its_loop(
    script: Script, queue: SqsQueue, pauses: list[float]
) -> None:
    with script.played() as stub:
        stub.add_client_error("receive_message", "RequestThrottled", http_status_code=400)

        with pytest.raises(Unavailable, match=r"sqs:ReceiveMessage failed on https://sqs.*: RequestThrottled"):
            queue.receive(10, 20, 60)
    assert [] == pauses


def test_a_throttled_update_is_tried_again_after_a_growing_pause(
    script: Script, store: DynamoStore, pauses: list[float], decide: Callable[..., Decision]
) -> None:
    with script.played() as stub:
        stub.add_client_error("update_item", "ProvisionedThroughputExceededException", http_status_code=400)
        stub.add_client_error("update_item", "InternalServerError", http_status_code=500)
        stub.add_client_error("update_item", "ThrottlingException", http_status_code=400)

        assert [Put("failed", None)] == store.put([decide()])

    assert 2 == len(pauses)
    assert 0.1 <= pauses[0] <= 0.2 <= pauses[1] <= 0.3


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"])
def test_a_refused_update_is_not_tried_again(
    script: Script, store: DynamoStore, pauses: list[float], decide: Callable[..., Decision], code: str
) -> None:
    with script.played() as stub:
        stub.add_client_error("update_item", code, http_status_code=400)

        assert [Put("failed", None)] == store.put([decide()])
    assert [] == pauses


def test_reads_that_are_refused_raise_and_name_the_way_out(script: Script, store: DynamoStore) -> None:
    with script.played() as stub:
        for call in ("get_item", "query", "scan"):
            stub.add_client_error(call, "AccessDeniedException", http_status_code=400)

        with pytest.raises(
            Unavailable, match=r"GetItem failed on dynamodb://decisions: AccessDenied.*allow the action"
        ):
            store.get("1")
        with pytest.raises(Unavailable, match="Query"):
            store.best(3)
        with pytest.raises(Unavailable, match="Scan"):
            list(store.scan())


def test_a_withdrawal_that_cannot_be_settled_is_no_error(
    script: Script, store: DynamoStore, decide: Callable[..., Decision]
) -> None:
    with script.played() as stub:
        stub.add_client_error("update_item", "AccessDeniedException", http_status_code=400)

        store.settle_withdrawals([decide()])


def test_a_service_out_of_reach_is_tried_three_times_in_all(
    monkeypatch: pytest.MonkeyPatch, transport: Transport, pauses: list[float]
) -> None:
    counted = []
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        side = open_side(
            "sqs", "eu-west-1", transport=transport, in_flight=1, on_call=lambda _, result: counted.append(result)
        )
        queue = SqsQueue(URL, side, Calls(URL, sleep=pauses.append), wait_time_s=20)

        assert MESSAGES == queue.delete(MESSAGES)
    assert ["EndpointConnectionError"] * 3 == counted
    assert 2 == len(pauses)


def test_each_kind_of_fault_is_logged_once_with_its_code_and_way_out_and_never_with_customer_data(
    script: Script, queue: SqsQueue, caplog: pytest.LogCaptureFixture
) -> None:
    with script.played() as stub:
        for _ in range(2):
            stub.add_client_error(
                "delete_message_batch",
                "AccessDenied",
                "secret customer",
                http_status_code=403,
                response_meta={"RequestId": "request-1"},
            )
        with caplog.at_level(logging.INFO):
            queue.delete(MESSAGES)
            queue.delete(MESSAGES)

    (record,) = caplog.records
    assert f"sqs:DeleteMessageBatch failed on {URL}: AccessDenied (request request-1)" in record.getMessage()
    assert "policy of the worker's role" in record.getMessage()
    assert "secret" not in caplog.text


def test_the_patience_that_the_stall_watch_reckons_with_covers_every_attempt_and_pause() -> None:
    pauses = (ATTEMPTS - 1) * (LONGEST_PAUSE_S + FIRST_PAUSE_S)

    assert PATIENCE_S >= ATTEMPTS * (CONNECT_TIMEOUT_S + READ_TIMEOUT_S) + pauses


def test_the_sdk_makes_one_attempt_and_waits_longer_for_a_receive_than_for_the_rest() -> None:
    side = open_sqs(URL, wait_time_s=20, in_flight=8, on_call=not_counted)._side
    assert isinstance(side, SdkSide)

    ordinary, patient = vars(side._client.meta.config), vars(side._patient["ReceiveMessage"].meta.config)
    assert [5, 10, 25] == [ordinary["connect_timeout"], ordinary["read_timeout"], patient["read_timeout"]]
    assert [1, 1] == [settings["retries"]["total_max_attempts"] for settings in (ordinary, patient)]
