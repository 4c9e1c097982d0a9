"""What the AWS ports do when AWS throttles, refuses, or does a part of what it was asked."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from ports import PATIENCE_S, Message, Put, Unavailable
from ports.aws.client import (
    ATTEMPTS,
    CONNECT_TIMEOUT_S,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    READ_TIMEOUT_S,
    Calls,
    config,
)
from ports.aws.queue import SqsQueue, open_sqs
from ports.aws.store import DynamoStore
from ports.aws.topic import SnsTopic
from ports.protocols import not_counted
from schemas.decision import Decision
from schemas.lead import Lead

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/events"
ARN = "arn:aws:sns:eu-west-1:123456789012:leads"
MESSAGES = [Message(f"id-{number}", f"receipt-{number}", b"{}", 1) for number in range(3)]

pytestmark = pytest.mark.usefixtures("aws")


def failed(number: int, code: str, *, sender_fault: bool) -> dict[str, object]:
    return {"Id": str(number), "Code": code, "SenderFault": sender_fault, "Message": "secret customer"}


def done(*numbers: int) -> list[dict[str, object]]:
    return [{"Id": str(number)} for number in numbers]


@pytest.fixture
def pauses() -> list[float]:
    """Collect the pauses between attempts, in seconds; nobody waits for them."""
    return []


@pytest.fixture
def sqs() -> "SQSClient":
    return boto3.client("sqs", region_name="eu-west-1", config=config(1))


@pytest.fixture
def queue(sqs: "SQSClient", pauses: list[float]) -> SqsQueue:
    return SqsQueue(URL, sqs, sqs, Calls(URL, in_flight=1, sleep=pauses.append), wait_time_s=20)


@pytest.fixture
def sns() -> "SNSClient":
    return boto3.client("sns", region_name="eu-west-1", config=config(1))


@pytest.fixture
def topic(sns: "SNSClient", pauses: list[float]) -> SnsTopic:
    return SnsTopic(ARN, sns, Calls(ARN, in_flight=1, sleep=pauses.append))


@pytest.fixture
def dynamodb() -> "DynamoDBClient":
    return boto3.client("dynamodb", region_name="eu-west-1", config=config(1))


@pytest.fixture
def store(dynamodb: "DynamoDBClient", pauses: list[float]) -> DynamoStore:
    return DynamoStore("decisions", dynamodb, Calls("dynamodb://decisions", in_flight=1, sleep=pauses.append))


def test_of_a_half_failed_publish_exactly_the_failed_leads_come_back(
    sns: "SNSClient", topic: SnsTopic, make_lead: Callable[..., Lead]
) -> None:
    leads = [make_lead(number) for number in range(10)]
    taken = [{"Id": str(number), "MessageId": "m"} for number in range(10) if number not in (3, 7)]
    lost = [failed(3, "InternalError", sender_fault=False), failed(7, "InvalidParameter", sender_fault=True)]
    with Stubber(sns) as stub:
        stub.add_response("publish_batch", {"Successful": taken, "Failed": lost})

        assert [leads[3], leads[7]] == topic.publish(leads)


def test_a_lead_that_the_reply_does_not_mention_is_not_known_to_be_published(
    sns: "SNSClient", topic: SnsTopic, make_lead: Callable[..., Lead]
) -> None:
    with Stubber(sns) as stub:
        stub.add_response("publish_batch", {"Successful": [{"Id": "0"}], "Failed": []})

        assert [make_lead(1)] == topic.publish([make_lead(0), make_lead(1)])


def test_one_batch_that_fails_does_not_harm_the_other(
    sns: "SNSClient", topic: SnsTopic, make_lead: Callable[..., Lead]
) -> None:
    leads = [make_lead(number) for number in range(12)]
    with Stubber(sns) as stub:
        stub.add_client_error("publish_batch", "AuthorizationError", http_status_code=403)
        stub.add_response("publish_batch", {"Successful": [{"Id": "10"}, {"Id": "11"}], "Failed": []})

        assert leads[:10] == topic.publish(leads)


def test_leads_are_cut_into_batches_that_fit_a_call_and_one_that_never_fits_comes_back(
    sns: "SNSClient", topic: SnsTopic, make_lead: Callable[..., Lead]
) -> None:
    large = [make_lead(number, customer_id="x" * 150_000) for number in range(2)]
    monster = make_lead(9, customer_id="x" * 262_144)
    with Stubber(sns) as stub:
        stub.add_response("publish_batch", {"Successful": [{"Id": "0"}]})
        stub.add_response("publish_batch", {"Successful": [{"Id": "2"}]})

        assert [monster] == topic.publish([large[0], monster, large[1]])
        stub.assert_no_pending_responses()


def test_what_failed_to_be_deleted_by_fault_of_sqs_is_tried_once_more_and_the_rest_comes_back(
    sqs: "SQSClient", queue: SqsQueue
) -> None:
    unlucky = [failed(1, "InternalError", sender_fault=False), failed(2, "ReceiptHandleIsInvalid", sender_fault=True)]
    again = {"QueueUrl": URL, "Entries": [{"Id": "1", "ReceiptHandle": "receipt-1"}]}
    with Stubber(sqs) as stub:
        stub.add_response("delete_message_batch", {"Successful": done(0), "Failed": unlucky})
        stub.add_response("delete_message_batch", {"Successful": done(1), "Failed": []}, again)

        assert [MESSAGES[2]] == queue.delete(MESSAGES)
        stub.assert_no_pending_responses()


def test_what_fails_twice_comes_back_and_is_not_tried_a_third_time(sqs: "SQSClient", queue: SqsQueue) -> None:
    all_failed = {"Successful": [], "Failed": [failed(n, "InternalError", sender_fault=False) for n in range(3)]}
    with Stubber(sqs) as stub:
        stub.add_response("delete_message_batch", all_failed)
        stub.add_response("delete_message_batch", all_failed)

        assert MESSAGES == queue.delete(MESSAGES)


def test_a_lease_is_lost_when_sqs_says_so_and_not_when_it_throttles(sqs: "SQSClient", queue: SqsQueue) -> None:
    reply = {
        "Successful": done(0),
        "Failed": [
            failed(1, "AWS.SimpleQueueService.MessageNotInflight", sender_fault=True),
            failed(2, "RequestThrottled", sender_fault=True),
        ],
    }
    with Stubber(sqs) as stub:
        stub.add_response("change_message_visibility_batch", reply)
        stub.add_response(
            "change_message_visibility_batch",
            {"Successful": [], "Failed": [failed(2, "RequestThrottled", sender_fault=True)]},
        )

        assert [MESSAGES[1]] == queue.set_visibility([(message, 60) for message in MESSAGES])


@pytest.mark.parametrize("code", ["AccessDenied", "AWS.SimpleQueueService.NonExistentQueue"])
def test_a_refused_call_extends_nothing_but_loses_no_lease(sqs: "SQSClient", queue: SqsQueue, code: str) -> None:
    with Stubber(sqs) as stub:
        stub.add_client_error("change_message_visibility_batch", code, http_status_code=403)

        assert [] == queue.set_visibility([(message, 60) for message in MESSAGES])


def test_a_message_that_is_not_taken_has_no_id(sqs: "SQSClient", queue: SqsQueue) -> None:
    taken = [{"Id": "0", "MessageId": "m-0", "MD5OfMessageBody": "x"}]
    with Stubber(sqs) as stub:
        stub.add_response(
            "send_message_batch",
            {"Successful": taken, "Failed": [failed(1, "InvalidMessageContents", sender_fault=True)]},
        )

        assert ["m-0", None, None] == queue.send([b"{}", b"\x01", b"\xff\xfe no text"])


def test_messages_that_are_too_large_together_go_in_several_calls(sqs: "SQSClient", queue: SqsQueue) -> None:
    with Stubber(sqs) as stub:
        for number in range(2):
            reply = {"Id": str(number), "MessageId": f"m-{number}", "MD5OfMessageBody": "x"}
            stub.add_response("send_message_batch", {"Successful": [reply], "Failed": []})

        assert ["m-0", "m-1"] == queue.send([b"x" * 600_000, b"x" * 600_000])
        stub.assert_no_pending_responses()


def test_messages_of_the_first_call_are_kept_when_the_second_one_fails(sqs: "SQSClient", queue: SqsQueue) -> None:
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
    with Stubber(sqs) as stub:
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
    sqs: "SQSClient", queue: SqsQueue, pauses: list[float]
) -> None:
    with Stubber(sqs) as stub:
        stub.add_client_error("receive_message", "RequestThrottled", http_status_code=400)

        with pytest.raises(Unavailable, match=r"sqs:ReceiveMessage failed on https://sqs.*: RequestThrottled"):
            queue.receive(10, 20, 60)
    assert [] == pauses


def test_a_throttled_update_is_tried_again_after_a_growing_pause(
    dynamodb: "DynamoDBClient", store: DynamoStore, pauses: list[float], decide: Callable[..., Decision]
) -> None:
    with Stubber(dynamodb) as stub:
        stub.add_client_error("update_item", "ProvisionedThroughputExceededException", http_status_code=400)
        stub.add_client_error("update_item", "InternalServerError", http_status_code=500)
        stub.add_client_error("update_item", "ThrottlingException", http_status_code=400)

        assert [Put("failed", None)] == store.put([decide()])
        stub.assert_no_pending_responses()

    assert 2 == len(pauses)
    assert 0.1 <= pauses[0] <= 0.2 <= pauses[1] <= 0.3


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"])
def test_a_refused_update_is_not_tried_again(
    dynamodb: "DynamoDBClient", store: DynamoStore, pauses: list[float], decide: Callable[..., Decision], code: str
) -> None:
    with Stubber(dynamodb) as stub:
        stub.add_client_error("update_item", code, http_status_code=400)

        assert [Put("failed", None)] == store.put([decide()])
    assert [] == pauses


def test_reads_that_are_refused_raise_and_name_the_way_out(dynamodb: "DynamoDBClient", store: DynamoStore) -> None:
    with Stubber(dynamodb) as stub:
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
    dynamodb: "DynamoDBClient", store: DynamoStore, decide: Callable[..., Decision]
) -> None:
    with Stubber(dynamodb) as stub:
        stub.add_client_error("update_item", "AccessDeniedException", http_status_code=400)

        store.settle_withdrawals([decide()])


def test_a_service_out_of_reach_is_tried_three_times_in_all(
    sqs: "SQSClient", queue: SqsQueue, pauses: list[float]
) -> None:
    calls = []

    def unplug(**_: object) -> None:
        calls.append("call")
        raise EndpointConnectionError(endpoint_url="https://sqs.eu-west-1.amazonaws.com")

    sqs.meta.events.register_first("before-send.sqs", unplug)

    assert MESSAGES == queue.delete(MESSAGES)
    assert (3, 2) == (len(calls), len(pauses))


def test_each_kind_of_fault_is_logged_once_with_its_code_and_way_out_and_never_with_customer_data(
    sqs: "SQSClient", queue: SqsQueue, caplog: pytest.LogCaptureFixture
) -> None:
    with Stubber(sqs) as stub:
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
    queue = open_sqs(URL, wait_time_s=20, in_flight=8, on_call=not_counted)

    ordinary, patient = vars(queue._client.meta.config), vars(queue._receiver.meta.config)
    assert [5, 10, 25] == [ordinary["connect_timeout"], ordinary["read_timeout"], patient["read_timeout"]]
    assert [1, 1] == [settings["retries"]["total_max_attempts"] for settings in (ordinary, patient)]
