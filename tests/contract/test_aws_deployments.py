"""Deployments by CodeDeploy: what is asked, and what is made of the answers. Stubbed by the service's own model."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from ports import BadAddress, Deployment, Hook, Revision, Unavailable, open_deployments
from ports.aws.deployments import CodeDeploy
from ports.aws.sdk import SdkCalls
from tests.contract.conftest import REGION

if TYPE_CHECKING:
    from mypy_boto3_codedeploy.client import CodeDeployClient

ID: Final = "d-ABCDEF123"
MOMENT: Final = datetime(2026, 1, 15, tzinfo=UTC)
REVISION: Final = Revision("models", "releases/1-0000000.zip", "0f")
ASKED: Final[dict[str, Any]] = {
    "applicationName": "leadline",
    "deploymentGroupName": "leadline-prod",
    "revision": {
        "revisionType": "S3",
        "s3Location": {"bucket": "models", "key": "releases/1-0000000.zip", "bundleType": "zip", "eTag": "0f"},
    },
    "description": "why",
    "fileExistsBehavior": "OVERWRITE",
}

Stubbed = tuple[CodeDeploy, Stubber]


@pytest.fixture
def stubbed(aws: None) -> Iterator[Stubbed]:  # noqa: ARG001  so that no credentials are looked for
    """Make a group of which every answer is said beforehand; whoever asks for more fails."""
    client: CodeDeployClient = boto3.client("codedeploy", region_name=REGION)
    with Stubber(client) as stubber:
        calls = SdkCalls("CodeDeploy leadline/leadline-prod", sleep=lambda _: None)
        yield CodeDeploy("leadline", "leadline-prod", client, calls), stubber


def test_a_deployment_is_of_one_content_of_one_object(stubbed: Stubbed) -> None:
    group, stubber = stubbed
    stubber.add_response("create_deployment", {"deploymentId": ID}, ASKED)

    assert ID == group.start(REVISION, "why")


@pytest.mark.usefixtures("aws")
def test_it_starts_in_moto_as_well() -> None:
    client = boto3.client("codedeploy", region_name=REGION)
    client.create_application(applicationName="leadline", computePlatform="Server")
    role = "arn:aws:iam::111122223333:role/deploy"
    client.create_deployment_group(applicationName="leadline", deploymentGroupName="leadline-prod", serviceRoleArn=role)
    group = open_deployments("leadline", "leadline-prod")

    assert Deployment("Created", "", None) == group.state(group.start(REVISION, "why"))


def test_a_start_that_failed_is_not_tried_again_since_it_could_have_started(stubbed: Stubbed) -> None:
    group, stubber = stubbed
    stubber.add_client_error("create_deployment", "ThrottlingException", http_status_code=400)

    with pytest.raises(Unavailable, match="codedeploy:CreateDeployment failed"):
        group.start(REVISION, "why")
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (
            "ApplicationDoesNotExistException",
            BadAddress,
            "no deployment group leadline-prod of an application leadline",
        ),
        ("DeploymentGroupDoesNotExistException", BadAddress, "check --application"),
        ("DeploymentLimitExceededException", Unavailable, "another deployment of leadline/leadline-prod runs"),
        ("AccessDeniedException", Unavailable, "allow the action"),
    ],
)
def test_why_it_does_not_start_is_told(stubbed: Stubbed, code: str, kind: type[Exception], said: str) -> None:
    group, stubber = stubbed
    stubber.add_client_error("create_deployment", code, http_status_code=400)

    with pytest.raises(kind, match=said):
        group.start(REVISION, "why")


def test_a_failed_deployment_tells_its_reason_and_which_one_puts_the_old_release_back(stubbed: Stubbed) -> None:
    group, stubber = stubbed
    info = {
        "deploymentId": ID,
        "status": "Failed",
        "errorInformation": {"code": "HEALTH_CONSTRAINTS", "message": "Too many instances failed."},
        "rollbackInfo": {"rollbackDeploymentId": "d-BACK", "rollbackTriggeringDeploymentId": ID},
    }
    stubber.add_client_error("get_deployment", "ThrottlingException", http_status_code=400)
    stubber.add_response("get_deployment", {"deploymentInfo": info}, {"deploymentId": ID})

    state = group.state(ID)

    assert Deployment("Failed", "HEALTH_CONSTRAINTS: Too many instances failed.", "d-BACK") == state
    assert state.is_over


def test_the_hooks_come_in_order_with_what_their_scripts_said(stubbed: Stubbed) -> None:
    group, stubber = stubbed
    events = [
        {"lifecycleEventName": "BeforeInstall", "status": "Succeeded", "startTime": MOMENT, "endTime": MOMENT},
        {
            "lifecycleEventName": "AfterInstall",
            "status": "Failed",
            "diagnostics": {
                "errorCode": "ScriptFailed",
                "scriptName": "deploy/hooks/rehearse.sh",
                "logTail": "no lead\n",
            },
        },
    ]
    target = {"deploymentId": ID, "targetId": "i-1", "status": "Failed", "lifecycleEvents": events}
    stubber.add_response("list_deployment_targets", {"targetIds": ["i-1"]}, {"deploymentId": ID})
    stubber.add_response(
        "batch_get_deployment_targets",
        {"deploymentTargets": [{"deploymentTargetType": "InstanceTarget", "instanceTarget": target}]},
        {"deploymentId": ID, "targetIds": ["i-1"]},
    )

    assert [Hook("BeforeInstall", "Succeeded", ""), Hook("AfterInstall", "Failed", "no lead\n")] == group.hooks(ID)


def test_before_an_instance_has_taken_it_up_there_are_no_hooks(stubbed: Stubbed) -> None:
    group, stubber = stubbed
    stubber.add_response("list_deployment_targets", {"targetIds": []}, {"deploymentId": ID})

    assert [] == group.hooks(ID)


def test_codedeploy_that_is_away_is_told(stubbed: Stubbed, monkeypatch: pytest.MonkeyPatch) -> None:
    group, _ = stubbed

    def away(**_: object) -> object:
        raise EndpointConnectionError(endpoint_url="https://codedeploy")

    for call in ("create_deployment", "get_deployment", "list_deployment_targets"):
        monkeypatch.setattr(group._client, call, away)

    for ask in (lambda: group.start(REVISION, ""), lambda: group.state(ID), lambda: group.hooks(ID)):
        with pytest.raises(Unavailable, match="EndpointConnectionError"):
            ask()
