"""The endpoints of `infra/cluster.yaml`: all that is asked of AWS goes through them, and no data leaves by them."""

from typing import Any, Final

import pytest

from tests.delivery.least_privilege.evaluator import Ask, Statement, applies, parse
from tests.delivery.least_privilege.policies import of_role, template
from tests.delivery.templates import ACCOUNT, REGION

PRIVATE: Final = ["PrivateSubnetA", "PrivateSubnetB"]
INTERFACES: Final = {
    "sqs", "sns", "sts", "kms", "ecr.api", "ecr.dkr", "eks", "ec2", "autoscaling", "elasticloadbalancing", "logs",
    "ssm", "ssmmessages", "codedeploy-commands-secure", "cloudformation",
}  # fmt: skip
OPEN: Final = INTERFACES - {"sqs", "sns", "sts", "kms", "ecr.api", "ecr.dkr"}
"""Endpoints to what steers and carries no data: the caller's role decides alone."""


def endpoints() -> dict[str, dict[str, Any]]:
    """Return the properties of the endpoints, by the service that they lead to."""
    found = template("cluster").of_type("AWS::EC2::VPCEndpoint").values()
    return {str(properties["ServiceName"]).removeprefix(f"com.amazonaws.{REGION}."): properties for properties in found}


def let_through(service: str) -> list[Statement]:
    """Return the statements of an endpoint's policy."""
    return parse(endpoints()[service]["PolicyDocument"], of_resource=True)


def test_every_service_that_is_called_has_its_endpoint_in_both_zones() -> None:
    found = endpoints()

    assert INTERFACES | {"s3", "dynamodb"} == set(found)
    for service in INTERFACES:
        assert PRIVATE == found[service]["SubnetIds"], service
        assert found[service]["PrivateDnsEnabled"] is True, service
    assert all(found[service]["RouteTableIds"] == ["PrivateRoutes"] for service in ("s3", "dynamodb"))


def test_endpoints_take_https_from_the_network_and_open_nothing() -> None:
    group = template("cluster").of_type("AWS::EC2::SecurityGroup")["EndpointSecurityGroup"]
    [rule] = group["SecurityGroupIngress"]

    assert ("tcp", 443, 443, "10.0.0.0/16") == (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["CidrIp"])
    assert ["127.0.0.1/32"] == [out["CidrIp"] for out in group["SecurityGroupEgress"]]


@pytest.mark.parametrize("role", ["WorkerRole", "ConsoleRole", "ScalerRole"])
def test_an_endpoint_lets_through_all_that_pods_are_granted(role: str) -> None:
    """KMS is asked by the services themselves and not by pods."""
    granted = of_role("cluster", role)
    asked = [
        Ask(action, resource, granted.principal, {})
        for statement in granted.statements
        for action in statement.actions
        for resource in statement.resources
        if not action.startswith("kms:")
    ]
    stopped = [
        ask for ask in asked if not any(applies(rule, ask) for rule in let_through(ask.action.partition(":")[0]))
    ]

    assert asked
    assert [] == stopped


@pytest.mark.parametrize(
    ("service", "action", "resource"),
    [
        ("sqs", "sqs:SendMessage", "arn:aws:sqs:eu-west-1:999999999999:leadline-events"),
        ("sqs", "sqs:DeleteQueue", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:leadline-events"),
        ("sns", "sns:Publish", "arn:aws:sns:eu-west-1:999999999999:leadline-leads"),
        ("dynamodb", "dynamodb:UpdateItem", "arn:aws:dynamodb:eu-west-1:999999999999:table/leadline-decisions"),
        ("sts", "sts:AssumeRoleWithWebIdentity", "arn:aws:iam::999999999999:role/leadline-worker"),
        ("s3", "s3:PutObject", "arn:aws:s3:::somebody-elses/leads.json"),
        ("ecr.dkr", "ecr:PutImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/leadline/worker"),
        ("kms", "kms:Decrypt", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/data"),
    ],
)
def test_data_cannot_leave_by_an_endpoint_even_with_credentials_of_others(
    service: str, action: str, resource: str
) -> None:
    ask = Ask(action, resource, "arn:aws:iam::999999999999:role/thief", {"aws:ResourceAccount": "999999999999"})

    assert not any(applies(rule, ask) for rule in let_through(service))


def test_endpoints_without_a_policy_are_those_that_carry_no_data() -> None:
    assert OPEN == {service for service, properties in endpoints().items() if "PolicyDocument" not in properties}


def test_the_deployer_gets_what_it_starts_from_through_the_endpoint_of_s3() -> None:
    """Packages, the agent, releases and kubectl; where a bucket lies in another region, none of it would come."""
    ours = {"aws:ResourceAccount": ACCOUNT}
    wanted = [
        Ask("s3:GetObject", f"arn:aws:s3:::al2023-repos-{REGION}-de612dc2/core/x.rpm", "*", {}),
        Ask("s3:GetObject", f"arn:aws:s3:::aws-codedeploy-{REGION}/latest/install", "*", {}),
        Ask("s3:GetObject", f"arn:aws:s3:::prod-{REGION}-starport-layer-bucket/layer", "*", {}),
        Ask("s3:GetObject", f"arn:aws:s3:::leadline-models-{ACCOUNT}-{REGION}/tools/kubectl-1.35.6", "*", ours),
        Ask("s3:PutObject", f"arn:aws:s3:::leadline-models-{ACCOUNT}-{REGION}/current/release.json", "*", ours),
    ]

    assert [] == [ask for ask in wanted if not any(applies(rule, ask) for rule in let_through("s3"))]
