"""What people may do whose policy no program of ours uses: it opens what its name says, and not what lies beside it."""

import json
from typing import Any, Final

import pytest

from tests.delivery.least_privilege.evaluator import Ask, judge
from tests.delivery.least_privilege.policies import PERSON, STEWARD, data, owner_of, policies_in, template
from tests.delivery.least_privilege.statements import Statement, parse
from tests.delivery.templates import ACCOUNT, INFRA, REGION, Template
from tests.delivery.test_least_privilege import SHIPPED

UNPROGRAMMED: Final = {
    "StewardPolicy": "the steward puts files with the AWS CLI",
    "OnCallPolicy": "kubectl, the AWS CLI and its session plugin ask for it",
    "ApprovePolicy": "a person approves, in the console or with the AWS CLI",
}
"""Managed policies that nothing here can be run against, with the reason; the others are held against what is asked."""
USER_ID: Final = "AROAEXAMPLE:alice"
HOLDOUT, DATA_KEY = data().arn("HoldoutBucket"), data().arn("DataKey")
EVENTS: Final = data().arn("EventsQueue")
DOCUMENT: Final = f"arn:aws:ssm:{REGION}::document/AWS-StartPortForwardingSessionToRemoteHost"
INSTANCE: Final = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"
PIPELINE: Final = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:leadline"
LOGS: Final = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
DEPLOYMENTS: Final = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup"
SESSION: Final = f"arn:aws:ssm:{REGION}:{ACCOUNT}:session"
KEY_USES: Final = ("GenerateDataKey", "Decrypt")
EVERYTHING: Final = {
    "Version": "2012-10-17",
    "Statement": {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"},
}
CHECKED: Final = {"ssm:SessionDocumentAccessCheck": "true"}
DEPLOYER: Final = {"ssm:resourceTag/Name": "leadline-deployer"}
MINE, HERS = ({"ssm:resourceTag/aws:ssmmessages:session-id": f"AROAEXAMPLE:{name}"} for name in ("alice", "eve"))


def statements(policy: str) -> list[Statement]:
    """Return a managed policy as it is for one person, whose id stands for the variable."""
    document = json.dumps(data().properties(policy)["PolicyDocument"])
    return parse(json.loads(document.replace("${aws:userid}", USER_ID)))


def may(policy: str, action: str, resource: str, principal: str = PERSON, **context: str) -> bool:
    """Tell whether somebody may with this policy alone, the resource's own policy included."""
    known = {"aws:PrincipalArn": principal, "aws:SecureTransport": "true"} | context
    return judge(
        Ask(action, resource, principal, known), statements(policy), policies_in(data()).get(owner_of(resource))
    ).allowed


def via(service: str) -> dict[str, Any]:
    """Return what KMS knows of a request that a service makes in somebody's name."""
    return {"kms:ViaService": f"{service}.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT}


def test_a_policy_for_people_is_held_against_a_program_or_has_a_reason_why_not() -> None:
    held = {one.name for one in SHIPPED.values() if one.where == "people"}

    assert set(data().of_type("AWS::IAM::ManagedPolicy")) == held | set(UNPROGRAMMED)
    assert not held & set(UNPROGRAMMED)


@pytest.mark.parametrize(
    ("name", "policy"),
    [("leadline-steward", "StewardPolicy"), ("leadline-oncall", "OnCallPolicy"), ("leadline-approve", "ApprovePolicy")],
)
def test_a_policy_bears_the_name_that_people_attach_and_is_exported(name: str, policy: str) -> None:
    assert name == data().properties(policy)["ManagedPolicyName"]
    assert data().arn(policy) == data().exports[f"leadline-{policy}Arn"]


def test_the_steward_puts_encrypted_files_and_cannot_read_them_again() -> None:
    """The bucket lets the steward put; the policy adds the key, through S3 alone."""
    file = f"{HOLDOUT}/holdout/data1.csv"

    assert may("StewardPolicy", "s3:PutObject", file, STEWARD)
    assert all(may("StewardPolicy", f"kms:{use}", DATA_KEY, STEWARD, **via("s3")) for use in KEY_USES)
    assert not may("StewardPolicy", "kms:GenerateDataKey", DATA_KEY, STEWARD)
    assert not may("StewardPolicy", "kms:Decrypt", DATA_KEY, STEWARD, **via("sqs"))
    assert not may("StewardPolicy", "s3:GetObject", file, STEWARD)


def test_the_policy_of_the_steward_makes_nobody_else_one() -> None:
    assert not may("StewardPolicy", "s3:PutObject", f"{HOLDOUT}/holdout/data1.csv")


def test_on_call_forwards_a_port_through_the_deployer_and_gets_no_shell_anywhere() -> None:
    """AWS asks for the machine and, since the check is asked for, for the document: a shell is another document."""
    start = "ssm:StartSession"

    assert may("OnCallPolicy", start, INSTANCE, **DEPLOYER, **CHECKED)
    assert may("OnCallPolicy", start, DOCUMENT, **CHECKED)
    for shell in ("SSM-SessionManagerRunShell", "AWS-StartSSHSession", "AWS-StartInteractiveCommand"):
        for account in ("", ACCOUNT):
            assert not may("OnCallPolicy", start, f"arn:aws:ssm:{REGION}:{account}:document/{shell}", **CHECKED)
    assert not may("OnCallPolicy", start, INSTANCE, **CHECKED, **{"ssm:resourceTag/Name": "leadline-node"})
    assert not may("OnCallPolicy", start, INSTANCE, **CHECKED)


def test_the_document_is_checked_in_every_statement_that_starts_a_session() -> None:
    """AWS checks it only then; without it the machine's own grant would be a grant of a shell."""
    starting = [one for one in statements("OnCallPolicy") if "ssm:StartSession" in one.actions]
    checks = [
        condition.values
        for one in starting
        for condition in one.conditions
        if (condition.operator, condition.key) == ("BoolIfExists", "ssm:SessionDocumentAccessCheck")
    ]

    assert [("true",)] * 2 == checks
    assert len(checks) == len(starting)


def test_the_machine_is_found_by_the_tag_that_the_pipeline_gives_it() -> None:
    [group] = template("pipeline").of_type("AWS::AutoScaling::AutoScalingGroup").values()

    assert [DEPLOYER["ssm:resourceTag/Name"]] == [tag["Value"] for tag in group["Tags"] if tag["Key"] == "Name"]


def test_on_call_ends_own_sessions_and_not_those_of_others() -> None:
    assert may("OnCallPolicy", "ssm:TerminateSession", f"{SESSION}/alice-1", **MINE)
    assert may("OnCallPolicy", "ssmmessages:OpenDataChannel", f"{SESSION}/{USER_ID}-1")
    assert not may("OnCallPolicy", "ssm:TerminateSession", f"{SESSION}/eve-1", **HERS)
    assert not may("OnCallPolicy", "ssm:ResumeSession", f"{SESSION}/eve-1", **HERS)
    assert not may("OnCallPolicy", "ssmmessages:OpenDataChannel", f"{SESSION}/AROAEXAMPLE:eve-1")


def test_on_call_sees_cluster_backlog_and_deployments_and_stops_one() -> None:
    cluster = template("cluster").exports["leadline-ClusterArn"]

    assert may("OnCallPolicy", "eks:DescribeCluster", cluster)
    assert may("OnCallPolicy", "sqs:GetQueueAttributes", EVENTS)
    assert may("OnCallPolicy", "codedeploy:ListDeployments", f"{DEPLOYMENTS}:leadline/leadline-prod")
    assert may("OnCallPolicy", "codedeploy:StopDeployment", f"{DEPLOYMENTS}:leadline/leadline-prod")
    for action, resource in (
        ("eks:UpdateClusterConfig", cluster),
        ("eks:DescribeCluster", f"{cluster}-other"),
        ("sqs:ReceiveMessage", EVENTS),
        ("sqs:PurgeQueue", EVENTS),
        ("codedeploy:CreateDeployment", f"{DEPLOYMENTS}:leadline/leadline-prod"),
        ("codepipeline:PutApprovalResult", f"{PIPELINE}/Approve/Approve"),
    ):
        assert not may("OnCallPolicy", action, resource), action


def test_an_approver_approves_the_one_action_that_asks_for_it() -> None:
    [pipeline] = template("pipeline").of_type("AWS::CodePipeline::Pipeline").values()
    asking = {
        f"{PIPELINE}/{stage['Name']}/{action['Name']}": action["ActionTypeId"]["Category"] == "Approval"
        for stage in pipeline["Stages"]
        for action in stage["Actions"]
    }

    assert 1 == sum(asking.values())
    assert asking == {arn: may("ApprovePolicy", "codepipeline:PutApprovalResult", arn) for arn in asking}


def test_an_approver_reads_what_is_asked_for_and_what_the_gate_found_and_starts_or_pushes_nothing() -> None:
    [group] = template("pipeline").of_type("AWS::Logs::LogGroup").values()
    stream = f"{LOGS}:{group['LogGroupName']}:log-stream:1"

    assert all(may("ApprovePolicy", f"codepipeline:GetPipeline{what}", PIPELINE) for what in ("", "State", "Execution"))
    assert may("ApprovePolicy", "logs:GetLogEvents", stream)
    assert may("ApprovePolicy", "logs:FilterLogEvents", f"{LOGS}:{group['LogGroupName']}:*")
    assert not may("ApprovePolicy", "logs:GetLogEvents", f"{LOGS}:/aws/eks/leadline/cluster:log-stream:1")
    assert not may("ApprovePolicy", "logs:DeleteLogStream", stream)
    assert not may("ApprovePolicy", "codepipeline:StartPipelineExecution", PIPELINE)
    assert not may("ApprovePolicy", "codepipeline:UpdatePipeline", PIPELINE)
    assert not may("ApprovePolicy", "s3:PutObject", f"{data().arn('ModelsBucket')}/incoming/bundle.zip")


def test_it_says_that_no_role_may_both_push_and_approve() -> None:
    assert "Never on the same role as leadline-push" in data().properties("ApprovePolicy")["Description"]
    assert not may("PushPolicy", "codepipeline:PutApprovalResult", f"{PIPELINE}/Approve/Approve")


@pytest.mark.parametrize("account", [ACCOUNT, "111122223333"])
def test_a_producer_sends_from_this_account_or_another(account: str) -> None:
    """Queue and key name it; only another account has to grant it the same on its own side."""
    producer = f"arn:aws:iam::{account}:role/core-banking"
    given = policies_in(Template(INFRA / "data.yaml", {"DataStewardArn": STEWARD, "ProducerPrincipals": producer}))
    own = () if account == ACCOUNT else parse(EVERYTHING)
    context = {"aws:PrincipalArn": producer, "aws:SecureTransport": "true", **via("sqs"), "kms:CallerAccount": account}

    def sends(action: str, resource: str) -> bool:
        return judge(Ask(action, resource, producer, context), own, given[resource]).allowed

    assert sends("sqs:SendMessage", EVENTS)
    assert all(sends(f"kms:{use}", DATA_KEY) for use in KEY_USES)
    assert not sends("sqs:ReceiveMessage", EVENTS)
