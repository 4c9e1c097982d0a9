"""The policies as they are shipped: what a role or a person is granted, and what the resources say themselves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, Final, NamedTuple

from tests.delivery.least_privilege.evaluator import Ask, Verdict, applies, judge
from tests.delivery.least_privilege.requests import Needed
from tests.delivery.least_privilege.statements import Statement, parse
from tests.delivery.templates import ACCOUNT, INFRA, REGION, Template

STEWARD: Final = f"arn:aws:iam::{ACCOUNT}:role/data-steward"
PERSON: Final = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Leadline_0123"
"""A role of the kind that people take on, which one of the shipped policies is attached to."""


class Grant(NamedTuple):
    """The smallest part of a policy: one action on one resource, under one value of each condition."""

    sid: str
    action: str
    resource: str
    condition: str


class Granted(NamedTuple):
    """Everything that one principal is granted."""

    principal: str
    statements: tuple[Statement, ...]

    def verdict(self, needed: Needed) -> Verdict:
        """Judge what is needed against these policies and those of the resource."""
        own = resource_policies().get(owner_of(needed.resource))
        return judge(self._ask(needed), self.statements, own)

    def unused(self, needs: Iterable[Needed]) -> list[Grant]:
        """Return the grants that nothing of what is needed makes use of."""
        asked = [self._ask(one) for one in needs]
        return [
            Grant(one.sid, one.actions[0], one.resources[0], condition)
            for statement in self.statements
            if statement.allows
            for one, condition in _smallest(statement)
            if not any(applies(one, ask) for ask in asked)
        ]

    def _ask(self, needed: Needed) -> Ask:
        # Endpoints are https unless somebody sets another one, as tests do.
        context = dict(needed.context) | {"aws:PrincipalArn": self.principal, "aws:SecureTransport": "true"}
        return Ask(needed.action, needed.resource, self.principal, context)


def _smallest(statement: Statement) -> Iterator[tuple[Statement, str]]:
    """Take a statement apart: each action, on each resource, under each value of each condition."""
    values = [[one._replace(values=(value,)) for value in one.values] for one in statement.conditions]
    for action, resource in product(statement.actions, statement.resources):
        for conditions in product(*values):
            one = statement._replace(actions=(action,), resources=(resource,), conditions=conditions)
            yield one, " ".join(condition.values[0] for condition in conditions)


@cache
def data() -> Template:
    """Return the template of the data, with a steward."""
    return Template(INFRA / "data.yaml", {"DataStewardArn": STEWARD})


@cache
def template(name: str) -> Template:
    """Return a template by its file's name, with what the others export."""
    if name == "data":
        return data()
    imports = dict(data().exports)
    if name == "pipeline":
        imports |= template("cluster").exports
    return Template(INFRA / f"{name}.yaml", imports=imports)


def of_role(where: str, name: str) -> Granted:
    """Return what a role is granted by the policies within it."""
    role = template(where).properties(name)
    assert not role.get("ManagedPolicyArns"), f"{name} of {where}.yaml has policies of others, which nobody judges here"
    documents = [one["PolicyDocument"] for one in role.get("Policies", ())]
    return Granted(template(where).arn(name), tuple(_parsed(documents)))


def of_person(name: str) -> Granted:
    """Return what somebody is granted who has one of the shipped managed policies."""
    return Granted(PERSON, tuple(_parsed([data().properties(name)["PolicyDocument"]])))


def owner_of(resource: str) -> str:
    """Return the ARN of what has the policy: of an object its bucket."""
    return resource.partition("/")[0] if resource.startswith("arn:aws:s3:::") else resource


@cache
def resource_policies() -> Mapping[str, Sequence[Statement]]:
    """Return the policies of queues, topics, buckets and keys, by ARN."""
    return policies_in(data())


def policies_in(content: Template) -> dict[str, list[Statement]]:
    """Return the policies that a template gives to its resources, by ARN."""
    found: dict[str, list[Statement]] = {}
    for queue_policy in content.of_type("AWS::SQS::QueuePolicy").values():
        for url in queue_policy["Queues"]:
            queue = next(name for name in content.of_type("AWS::SQS::Queue") if content.resolve({"Ref": name}) == url)
            found[content.arn(queue)] = parse(queue_policy["PolicyDocument"], of_resource=True)
    for topic_policy in content.of_type("AWS::SNS::TopicPolicy").values():
        for topic in topic_policy["Topics"]:
            found[topic] = parse(topic_policy["PolicyDocument"], of_resource=True)
    for bucket_policy in content.of_type("AWS::S3::BucketPolicy").values():
        found[f"arn:aws:s3:::{bucket_policy['Bucket']}"] = parse(bucket_policy["PolicyDocument"], of_resource=True)
    for name, key in content.of_type("AWS::KMS::Key").items():
        found[content.arn(name)] = parse(key["KeyPolicy"], of_resource=True)
    return found


def encrypted() -> dict[str, str]:
    """Return the ARN of the key, by the ARN of the queue, topic, table or bucket that it encrypts."""
    content, found = data(), dict[str, str]()
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::DynamoDB::Table", "AWS::S3::Bucket"):
        for name, properties in content.of_type(kind).items():
            key = _key_of(properties)
            if key:
                found[content.arn(name)] = key
    return found


def aliases() -> dict[str, str]:
    """Return the ARNs of the keys, by alias and by the alias's ARN."""
    found = data().of_type("AWS::KMS::Alias").values()
    return {
        name: data().arn(one["TargetKeyId"])
        for one in found
        for name in (one["AliasName"], f"arn:aws:kms:{REGION}:{ACCOUNT}:{one['AliasName']}")
    }


def how_deployed() -> str:
    """Return the configuration of the deployment group, which a deployment takes over that names none."""
    [group] = template("pipeline").of_type("AWS::CodeDeploy::DeploymentGroup").values()
    return str(group["DeploymentConfigName"])


def _key_of(properties: Mapping[str, Any]) -> str | None:
    if "BucketEncryption" in properties:
        [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        return str(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"])
    key: str | None = properties.get("KmsMasterKeyId") or properties.get("SSESpecification", {}).get("KMSMasterKeyId")
    return key


def _parsed(documents: Iterable[Mapping[str, Any]]) -> Iterator[Statement]:
    for document in documents:
        yield from parse(document)
