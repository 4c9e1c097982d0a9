"""Whom the data's own policies let in, and whom they keep out, whatever else somebody is granted."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from tests.delivery.least_privilege.evaluator import Ask, Verdict, judge
from tests.delivery.least_privilege.policies import PERSON, STEWARD, data, encrypted, owner_of, policies_in
from tests.delivery.least_privilege.statements import Statement, parse
from tests.delivery.templates import ACCOUNT, INFRA, REGION, Template

BUILD: Final = f"arn:aws:iam::{ACCOUNT}:role/leadline-build"
WORKER: Final = f"arn:aws:iam::{ACCOUNT}:role/leadline-worker"
ADMIN: Final = f"arn:aws:iam::{ACCOUNT}:role/admin"
DEPLOYER: Final = f"arn:aws:iam::{ACCOUNT}:role/leadline-deployer"
PRODUCER: Final = "arn:aws:iam::111122223333:role/core-banking"
SUBSCRIBER: Final = "arn:aws:iam::111122223333:role/marketing"
STRANGER: Final = "arn:aws:iam::111122223333:role/somebody"
EVERYTHING: Final = parse(
    {"Version": "2012-10-17", "Statement": {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}}
)
"""What an administrator of an account is granted there."""

EVENTS, LEADS, ALARMS, INBOX = (
    data().arn(name) for name in ("EventsQueue", "LeadsTopic", "AlarmTopic", "CanaryInboxQueue")
)
HOLDOUT, MODELS = data().arn("HoldoutBucket"), data().arn("ModelsBucket")
DATA_KEY, SIGNING_KEY = data().arn("DataKey"), data().arn("SigningKey")
GIVEN: Final = Template(
    INFRA / "data.yaml",
    {"DataStewardArn": STEWARD, "ProducerPrincipals": PRODUCER, "SubscriberPrincipals": SUBSCRIBER},
)


def verdict(
    action: str,
    resource: str,
    principal: str,
    identity: Sequence[Statement] = EVERYTHING,
    template: Template | None = None,
    **context: str,
) -> Verdict:
    named = {name.replace("__", ":"): value for name, value in context.items()}
    known = {"aws:PrincipalArn": principal, "aws:SecureTransport": "true"} | named
    own = policies_in(template or data()).get(owner_of(resource))
    return judge(Ask(action, resource, principal, known), identity, own)


def may(action: str, resource: str, principal: str, template: Template | None = None, **context: str) -> bool:
    """Tell whether somebody may who is granted everything in the own account."""
    return verdict(action, resource, principal, EVERYTHING, template, **context).allowed


def service_may(action: str, resource: str, service: str, **context: str) -> bool:
    """Tell whether a service may, which has no policies but the resource's."""
    return verdict(action, resource, service, [], None, **context).allowed


def via(service: str) -> dict[str, Any]:
    """Return what KMS knows of a request that a service makes in somebody's name."""
    return {"kms__ViaService": f"{service}.{REGION}.amazonaws.com", "kms__CallerAccount": ACCOUNT}


def test_every_queue_topic_bucket_and_key_has_a_policy() -> None:
    kinds = ("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket", "AWS::KMS::Key")
    things = {data().arn(name) for kind in kinds for name in data().of_type(kind)}

    assert things == set(policies_in(data()))


@pytest.mark.parametrize("resource", [arn for arn in policies_in(data()) if ":kms:" not in arn])
def test_nobody_comes_by_plain_http(resource: str) -> None:
    service = resource.split(":")[2]
    action = {"sqs": "sqs:ReceiveMessage", "sns": "sns:Publish", "s3": "s3:ListBucket"}[service]

    assert may(action, resource, WORKER)
    assert not may(action, resource, WORKER, aws__SecureTransport="false")


@pytest.mark.parametrize("resource", list(policies_in(data())))
def test_nothing_is_granted_to_anybody(resource: str) -> None:
    """Denials are for all; a grant names whom it is for."""
    assert [] == [one.sid for one in policies_in(GIVEN)[resource] if one.allows and "*" in one.principals]


