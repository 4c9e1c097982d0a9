"""A request is recorded as what IAM is asked for it; one that is not understood is an error, and never overlooked."""

import json
from typing import Any, Final

import pytest

from tests.contract.answering import Answer, Request
from tests.delivery.least_privilege.policies import Grant, Granted
from tests.delivery.least_privilege.recorder import Recorder, Recording
from tests.delivery.least_privilege.requests import Needed, Unreadable
from tests.delivery.least_privilege.statements import parse
from tests.delivery.stack import client

QUEUE: Final = "arn:aws:sqs:eu-west-1:123456789012:leadline-events"
TABLE: Final = "arn:aws:dynamodb:eu-west-1:123456789012:table/leadline-decisions"
KEY: Final = "arn:aws:kms:eu-west-1:123456789012:key/1234"
RECORDER: Final = Recorder(
    {QUEUE: KEY, TABLE: KEY, "arn:aws:s3:::models": KEY}, {"alias/leadline-signing": KEY}, "CodeDeployDefault.AllAtOnce"
)


def signed(service: str, method: str, path: str, body: object = b"", **headers: str) -> Request:
    """Return a request as a client signs it."""
    scope = f"AWS4-HMAC-SHA256 Credential=local/20260115/eu-west-1/{service}/aws4_request, Signature=0"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    target = headers.get("target", "")
    api = f"{service}:{target.rpartition('.')[2]}"
    return Request(api, method, path, {"Authorization": scope, "X-Amz-Target": target}, content)


def needs(request: Request, status: int = 200) -> set[tuple[str, str]]:
    return {(one.action, one.resource) for one in RECORDER.needs(request, status)}


def test_a_batch_needs_the_right_of_one_message_and_the_key_of_its_queue() -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/leadline-events"
    send = signed("sqs", "POST", "/", {"QueueUrl": url}, target="AmazonSQS.SendMessageBatch")
    delete = signed("sqs", "POST", "/", {"QueueUrl": url}, target="AmazonSQS.DeleteMessageBatch")

    assert {("sqs:SendMessage", QUEUE), ("kms:GenerateDataKey", KEY), ("kms:Decrypt", KEY)} == needs(send)
    assert {("sqs:DeleteMessage", QUEUE)} == needs(delete)
    via = [dict(one.context)["kms:ViaService"] for one in RECORDER.needs(send, 200) if one.resource == KEY]
    assert ["sqs.eu-west-1.amazonaws.com"] * 2 == via


def test_a_query_of_an_index_needs_the_index_and_the_key_of_its_table() -> None:
    asked = {"TableName": "leadline-decisions", "IndexName": "leads-by-score"}

    assert {("dynamodb:Query", f"{TABLE}/index/leads-by-score"), ("kms:Decrypt", KEY)} == needs(
        signed("dynamodb", "POST", "/", asked, target="DynamoDB_20120810.Query")
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("PUT", "/models/incoming/bundle.zip", 200, {"s3:PutObject", "kms:GenerateDataKey"}),
        ("GET", "/models/current/release.json", 200, {"s3:GetObject", "kms:Decrypt"}),
        ("GET", "/models/current/release.json", 404, {"s3:GetObject", "kms:Decrypt", "s3:ListBucket"}),
        ("GET", "/models/a?versionId=1", 200, {"s3:GetObjectVersion", "kms:Decrypt"}),
        ("GET", "/models?list-type=2&prefix=releases%2F", 200, {"s3:ListBucket"}),
        ("GET", "/models?versions&prefix=current%2F", 200, {"s3:ListBucketVersions"}),
    ],
)
def test_a_request_to_s3_is_named(method: str, path: str, status: int, expected: set[str]) -> None:
    assert expected == {action for action, _ in needs(signed("s3", method, path), status)}


def test_the_prefix_of_a_list_is_what_a_condition_may_look_at() -> None:
    [one] = RECORDER.needs(signed("s3", "GET", "/models?list-type=2&prefix=releases%2F"), 200)

    assert Needed("s3:ListBucket", "arn:aws:s3:::models", (("s3:prefix", "releases/"),)) == one


