"""`infra/pipeline.yaml`: what starts a run, in which order it goes, what stops it, and who can reach the deployer."""

import json
from typing import Any, Final

import pytest

from tests.delivery.least_privilege.policies import data, of_role, template
from tests.delivery.least_privilege.requests import Needed
from tests.delivery.templates import INFRA, Template

READ: Final = ("GetObject", "GetObjectVersion")
CONNECTION: Final = {
    "ConnectionArn": "arn:aws:codeconnections:eu-west-1:111122223333:connection/00000000-0000-0000-0000-000000000000",
    "RepositoryId": "bank/leadline",
}


def pipeline(**parameters: str) -> Template:
    """Return the template with other parameters than its defaults."""
    return Template(INFRA / "pipeline.yaml", parameters, {**data().exports, **template("cluster").exports})


def one(kind: str, where: Template | None = None) -> dict[str, Any]:
    """Return the properties of the only resource of a type."""
    [properties] = (where or template("pipeline")).of_type(kind).values()
    return properties


def actions(where: Template | None = None) -> dict[str, dict[str, Any]]:
    """Return the pipeline's actions in their order, by stage and name."""
    stages = one("AWS::CodePipeline::Pipeline", where)["Stages"]
    return {f"{stage['Name']}/{action['Name']}": action for stage in stages for action in stage["Actions"]}


@pytest.mark.parametrize("parameters", [{}, CONNECTION, {"BaseImage": f"base@sha256:{'0' * 64}"}])
def test_all_that_is_taken_from_other_stacks_is_exported_by_them(parameters: dict[str, str]) -> None:
    """`properties` fails on what nobody exports, and on what is not in the template."""
    where = pipeline(**parameters)

    assert all(where.properties(name) is not None for name in where.resources)


def test_a_release_is_built_then_approved_then_deployed() -> None:
    assert ["Source/Code", "Source/Model", "Build/Build", "Approve/Approve", "Deploy/Deploy"] == list(actions())
    assert [{"Name": "Code"}, {"Name": "Model"}] == actions()["Build/Build"]["InputArtifacts"]
    assert "Code" == actions()["Build/Build"]["Configuration"]["PrimarySource"]
    assert actions()["Build/Build"]["OutputArtifacts"] == actions()["Deploy/Deploy"]["InputArtifacts"]
    assert data().exports["leadline-AlarmTopicArn"] == actions()["Approve/Approve"]["Configuration"]["NotificationArn"]


def test_a_pushed_bundle_starts_a_run_by_its_event() -> None:
    """Which takes a bucket with versions that tells EventBridge; the source then asks for nothing itself."""
    source = actions()["Source/Model"]["Configuration"]
    pattern = template("pipeline").properties("ModelPushed")["EventPattern"]
    bucket = data().properties("ModelsBucket")

    assert ("incoming/bundle.zip", "false") == (source["S3ObjectKey"], source["PollForSourceChanges"])
    assert {"name": [source["S3Bucket"]]} == pattern["detail"]["bucket"]
    assert {"key": [source["S3ObjectKey"]]} == pattern["detail"]["object"]
    assert "V2" == one("AWS::CodePipeline::Pipeline")["PipelineType"]
    assert source["S3Bucket"] == bucket["BucketName"]
    assert {"Status": "Enabled"} == bucket["VersioningConfiguration"]
    assert {"EventBridgeConfiguration": {"EventBridgeEnabled": True}} == bucket["NotificationConfiguration"]


def test_a_commit_starts_a_run_whichever_repository_it_is_in() -> None:
    pattern = template("pipeline").properties("CodePushed")["EventPattern"]
    elsewhere = pipeline(**CONNECTION)

    assert "false" == actions()["Source/Code"]["Configuration"]["PollForSourceChanges"]
    assert [actions()["Source/Code"]["Configuration"]["BranchName"]] == pattern["detail"]["referenceName"]
    assert "true" == actions(elsewhere)["Source/Code"]["Configuration"]["DetectChanges"]
    assert "bank/leadline" == actions(elsewhere)["Source/Code"]["Configuration"]["FullRepositoryId"]
    assert not {"CodeRepository", "CodePushed"} & set(elsewhere.resources)


def test_with_a_connection_the_pipeline_may_use_it_and_no_repository_of_codecommit() -> None:
    policies = pipeline(**CONNECTION).properties("PipelineRole")["Policies"]
    [policy] = [policy for policy in policies if policy["PolicyName"] == "take-the-code"]
    [statement] = policy["PolicyDocument"]["Statement"]

    assert {"codeconnections:UseConnection", "codestar-connections:UseConnection"} == set(statement["Action"])
    assert CONNECTION["ConnectionArn"] == statement["Resource"]


def test_both_events_start_this_pipeline_and_may_start_no_other() -> None:
    rules = template("pipeline").of_type("AWS::Events::Rule").values()
    arn = template("pipeline").arn("Pipeline")
    [policy] = template("pipeline").properties("StartRole")["Policies"]

    assert [arn] * 2 == [target["Arn"] for rule in rules for target in rule["Targets"]]
    assert [arn] == [statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]]