def test_a_producer_of_another_account_sends_events_where_it_is_named_and_does_nothing_else() -> None:
    account: dict[str, Any] = {"kms__CallerAccount": "111122223333", "kms__ViaService": f"sqs.{REGION}.amazonaws.com"}
    for template, allowed in ((GIVEN, True), (data(), False)):
        assert allowed is may("sqs:SendMessage", EVENTS, PRODUCER, template)
        for use in ("kms:GenerateDataKey", "kms:Decrypt"):
            assert allowed is may(use, DATA_KEY, PRODUCER, template, **account)

    assert not may("sqs:ReceiveMessage", EVENTS, PRODUCER, GIVEN)
    assert not may("sqs:SendMessage", data().arn("QuarantineQueue"), PRODUCER, GIVEN)
    assert not may("kms:Decrypt", DATA_KEY, PRODUCER, GIVEN)
    assert not may("kms:Decrypt", DATA_KEY, PRODUCER, GIVEN, **{**account, **via("s3")})
    assert not may("sqs:SendMessage", EVENTS, STRANGER, GIVEN)
    assert not may("sqs:SendMessage", EVENTS, SUBSCRIBER, GIVEN)


def test_a_subscriber_of_another_account_subscribes_queues_where_it_is_named_and_does_nothing_else() -> None:
    assert may("sns:Subscribe", LEADS, SUBSCRIBER, GIVEN, sns__Protocol="sqs")
    assert not may("sns:Subscribe", LEADS, SUBSCRIBER, data(), sns__Protocol="sqs")
    assert not may("sns:Subscribe", LEADS, SUBSCRIBER, GIVEN, sns__Protocol="email")
    assert not may("sns:Publish", LEADS, SUBSCRIBER, GIVEN)
    assert not may("sns:Subscribe", LEADS, STRANGER, GIVEN, sns__Protocol="sqs")
    assert not may("sns:Subscribe", data().arn("AlarmTopic"), SUBSCRIBER, GIVEN, sns__Protocol="sqs")


def test_leads_go_to_no_mailbox_and_no_address_whoever_asks() -> None:
    assert may("sns:Subscribe", LEADS, ADMIN, sns__Protocol="sqs")
    assert not may("sns:Subscribe", LEADS, ADMIN, sns__Protocol="https")
    assert not may("sns:Subscribe", LEADS, ADMIN, sns__Protocol="email")


def test_only_the_build_reads_the_holdout_and_only_the_steward_writes_it() -> None:
    """Whoever is granted everything is kept out, too: the gate's judgement is worth what nobody has seen."""
    file = f"{HOLDOUT}/holdout/data1.csv"
    readers = [one for one in (BUILD, STEWARD, WORKER, PERSON, ADMIN) if may("s3:GetObject", file, one)]
    old = [one for one in (BUILD, STEWARD, WORKER, PERSON, ADMIN) if may("s3:GetObjectVersion", file, one)]
    writers = [one for one in (BUILD, STEWARD, WORKER, PERSON, ADMIN) if may("s3:PutObject", file, one)]
    erasers = [one for one in (BUILD, STEWARD, WORKER, PERSON, ADMIN) if may("s3:DeleteObjectVersion", file, one)]

    assert ([BUILD], [BUILD], [STEWARD], [STEWARD]) == (readers, old, writers, erasers)


@pytest.mark.parametrize("key", ["current/release.json", "validated/1-0123456.json", "validated/anything"])
def test_only_the_deployer_says_what_was_validated_and_nobody_takes_it_back(key: str) -> None:
    """Whoever is granted everything is kept out, too: `model pin` and the next gate go by it."""
    everybody = (
        BUILD,
        DEPLOYER,
        WORKER,
        PERSON,
        ADMIN,
        f"{DEPLOYER}-2",
        "arn:aws:iam::111122223333:role/leadline-deployer",
    )
    place = f"{MODELS}/{key}"

    for action in ("s3:PutObject", "s3:PutObjectTagging", "s3:ReplicateObject"):
        assert [DEPLOYER] == [one for one in everybody if may(action, place, one)]
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ReplicateDelete"):
        assert [] == [one for one in everybody if may(action, place, one)]
    assert may("s3:GetObject", place, PERSON)


def test_the_rest_of_the_models_is_left_to_the_roles_policies() -> None:
    for key in ("incoming/bundle.zip", "releases/1-0123456.zip", "bundles/1-0123456.zip"):
        assert may("s3:PutObject", f"{MODELS}/{key}", BUILD)
        assert not verdict("s3:PutObject", f"{MODELS}/{key}", BUILD, []).allowed


def test_the_steward_puts_by_the_buckets_own_grant_and_the_build_reads_by_its_roles() -> None:
    file = f"{HOLDOUT}/id.key"

    assert verdict("s3:PutObject", file, STEWARD, []).allowed
    assert not verdict("s3:GetObject", file, BUILD, []).allowed


