"""Deployments by AWS CodeDeploy: start one of a revision that lies on S3, and follow it."""

from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from ports.aws.endpoints import region_of
from ports.aws.replies import reading, watch_calls
from ports.aws.sdk import AwsError, SdkCalls, config
from ports.protocols import BadAddress, CountCall, Deployment, Hook, Revision, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_codedeploy.client import CodeDeployClient
    from mypy_boto3_codedeploy.type_defs import DeploymentTargetTypeDef

_NOWHERE: Final = frozenset(
    {
        "ApplicationDoesNotExistException",
        "DeploymentGroupDoesNotExistException",
        "InvalidApplicationNameException",
        "InvalidDeploymentGroupNameException",
    }
)
_BUSY: Final = "DeploymentLimitExceededException"


def open_codedeploy(application: str, group: str, *, on_call: CountCall) -> "CodeDeploy":
    """
    Open a deployment group of an application; no call is made.

    Raises:
        BadAddress: Nobody names a region.
    """
    client = boto3.client("codedeploy", region_name=region_of(None), config=config(1))
    watch_calls(client, on_call)
    return CodeDeploy(application, group, client, SdkCalls(f"CodeDeploy {application}/{group}"))


class CodeDeploy:
    """A deployment group of an application."""

    def __init__(self, application: str, group: str, client: "CodeDeployClient", calls: SdkCalls) -> None:
        """
        Take a group.

        Args:
            application: Its application.
            group: Its name.
            client: Makes the calls.
            calls: Retries.
        """
        self._application, self._group, self._client, self._calls = application, group, client, calls

    def start(self, revision: Revision, description: str) -> str:
        """
        Start a deployment, and return its id. One attempt: a second could start a second deployment.

        Raises:
            BadAddress: There is no such application or group.
            Unavailable: Another deployment runs, or CodeDeploy did not answer, or refused.
        """
        try:
            reply = self._client.create_deployment(
                applicationName=self._application,
                deploymentGroupName=self._group,
                revision={
                    "revisionType": "S3",
                    "s3Location": {
                        "bucket": revision.bucket,
                        "key": revision.key,
                        "bundleType": "zip",
                        "eTag": revision.etag,
                    },
                },
                description=description,
                fileExistsBehavior="OVERWRITE",
            )
            with reading():
                return reply["deploymentId"]
        except ClientError as error:
            raise self._refused(error) from error
        except AwsError as error:
            raise self._calls.unavailable_by("codedeploy:CreateDeployment", error) from error

    def state(self, deployment: str) -> Deployment:
        """
        Tell how far a deployment is, and how its hooks went.

        Raises:
            Unavailable: CodeDeploy did not answer, or refused.
        """
        try:
            about = self._calls.retried(lambda: self._client.get_deployment(deploymentId=deployment))
            with reading():
                info = about["deploymentInfo"]
                error = info.get("errorInformation", {})
                reason = f"{error['code']}: {error.get('message', '')}" if "code" in error else ""
                back = info.get("rollbackInfo", {}).get("rollbackDeploymentId")
                return Deployment(info["status"], reason, back)
        except AwsError as error:
            raise self._calls.unavailable_by("codedeploy:GetDeployment", error) from error

    def hooks(self, deployment: str) -> list[Hook]:
        """
        Return the steps of a deployment on its instances, in order; none before an instance has taken it up.

        Raises:
            Unavailable: CodeDeploy did not answer, or refused.
        """
        try:
            ids = self._calls.retried(lambda: self._client.list_deployment_targets(deploymentId=deployment))
            targets = ids.get("targetIds", [])[:10]
            if not targets:
                return []
            found = self._calls.retried(
                lambda: self._client.batch_get_deployment_targets(deploymentId=deployment, targetIds=targets)
            )
            with reading():
                return [hook for target in found.get("deploymentTargets", []) for hook in _hooks(target)]
        except AwsError as error:
            raise self._calls.unavailable_by("codedeploy:BatchGetDeploymentTargets", error) from error

    def _refused(self, error: ClientError) -> BadAddress | Unavailable:
        code = error.response["Error"]["Code"]
        if code in _NOWHERE:
            return BadAddress(
                f"there is no deployment group {self._group} of an application {self._application} here ({code}); "
                "check --application, --group, the account and the region"
            )
        if code == _BUSY:
            return Unavailable(
                f"another deployment of {self._application}/{self._group} runs: wait for its end, or stop it"
            )
        return self._calls.unavailable_by("codedeploy:CreateDeployment", error)


def _hooks(target: "DeploymentTargetTypeDef") -> list[Hook]:
    return [
        Hook(event["lifecycleEventName"], event["status"], event.get("diagnostics", {}).get("logTail", ""))
        for event in target["instanceTarget"].get("lifecycleEvents", [])
    ]
