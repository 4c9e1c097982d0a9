"""The roles of cluster and pipeline: who may take each on, and that none is granted more than can be said in a line."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from tests.delivery.least_privilege.evaluator import Statement, parse
from tests.delivery.least_privilege.policies import of_role, template
from tests.delivery.templates import ACCOUNT, INFRA

SERVICE_ACCOUNTS: Final = {
    "WorkerRole": "leadline:leadline-worker",
    "ConsoleRole": "leadline:leadline-console",
    "ScalerRole": "keda:keda-operator",
    "KedaOperatorRole": "keda:keda-operator",
    "ClusterAutoscalerRole": "kube-system:cluster-autoscaler",
    "LoadBalancerControllerRole": "kube-system:aws-load-balancer-controller",
    "CniRole": "kube-system:aws-node",
}
SERVICES: Final = {
    ("cluster", "ClusterRole"): "eks.amazonaws.com",
    ("cluster", "FlowLogRole"): "vpc-flow-logs.amazonaws.com",
    ("cluster", "NodeRole"): "ec2.amazonaws.com",
    ("pipeline", "BuildRole"): "codebuild.amazonaws.com",
    ("pipeline", "PipelineRole"): "codepipeline.amazonaws.com",
    ("pipeline", "CodeDeployRole"): "codedeploy.amazonaws.com",
    ("pipeline", "DeployerRole"): "ec2.amazonaws.com",
    ("pipeline", "StartRole"): "events.amazonaws.com",
}
NAMES: Final = {
    "WorkerRole": "leadline-worker", "ConsoleRole": "leadline-console", "ScalerRole": "leadline-scaler",
    "KedaOperatorRole": "leadline-keda-operator", "ClusterAutoscalerRole": "leadline-cluster-autoscaler",
    "LoadBalancerControllerRole": "leadline-load-balancer-controller", "BuildRole": "leadline-build",
    "PipelineRole": "leadline-pipeline", "CodeDeployRole": "leadline-codedeploy", "DeployerRole": "leadline-deployer",
}  # fmt: skip
MANAGED: Final = {
    # Written by AWS for just this; no policy of ours could say it shorter or stricter.
    "ClusterRole": {"AmazonEKSClusterPolicy"},
    "NodeRole": {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"},
    "CniRole": {"AmazonEKS_CNI_Policy"},
}
UNSCOPED: Final = {
    "a listing, which AWS scopes by no resource": {
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags",
        "logs:DescribeLogGroups", "tag:GetResources",
        *(f"ec2:Describe{thing}" for thing in (
            "AccountAttributes", "AvailabilityZones", "Images", "InstanceStatus", "InstanceTypes", "Instances",
            "InternetGateways", "LaunchTemplateVersions", "NetworkInterfaces", "RouteTables", "SecurityGroups",
            "Subnets", "Tags", "Vpcs",
        )),
        *(f"elasticloadbalancing:Describe{thing}" for thing in (
            "CapacityReservation", "ListenerAttributes", "ListenerCertificates", "Listeners", "LoadBalancerAttributes",
            "LoadBalancers", "Rules", "SSLPolicies", "Tags", "TargetGroupAttributes", "TargetGroups", "TargetHealth",
            "TrustStores",
        )),
    },
    "a login, whose token may do what other statements say": {"ecr:GetAuthorizationToken"},
    "what an agent says of its own instance, which AWS tells by the instance's credentials": {
        "codedeploy-commands-secure:GetDeploymentSpecification", "codedeploy-commands-secure:PollHostCommand",
        "codedeploy-commands-secure:PutHostCommandAcknowledgement", "codedeploy-commands-secure:PutHostCommandComplete",
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    },
}  # fmt: skip


def roles(where: str) -> dict[str, dict[str, Any]]:
    """Return the properties of a template's roles, by logical id."""
    return template(where).of_type("AWS::IAM::Role")


def statements() -> Iterator[tuple[str, Statement]]:
    """Give every statement of every role's own policies."""
    for where in ("cluster", "pipeline"):
        for name, role in roles(where).items():
            for policy in role.get("Policies", ()):
                yield from ((name, one) for one in parse(policy["PolicyDocument"]))


def trust(role: dict[str, Any]) -> dict[str, Any]:
    """Return the one statement of a trust policy, which may be written as a text."""
    document = role["AssumeRolePolicyDocument"]
    [statement] = (json.loads(document) if isinstance(document, str) else document)["Statement"]
    return dict(statement)


@pytest.mark.parametrize(("name", "account"), SERVICE_ACCOUNTS.items())
def test_a_service_accounts_role_trusts_the_token_of_that_account_and_no_other(name: str, account: str) -> None:
    """Both halves are pinned: whose token it is (sub) and whom it is made out to (aud); neither by a wildcard."""
    statement = trust(roles("cluster")[name])
    provider = template("cluster").arn("OidcProvider")
    issuer = provider.partition("oidc-provider/")[2]

    assert {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": f"system:serviceaccount:{account}"}
        },
    } == statement
    assert issuer


def test_nobody_else_takes_on_a_role_but_the_one_service_it_is_for() -> None:
    found = {
        (where, name): trust(role)["Principal"]
        for where in ("cluster", "pipeline")
        for name, role in roles(where).items()
    }

    assert {("cluster", name) for name in SERVICE_ACCOUNTS} | set(SERVICES) == set(found)
    assert SERVICES == {who: one["Service"] for who, one in found.items() if who in SERVICES}
    assert all({"Service"} == set(one) for who, one in found.items() if who in SERVICES)