def test_only_the_build_signs() -> None:
    """Administrators set the key up, and cannot use it; nobody uses it for anything else."""
    algorithm: dict[str, Any] = {"kms__SigningAlgorithm": "ECDSA_SHA_256"}
    everybody = (BUILD, STEWARD, WORKER, PERSON, ADMIN, PRODUCER)

    assert [BUILD] == [one for one in everybody if may("kms:Sign", SIGNING_KEY, one, GIVEN, **algorithm)]
    assert not verdict("kms:Sign", SIGNING_KEY, BUILD, [], **algorithm).allowed
    assert not may("kms:Sign", SIGNING_KEY, BUILD)
    assert may("kms:PutKeyPolicy", SIGNING_KEY, ADMIN)
    assert may("kms:GetPublicKey", SIGNING_KEY, WORKER)
    assert not may("kms:CreateGrant", SIGNING_KEY, ADMIN)


def test_the_data_key_is_used_through_the_services_by_our_roles_and_people_alone() -> None:
    for service in ("sqs", "sns", "dynamodb", "s3"):
        assert may("kms:Decrypt", DATA_KEY, WORKER, **via(service))
        assert may("kms:GenerateDataKey", DATA_KEY, PERSON, **via(service))
    assert not may("kms:Decrypt", DATA_KEY, WORKER)
    assert not may("kms:Decrypt", DATA_KEY, WORKER, **via("secretsmanager"))
    assert not may("kms:Decrypt", DATA_KEY, ADMIN)
    for service in ("sqs", "sns", "s3"):
        assert not may("kms:Decrypt", DATA_KEY, ADMIN, **via(service))
        assert not may("kms:CreateGrant", DATA_KEY, ADMIN, **via(service))


def test_whoever_makes_the_tables_lets_dynamodb_use_the_key() -> None:
    for use in ("CreateGrant", "DescribeKey", "Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom"):
        assert may(f"kms:{use}", DATA_KEY, ADMIN, **via("dynamodb"))
    assert not may("kms:CreateGrant", DATA_KEY, ADMIN)


def test_the_canarys_topic_delivers_to_its_encrypted_inbox_and_no_other_topic_does() -> None:
    canary = data().arn("CanaryLeadsTopic")
    account: dict[str, Any] = {"aws__SourceAccount": ACCOUNT}
    for source, allowed in ((canary, True), (LEADS, False), (canary.replace(ACCOUNT, "111122223333"), False)):
        assert allowed is service_may("sqs:SendMessage", INBOX, "sns.amazonaws.com", aws__SourceArn=source, **account)
        for use in ("kms:GenerateDataKey", "kms:Decrypt"):
            assert allowed is service_may(use, DATA_KEY, "sns.amazonaws.com", aws__SourceArn=source, **account)

    assert not service_may("sqs:SendMessage", EVENTS, "sns.amazonaws.com", aws__SourceArn=canary, **account)


def test_our_alarms_are_published_to_the_encrypted_topic_and_those_of_others_are_not() -> None:
    for account, allowed in ((ACCOUNT, True), ("111122223333", False)):
        alarm = f"arn:aws:cloudwatch:{REGION}:{account}:alarm:leadline-dead-letters"
        source: dict[str, Any] = {"aws__SourceArn": alarm, "aws__SourceAccount": account}

        assert allowed is service_may("sns:Publish", ALARMS, "cloudwatch.amazonaws.com", **source)
        for use in ("kms:GenerateDataKey", "kms:Decrypt"):
            assert allowed is service_may(use, DATA_KEY, "cloudwatch.amazonaws.com", **source)
    assert not service_may("sns:Publish", LEADS, "cloudwatch.amazonaws.com", aws__SourceAccount=ACCOUNT)


@pytest.mark.parametrize("kind", ["AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::DynamoDB::Table", "AWS::S3::Bucket"])
def test_everything_that_holds_data_is_encrypted_with_the_data_key(kind: str) -> None:
    assert {DATA_KEY} == {encrypted().get(data().arn(name)) for name in data().of_type(kind)}


@pytest.mark.parametrize("name", ["ModelsBucket", "HoldoutBucket"])
def test_a_bucket_keeps_versions_and_is_closed_to_the_public(name: str) -> None:
    bucket = data().properties(name)

    assert {"Status": "Enabled"} == bucket["VersioningConfiguration"]
    assert {True} == set(bucket["PublicAccessBlockConfiguration"].values())
    assert 4 == len(bucket["PublicAccessBlockConfiguration"])
    assert all(rule["Status"] == "Enabled" for rule in bucket["LifecycleConfiguration"]["Rules"])


def test_a_new_object_among_the_models_is_told_and_no_current_version_is_ever_removed() -> None:
    models = data().properties("ModelsBucket")

    assert models["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"]
    assert [] == [key for rule in models["LifecycleConfiguration"]["Rules"] for key in rule if key.startswith("Expir")]
