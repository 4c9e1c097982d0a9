"""`infra/cluster.yaml`: nothing reaches the API or a pod from outside, and pods reach AWS without the internet."""

from typing import Any, Final

import pytest

from tests.delivery.least_privilege.evaluator import parse
from tests.delivery.least_privilege.policies import data, template
from tests.delivery.templates import ACCOUNT, INFRA, REGION, Template

PRIVATE: Final = ["PrivateSubnetA", "PrivateSubnetB"]
ON_CALL: Final = "arn:aws:iam::111122223333:role/leadline-oncall"
NODES_NEED: Final = {"Ec2Endpoint", "EcrApiEndpoint", "EcrDockerEndpoint", "S3Endpoint", "StsEndpoint", "EksEndpoint"}


def cluster(**parameters: str) -> Template:
    """Return the template with other parameters than its defaults."""
    return Template(INFRA / "cluster.yaml", parameters, data().exports)


def one(kind: str, where: Template | None = None) -> dict[str, Any]:
    """Return the properties of the only resource of a type."""
    [properties] = (where or template("cluster")).of_type(kind).values()
    return properties


def test_the_api_is_reached_from_within_the_network_only() -> None:
    network = one("AWS::EKS::Cluster")["ResourcesVpcConfig"]

    assert (True, False) == (network["EndpointPrivateAccess"], network["EndpointPublicAccess"])
    assert PRIVATE == network["SubnetIds"]


def test_whoever_made_the_cluster_is_not_its_administrator_for_that() -> None:
    """Access entries say who is, and there is no ConfigMap that says it, too."""
    access = one("AWS::EKS::Cluster")["AccessConfig"]

    assert {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False} == access
    assert "AdminRoleArn" == one("AWS::EKS::AccessEntry")["PrincipalArn"]


def test_people_on_call_come_in_as_a_group_that_the_platform_binds_and_only_where_somebody_names_them() -> None:
    """EKS's own policies would let them more than the Role of operator.yaml does."""
    entries = cluster(OperatorRoleArn=ON_CALL).of_type("AWS::EKS::AccessEntry")
    bound = (INFRA.parent / "k8s" / "base" / "platform" / "operator.yaml").read_text()

    assert "OperatorAccess" not in template("cluster").resources
    assert {"ClusterName": "leadline", "PrincipalArn": ON_CALL, "Type": "STANDARD"} == {
        key: value for key, value in entries["OperatorAccess"].items() if key != "KubernetesGroups"
    }
    [group] = entries["OperatorAccess"]["KubernetesGroups"]
    assert f"kind: Group\n    name: {group}\n" in bound


def test_secrets_are_encrypted_and_all_that_the_control_plane_says_is_kept() -> None:
    properties = one("AWS::EKS::Cluster")
    logged = {kind["Type"] for kind in properties["Logging"]["ClusterLogging"]["EnabledTypes"]}

    [encryption] = properties["EncryptionConfig"]
    assert ["secrets"] == encryption["Resources"]
    assert template("cluster").arn("ClusterKey") == encryption["Provider"]["KeyArn"]
    assert {"api", "audit", "authenticator", "controllerManager", "scheduler"} == logged


@pytest.mark.parametrize("where", ["cluster", "pipeline"])
def test_logs_are_encrypted_and_end_and_their_key_may_be_used_for_them(where: str) -> None:
    """A key that does not name the group makes CloudWatch refuse the group."""
    groups = template(where).of_type("AWS::Logs::LogGroup")
    named = {
        value
        for key in template(where).of_type("AWS::KMS::Key").values()
        for statement in parse(key["KeyPolicy"], of_resource=True)
        for condition in statement.conditions
        for value in condition.values
    }

    assert groups
    assert {f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group['LogGroupName']}" for group in groups.values()} <= named
    assert all(group["RetentionInDays"] == 365 and group["KmsKeyId"] for group in groups.values())