def test_a_key_is_known_by_its_alias() -> None:
    asked = {"KeyId": "alias/leadline-signing", "SigningAlgorithm": "ECDSA_SHA_256"}
    [one] = RECORDER.needs(signed("kms", "POST", "/", asked, target="TrentService.Sign"), 200)

    assert Needed("kms:Sign", KEY, (("kms:SigningAlgorithm", "ECDSA_SHA_256"),)) == one


def test_who_starts_a_deployment_registers_its_revision_and_reads_how_it_is_deployed() -> None:
    asked = {"applicationName": "leadline", "deploymentGroupName": "leadline-prod"}
    start = signed("codedeploy", "POST", "/", asked, target="CodeDeploy_20141006.CreateDeployment")
    here = "arn:aws:codedeploy:eu-west-1:123456789012"

    assert {
        ("codedeploy:CreateDeployment", f"{here}:deploymentgroup:leadline/leadline-prod"),
        ("codedeploy:RegisterApplicationRevision", f"{here}:application:leadline"),
        ("codedeploy:GetDeploymentConfig", f"{here}:deploymentconfig:CodeDeployDefault.AllAtOnce"),
    } == needs(start)


@pytest.mark.parametrize(
    "request_",
    [
        signed("s3", "GET", "/models/a?acl"),
        signed("s3", "GET", "/models/a?versions"),
        signed("s3", "PUT", "/models/a?tagging"),
        signed("s3", "PUT", "/models"),
        signed("s3", "DELETE", "/models/a"),
        signed("lambda", "POST", "/", target="x.Invoke"),
        Request("sns:?", "POST", "/", {}, b""),
    ],
)
def test_a_request_that_is_not_understood_is_an_error(request_: Request) -> None:
    with pytest.raises(Unreadable, match="teach"):
        RECORDER.needs(request_, 200)


def test_what_is_noted_is_what_was_asked_meanwhile_and_by_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is not understood is told at the end, though a thread of the server has met it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with Recording(lambda _: Answer(200, b"{}"), RECORDER) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        table = client("dynamodb")
        table.describe_table(TableName="before")
        with server.noting() as noted:
            table.describe_table(TableName="a")
            with server.aside():
                table.describe_table(TableName="b")
        with pytest.raises(Unreadable), server.noting():
            client("events").list_rules()

    assert {Needed("dynamodb:DescribeTable", "arn:aws:dynamodb:eu-west-1:123456789012:table/a")} == noted


def granted(*statements: dict[str, Any]) -> Granted:
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "S", "Effect": "Allow", **one} for one in statements]}
    return Granted("arn:aws:iam::123456789012:role/x", tuple(parse(policy)))


def test_a_right_that_is_missing_is_seen() -> None:
    policy = granted({"Action": "sqs:SendMessage", "Resource": QUEUE})

    assert policy.verdict(Needed("sqs:SendMessage", QUEUE)).allowed
    assert not policy.verdict(Needed("sqs:ReceiveMessage", QUEUE)).allowed


def test_a_right_too_many_is_seen_one_by_one() -> None:
    """Of each action, each resource and each value of a condition."""
    policy = granted(
        {"Action": ["sqs:SendMessage", "sqs:PurgeQueue"], "Resource": [QUEUE, f"{QUEUE}-dlq"]},
        {"Action": "kms:Decrypt", "Resource": KEY, "Condition": {"StringEquals": {"kms:ViaService": ["a", "b"]}}},
    )
    asked = [Needed("sqs:SendMessage", QUEUE), Needed("kms:Decrypt", KEY, (("kms:ViaService", "a"),))]

    assert [
        Grant("S", "sqs:SendMessage", f"{QUEUE}-dlq", ""),
        Grant("S", "sqs:PurgeQueue", QUEUE, ""),
        Grant("S", "sqs:PurgeQueue", f"{QUEUE}-dlq", ""),
        Grant("S", "kms:Decrypt", KEY, "b"),
    ] == policy.unused(asked)