def test_the_build_is_told_where_things_are_by_names_that_the_program_does_not_refuse() -> None:
    """An unknown LEADLINE_* is an error there."""
    variables = {
        variable["Name"]: variable for variable in one("AWS::CodeBuild::Project")["Environment"]["EnvironmentVariables"]
    }

    assert {
        "MODELS_BUCKET", "HOLDOUT_BUCKET", "SIGNING_KEY", "WORKER_REPOSITORY", "CONSOLE_REPOSITORY", "DATA_SCIENCE_KEY",
        "WORKER_TARGET",
    } == set(variables)  # fmt: skip
    assert data().exports["leadline-ModelsBucketName"] == variables["MODELS_BUCKET"]["Value"]
    assert data().exports["leadline-HoldoutBucketName"] == variables["HOLDOUT_BUCKET"]["Value"]
    assert variables["SIGNING_KEY"]["Value"].endswith(":" + data().properties("SigningKeyAlias")["AliasName"])
    assert "PARAMETER_STORE" == variables["DATA_SCIENCE_KEY"]["Type"]


def test_the_base_image_is_named_to_the_build_only_if_somebody_names_one() -> None:
    base = f"python@sha256:{'0' * 64}"
    variables = one("AWS::CodeBuild::Project", pipeline(BaseImage=base))["Environment"]["EnvironmentVariables"]

    assert {"Name": "BASE_IMAGE", "Value": base} in variables


def test_artifacts_are_kept_in_versions_encrypted_and_for_https_only() -> None:
    bucket, policy = one("AWS::S3::Bucket"), one("AWS::S3::BucketPolicy")["PolicyDocument"]
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    [statement] = policy["Statement"]

    assert {"Status": "Enabled"} == bucket["VersioningConfiguration"]
    assert template("pipeline").arn("PipelineKey") == rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    assert {True} == set(bucket["PublicAccessBlockConfiguration"].values())
    assert ("Deny", "*", {"Bool": {"aws:SecureTransport": "false"}}) == (
        statement["Effect"], statement["Principal"], statement["Condition"],
    )  # fmt: skip


def test_builds_that_were_never_released_do_not_push_out_the_image_that_is_served() -> None:
    """What bears a tag goes only beyond 2000; every build tags its images."""
    repositories = template("pipeline").of_type("AWS::ECR::Repository")

    assert {"leadline/worker", "leadline/console"} == {one["RepositoryName"] for one in repositories.values()}
    for repository in repositories.values():
        rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        untagged, tagged = (rule["selection"] for rule in sorted(rules, key=lambda rule: rule["rulePriority"]))
        assert {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14} == (
            untagged
        )
        assert ("tagged", ["*"]) == (tagged["tagStatus"], tagged["tagPatternList"])
        assert ("imageCountMoreThan", 2000) == (tagged["countType"], tagged["countNumber"])