def test_roles_bear_the_names_that_keys_and_manifests_know_them_by() -> None:
    everything = roles("cluster") | roles("pipeline")

    assert NAMES == {name: everything[name]["RoleName"] for name in NAMES}
    assert all(role["RoleName"].startswith("leadline-") for role in everything.values())


@pytest.mark.parametrize(
    ("addon", "path", "role"),
    [
        ("keda", "serviceAccount.operator.name", "KedaOperatorRole"),
        ("cluster-autoscaler", "rbac.serviceAccount.name", "ClusterAutoscalerRole"),
        ("load-balancer-controller", "serviceAccount.name", "LoadBalancerControllerRole"),
    ],
)
def test_an_add_ons_values_name_the_service_account_and_the_role_that_trusts_it(
    addon: str, path: str, role: str
) -> None:
    text = (INFRA / "addons" / f"{addon}.yaml").read_text()
    value = yaml.safe_load(text)
    for part in path.split("."):
        value = value[part]

    assert SERVICE_ACCOUNTS[role].partition(":")[2] == value
    assert f"arn:aws:iam::111122223333:role/{NAMES[role]} # {role}Arn" in text
    assert f"namespace {SERVICE_ACCOUNTS[role].partition(':')[0]}" in " ".join(text.split())


def test_no_role_is_granted_an_action_by_a_wildcard() -> None:
    assert [] == [(name, one.sid, action) for name, one in statements() for action in one.actions if "*" in action]


def test_every_resource_is_named_where_aws_scopes_the_action_at_all() -> None:
    """Each exception is on the list with its reason, and none is on the list that no role needs."""
    unscoped = {action for _, one in statements() if "*" in one.resources for action in one.actions}

    assert set().union(*UNSCOPED.values()) == unscoped


def test_what_is_named_belongs_to_this_account() -> None:
    """Buckets bear the account in their names; everything else in its ARN."""
    foreign = [
        (name, one.sid, resource)
        for name, one in statements()
        for resource in one.resources
        if resource != "*" and resource.split(":")[4] != ACCOUNT and f"-{ACCOUNT}-" not in resource.split(":")[5]
    ]

    assert [] == foreign


def test_policies_of_aws_are_attached_where_nothing_shorter_would_do() -> None:
    everything = roles("cluster") | roles("pipeline")
    found = {
        name: {arn.rpartition("/")[2] for arn in role["ManagedPolicyArns"]}
        for name, role in everything.items()
        if role.get("ManagedPolicyArns")
    }

    assert MANAGED == found


def test_the_scaler_may_count_events_and_nothing_else() -> None:
    grants = {
        (action, resource)
        for one in of_role("cluster", "ScalerRole").statements
        for action in one.actions
        for resource in one.resources
    }

    assert {("sqs:GetQueueAttributes", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:leadline-events")} == grants


def test_kedas_operator_is_granted_nothing() -> None:
    """Its token opens the scaler's role directly; its own role only makes EKS hand it a token."""
    assert () == of_role("cluster", "KedaOperatorRole").statements


def test_the_console_reads_and_never_writes() -> None:
    actions = {action for one in of_role("cluster", "ConsoleRole").statements for action in one.actions}

    assert {"dynamodb:Query", "kms:Decrypt"} == actions


def test_the_worker_neither_sends_events_nor_reads_what_was_set_aside() -> None:
    """Not in the lane that serves: there it would make customers up, or read what it could not."""
    served = {
        (action, resource.rpartition(":")[2])
        for one in of_role("cluster", "WorkerRole").statements
        for action in one.actions
        for resource in one.resources
        if ":sqs:" in resource and "canary" not in resource
    }

    assert ("sqs:SendMessage", "leadline-events") not in served
    assert {("sqs:GetQueueAttributes", "leadline-events-dlq")} == {one for one in served if one[1].endswith("-dlq")}
    assert {("sqs:SendMessage", "leadline-quarantine")} == {one for one in served if one[1].endswith("-quarantine")}


def test_only_the_build_signs_and_only_the_build_reads_the_hold_out() -> None:
    signers = {name for name, one in statements() if "kms:Sign" in one.actions}
    readers = {name for name, one in statements() for resource in one.resources if ":leadline-holdout-" in resource}

    assert {"BuildRole"} == signers == readers


def test_what_changes_machines_and_load_balancers_is_bound_to_this_cluster() -> None:
    """By its tag; or, where nothing bears a tag yet, by the tag that it must be given."""
    changing = [
        one
        for name in ("ClusterAutoscalerRole", "LoadBalancerControllerRole")
        for one in of_role("cluster", name).statements
        if "*" not in one.resources and any("*" in resource for resource in one.resources)
    ]
    tags = {
        "aws:ResourceTag/elbv2.k8s.aws/cluster",
        "aws:RequestTag/elbv2.k8s.aws/cluster",
        "aws:ResourceTag/eks:cluster-name",
    }
    reading = {"eks:DescribeNodegroup"}

    assert changing
    for one in changing:
        bound = {condition.key for condition in one.conditions if condition.values == ("leadline",)}
        assert tags & bound or reading == set(one.actions), one.sid


@pytest.mark.parametrize("where", ["cluster", "pipeline"])
def test_a_key_is_used_by_wildcard_by_nobody_but_the_account_that_governs_it(where: str) -> None:
    """Without it nobody could ever change the key again; what people may do, their own policies say."""
    for key in template(where).of_type("AWS::KMS::Key").values():
        wide = [
            one for one in parse(key["KeyPolicy"], of_resource=True) if any("*" in action for action in one.actions)
        ]

        assert [(f"arn:aws:iam::{ACCOUNT}:root",)] == [one.principals for one in wide]
        assert key["EnableKeyRotation"] is True