def test_nodes_are_private_and_a_pod_cannot_borrow_a_nodes_credentials() -> None:
    group, machine = one("AWS::EKS::Nodegroup"), one("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
    [disk] = machine["BlockDeviceMappings"]

    assert PRIVATE == group["Subnets"]
    assert {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1} == machine[
        "MetadataOptions"
    ]
    assert disk["Ebs"]["Encrypted"] is True
    assert "KeyName" not in machine
    assert "RemoteAccess" not in group


def test_a_group_is_made_with_all_three_of_its_sizes() -> None:
    """EKS refuses a part of them."""
    size = one("AWS::EKS::Nodegroup")["ScalingConfig"]

    assert {"MinSize", "MaxSize", "DesiredSize"} == set(size)
    assert size["MinSize"] <= int(size["DesiredSize"]) <= size["MaxSize"]


def test_how_many_nodes_there_are_is_left_to_the_autoscaler_afterwards() -> None:
    """An update of the stack would put a DesiredSize back, in the middle of a burst."""
    later = one("AWS::EKS::Nodegroup", cluster(NodeDesired=""))

    assert {"MinSize", "MaxSize"} == set(later["ScalingConfig"])


def test_nodes_come_after_the_network_plugin_and_the_endpoints_that_they_start_by() -> None:
    waits_for = set(template("cluster").resources["Nodes"]["DependsOn"])

    assert {"VpcCniAddon", "KubeProxyAddon"} | NODES_NEED == waits_for


def test_network_policies_are_enforced() -> None:
    """The plugin accepts them and does nothing unless it is told to."""
    addons = template("cluster").of_type("AWS::EKS::Addon").values()
    [plugin] = [addon for addon in addons if addon["AddonName"] == "vpc-cni"]

    assert '{"enableNetworkPolicy": "true"}' == plugin["ConfigurationValues"]
    assert template("cluster").arn("CniRole") == plugin["ServiceAccountRoleArn"]


def test_what_pods_use_can_be_asked_for_once_there_are_nodes() -> None:
    """`kubectl top` needs the metrics server, whose pods wait for a node."""
    addons = {addon["AddonName"]: name for name, addon in template("cluster").of_type("AWS::EKS::Addon").items()}

    assert {"vpc-cni", "kube-proxy", "coredns", "metrics-server"} == set(addons)
    assert "Nodes" == template("cluster").resources[addons["metrics-server"]]["DependsOn"]


@pytest.mark.parametrize(("nat", "ways_out"), [("none", 0), ("one", 1)])
def test_there_is_no_way_to_the_internet_unless_somebody_asks_for_one(nat: str, ways_out: int) -> None:
    where = cluster(NatGateway=nat)
    out = [route for route in where.of_type("AWS::EC2::Route").values() if route["RouteTableId"] == "PrivateRoutes"]

    assert ways_out == len(out) == len(where.of_type("AWS::EC2::NatGateway"))
    assert all(route["NatGatewayId"] == "Nat" for route in out)


def test_no_subnet_gives_public_addresses_and_tags_say_which_load_balancers_go_where() -> None:
    subnets = template("cluster").of_type("AWS::EC2::Subnet")
    tags = {name: {tag["Key"]: tag["Value"] for tag in subnet["Tags"]} for name, subnet in subnets.items()}

    assert not any(subnet.get("MapPublicIpOnLaunch") for subnet in subnets.values())
    assert all(tag["kubernetes.io/cluster/leadline"] == "shared" for tag in tags.values())
    assert set(PRIVATE) == {name for name, tag in tags.items() if tag.get("kubernetes.io/role/internal-elb") == "1"}
    assert set(subnets) - set(PRIVATE) == {
        name for name, tag in tags.items() if tag.get("kubernetes.io/role/elb") == "1"
    }
    assert len(subnets) == len({subnet["CidrBlock"] for subnet in subnets.values()})


@pytest.mark.parametrize("where", ["cluster", "pipeline"])
def test_an_image_that_was_pushed_is_scanned_and_cannot_be_replaced(where: str) -> None:
    repositories = template(where).of_type("AWS::ECR::Repository")

    assert repositories
    for name, repository in repositories.items():
        assert "IMMUTABLE" == repository["ImageTagMutability"], name
        assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}, name
        assert "KMS" == repository["EncryptionConfiguration"]["EncryptionType"], name


def test_every_image_of_an_add_on_has_its_mirror() -> None:
    """The private subnets reach no public registry."""
    values = "".join(path.read_text() for path in sorted((INFRA / "addons").glob("*.yaml")))
    mirrors = {
        repository["RepositoryName"] for repository in template("cluster").of_type("AWS::ECR::Repository").values()
    }

    assert 5 == len(mirrors)
    assert all(name in values for name in mirrors)
    assert values.count("repository: ") == len(mirrors)