def test_what_is_deployed_is_kept_for_a_rollback_and_what_it_was_built_from_is_not() -> None:
    """By CodePipeline's keys: 20 letters of the pipeline's name, 10 of the artifact's."""
    rules = one("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    days = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule}
    folder = one("AWS::CodePipeline::Pipeline")["Name"][:20]

    def kept(action: str) -> int:
        [artifact] = actions()[action]["OutputArtifacts"]
        return int(days.pop(f"{folder}/{artifact['Name'][:10]}/"))

    assert (90, 90, 731) == (kept("Source/Code"), kept("Source/Model"), kept("Build/Build"))
    assert {} == days, "a rule for what nobody writes"
    assert all(rule["Status"] == "Enabled" for rule in rules)


def test_whoever_pushes_code_needs_no_right_on_a_key() -> None:
    """With a key of ours each of them, and the pipeline, would; AWS's own asks for none."""
    assert {"RepositoryName", "RepositoryDescription"} == set(template("pipeline").properties("CodeRepository"))


def test_a_deployment_that_fails_is_rolled_back_and_no_alarm_stops_one() -> None:
    """One old dead letter keeps its alarm on: a model that makes them must be replaceable all the same."""
    group = one("AWS::CodeDeploy::DeploymentGroup")
    allowed = json.dumps(one_role("CodeDeployRole"))

    assert {"Enabled": True, "Events": ["DEPLOYMENT_FAILURE"]} == group["AutoRollbackConfiguration"]
    assert "AlarmConfiguration" not in group
    assert "cloudwatch:" not in allowed


def one_role(name: str) -> list[dict[str, Any]]:
    """Return the statements of a role's policies."""
    policies = template("pipeline").properties(name)["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def may_deployer(action: str, resource: str, **context: str) -> bool:
    """Tell whether the deployer may do something to a bucket or an object, named as bucket and key."""
    named = tuple((name.replace("_", ":"), value) for name, value in context.items())
    return of_role("pipeline", "DeployerRole").verdict(Needed(action, f"arn:aws:s3:::{resource}", named)).allowed


def test_the_deployer_reads_what_the_build_hands_on_and_never_the_code() -> None:
    """The hooks of a revision check it themselves: of the code nobody has checked anything."""
    bucket, pipe = one("AWS::S3::Bucket")["BucketName"], one("AWS::CodePipeline::Pipeline")["Name"][:20]
    names = {key: one["Name"] for key, action in actions().items() for one in action.get("OutputArtifacts", ())}

    def may_read(action: str) -> bool:
        keys = [may_deployer(f"s3:{verb}", f"{bucket}/{pipe}/{names[action][:10]}/x") for verb in READ]
        assert 1 == len(set(keys))
        return keys[0]

    assert {"Source/Code": False, "Source/Model": False, "Build/Build": True} == {key: may_read(key) for key in names}
    assert [{"Name": names["Build/Build"]}] == actions()["Deploy/Deploy"]["InputArtifacts"]
    assert not may_deployer("s3:PutObject", f"{bucket}/{pipe}/{names['Build/Build']}/x")


def test_the_deployer_writes_validated_releases_and_finds_them_again_and_nothing_else() -> None:
    models = data().properties("ModelsBucket")["BucketName"]
    note, others = "validated/1-aaaaaaa.json", ("incoming/bundle.zip", "releases/1.zip", "bundles/1.zip")

    assert all(may_deployer(f"s3:{verb}", f"{models}/{note}") for verb in ("PutObject", "GetObject"))
    assert may_deployer("s3:PutObject", f"{models}/current/release.json")
    assert not any(may_deployer("s3:PutObject", f"{models}/{key}") for key in others)
    assert not may_deployer("s3:DeleteObject", f"{models}/{note}")
    assert may_deployer("s3:ListBucket", models, s3_prefix=note)
    assert not may_deployer("s3:ListBucket", models)
    assert not any(may_deployer("s3:ListBucket", models, s3_prefix=key) for key in others)


def test_the_build_can_tell_a_deleted_record_from_one_that_was_never_there() -> None:
    models = data().properties("ModelsBucket")["BucketName"]
    asked = Needed("s3:ListBucketVersions", f"arn:aws:s3:::{models}", (("s3:prefix", "current/release.json"),))

    assert of_role("pipeline", "BuildRole").verdict(asked).allowed


def test_a_new_deployer_is_one_at_once_and_need_not_pass_the_hooks_first() -> None:
    """By its auto-scaling group CodeDeploy would terminate one that fails them, and with it the way to the API."""
    group = one("AWS::CodeDeploy::DeploymentGroup")
    [tag] = one("AWS::AutoScaling::AutoScalingGroup")["Tags"]

    assert [{"Key": tag["Key"], "Value": tag["Value"], "Type": "KEY_AND_VALUE"}] == group["Ec2TagFilters"]
    assert tag["PropagateAtLaunch"] is True
    assert "AutoScalingGroups" not in group
    assert "DeployerGroup" == template("pipeline").resources["DeploymentGroup"]["DependsOn"]
    assert "autoscaling:" not in json.dumps(template("pipeline").properties("CodeDeployRole"))


def test_nothing_can_connect_to_the_deployer_and_it_connects_by_https_only() -> None:
    group = one("AWS::EC2::SecurityGroup")
    rules = template("pipeline").of_type("AWS::EC2::SecurityGroupIngress").values()

    assert "SecurityGroupIngress" not in group
    assert [("tcp", 443, 443)] * 2 == [
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]
    ]
    assert "0.0.0.0/0" not in json.dumps(group)
    assert [template("cluster").exports["leadline-ClusterSecurityGroupId"]] == [rule["GroupId"] for rule in rules]


def test_the_deployer_is_one_machine_without_a_key_in_a_private_subnet() -> None:
    machine, group = one("AWS::EC2::LaunchTemplate")["LaunchTemplateData"], one("AWS::AutoScaling::AutoScalingGroup")
    [disk] = machine["BlockDeviceMappings"]

    assert not {"KeyName", "NetworkInterfaces"} & set(machine)
    assert {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1} == machine[
        "MetadataOptions"
    ]
    assert disk["Ebs"]["Encrypted"] is True
    assert ("1", "1") == (group["MinSize"], group["MaxSize"])
    assert ["PrivateSubnetA", "PrivateSubnetB"] == group["VPCZoneIdentifier"]


def test_a_deployer_that_does_not_start_fails_its_stack() -> None:
    group = template("pipeline").resources["DeployerGroup"]

    assert 1 == group["CreationPolicy"]["ResourceSignal"]["Count"]
    assert group["UpdatePolicy"]["AutoScalingRollingUpdate"]["WaitOnResourceSignals"] is True
    assert ["DeployerAccess", "ApiFromDeployer"] == group["DependsOn"]


def test_in_the_cluster_the_deployer_is_a_group_that_a_role_of_one_namespace_is_bound_to() -> None:
    entry = one("AWS::EKS::AccessEntry")
    bound = (INFRA.parent / "k8s" / "base" / "platform" / "deployer.yaml").read_text()

    assert ["leadline-deployer"] == entry["KubernetesGroups"]
    assert "AccessPolicies" not in entry
    assert template("pipeline").arn("DeployerRole") == entry["PrincipalArn"]
    assert "kind: Group\n    name: leadline-deployer" in bound
    assert "ClusterRole" not in bound
