"""`infra/data.yaml` deployed through CloudFormation in moto, behind a server that notes what requests need."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import boto3
import pytest

from tests.delivery.least_privilege.policies import STEWARD, aliases, data, encrypted, how_deployed
from tests.delivery.least_privilege.recorder import Recorder, Recording
from tests.delivery.templates import REGION
from tests.functional.serial_moto import SerialMoto

NAME: Final = "leadline-data"
NOT_IN_MOTO: Final = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }
)
"""Types of resources that moto's CloudFormation passes over. A test fails when one of them needs no mention here."""


class Stack(NamedTuple):
    """What was made, and the server that answers for it."""

    server: Recording
    moto: SerialMoto
    outputs: Mapping[str, str]
    made: Mapping[str, str]
    """Physical ids, by logical id; what moto passed over has none."""

    def settings(self, lane: str = "") -> dict[str, str]:
        """Return a worker's settings that name the stack's queues, topic and table; the lane is "" or "Canary"."""
        out = self.outputs
        dead_letters = {} if lane else {"dlq": out["DeadLetterQueueUrl"]}
        return dead_letters | {
            "queue": out[f"{lane}EventsQueueUrl"],
            "quarantine": out[f"{lane}QuarantineQueueUrl"],
            "store": f"dynamodb://{out[f'{lane}DecisionsTableName']}",
            "topic": out[f"{lane}LeadsTopicArn"],
        }


@contextmanager
def deployed() -> Iterator[Stack]:
    """Deploy the template, and set the AWS_* variables so that whoever runs meanwhile reaches it."""
    moto = SerialMoto()
    moto.reset()
    with (
        Recording(moto, Recorder(encrypted(), aliases(), how_deployed())) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        patch.setenv("AWS_REGION", REGION)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "local")
        outputs, made = _create()
        _make_what_moto_passes_over()
        yield Stack(server, moto, outputs, made)
        moto.reset()


def client(service: str) -> Any:  # noqa: ANN401  of any service
    """Return a client of the stack's region."""
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def _create() -> tuple[dict[str, str], dict[str, str]]:
    cloudformation = client("cloudformation")
    with warnings.catch_warnings():
        for kind in NOT_IN_MOTO:  # of any other type the warning is an error
            warnings.filterwarnings("ignore", f"Tried to parse {kind} ", UserWarning)
        cloudformation.create_stack(
            StackName=NAME,
            TemplateBody=data().path.read_text(),
            Parameters=[{"ParameterKey": "DataStewardArn", "ParameterValue": STEWARD}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        [stack] = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
        listed = cloudformation.list_stack_resources(StackName=NAME)["StackResourceSummaries"]
    assert "CREATE_COMPLETE" == stack["StackStatus"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return outputs, {
        one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed if one.get("PhysicalResourceId")
    }


def _make_what_moto_passes_over() -> None:
    """
    Make, from the same template, the subscription; turn on the versions of buckets; sign with a key that signs.

    Policies stay away: moto would judge a bucket's without its conditions, and knows no others. Our own evaluator
    judges them all. Of alarms nothing here makes use.
    """
    for one in data().of_type("AWS::SNS::Subscription").values():
        raw = {"RawMessageDelivery": str(one["RawMessageDelivery"]).lower()}
        client("sns").subscribe(
            TopicArn=one["TopicArn"], Protocol=one["Protocol"], Endpoint=one["Endpoint"], Attributes=raw
        )
    for one in data().of_type("AWS::S3::Bucket").values():
        client("s3").put_bucket_versioning(
            Bucket=one["BucketName"], VersioningConfiguration=one["VersioningConfiguration"]
        )
    for alias in data().of_type("AWS::KMS::Alias").values():
        key = data().properties(alias["TargetKeyId"])
        if "KeySpec" in key:
            made = client("kms").create_key(KeySpec=key["KeySpec"], KeyUsage=key["KeyUsage"])["KeyMetadata"]["KeyId"]
            client("kms").update_alias(AliasName=alias["AliasName"], TargetKeyId=made)
