"""Parameters of `cluster.yaml` and `pipeline.yaml`: what is out of bounds is refused before anything is made."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.delivery.templates import INFRA, Template, read
from tests.delivery.test_templates import TEMPLATES, fault

LARGEST_INLINE_BYTES: Final = 51_200
PEM: Final = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+/=\n-----END PUBLIC KEY-----\n"
CONNECTION: Final = "arn:aws:codeconnections:eu-west-1:111122223333:connection/00000000-0000-0000-0000-000000000000"
GOOD: Final[dict[tuple[str, str], list[Any]]] = {
    ("cluster", "AdminRoleArn"): ["arn:aws:iam::111122223333:role/platform", "arn:aws:iam::111122223333:role/a/b"],
    ("cluster", "KubernetesVersion"): ["1.33", "1.36"],
    ("cluster", "LogRetentionDays"): [90],
    ("cluster", "NatGateway"): ["one"],
    ("cluster", "NodeDesired"): ["", "2", "10", "100"],
    ("cluster", "NodeInstanceType"): ["m7i.xlarge", "c6a.2xlarge", "c6in.large", "r5.xlarge", "m7i-flex.large"],
    ("cluster", "NodeMaximum"): [2, 100],
    ("cluster", "NodeMinimum"): [2, 20],
    ("cluster", "NodeVolumeGiB"): [20],
    ("cluster", "OperatorRoleArn"): ["", "arn:aws:iam::111122223333:role/leadline-oncall"],
    ("cluster", "VpcCidr"): ["10.0.0.0/16", "172.31.0.0/18", "192.168.0.0/16"],
    ("pipeline", "BaseImage"): ["", f"python:3.11-slim@sha256:{'a' * 64}"],
    ("pipeline", "BranchName"): ["main", "release/1.0"],
    ("pipeline", "BuildMinutes"): [15],
    ("pipeline", "ConnectionArn"): ["", CONNECTION],
    ("pipeline", "DataScienceKey"): [PEM, PEM.rstrip(), PEM.replace("\n", "\r\n")],
    ("pipeline", "DeployerInstanceType"): ["t3.medium"],
    ("pipeline", "KubectlKey"): ["tools/kubectl-1.36.10"],
    ("pipeline", "KubectlSha256"): ["0" * 64],
    ("pipeline", "LogRetentionDays"): [1827],
    ("pipeline", "RepositoryId"): ["", "bank/leadline", "group/sub/leadline"],
    ("pipeline", "S3PrefixListId"): ["pl-6da54004", "pl-0123456789abcdef0"],
    ("pipeline", "WorkerTarget"): ["worker", "worker-lean"],
}
BAD: Final[dict[tuple[str, str], list[Any]]] = {
    ("cluster", "AdminRoleArn"): ["", "*", "platform", "arn:aws:iam::111122223333:user/me", "arn:aws:iam::1:role/x"],
    ("cluster", "KubernetesVersion"): ["1.32", "1.35.6", "2.0", "latest"],
    ("cluster", "LogRetentionDays"): [1, 364],
    ("cluster", "NatGateway"): ["yes", "two"],
    ("cluster", "NodeDesired"): ["0", "1", "101", "-2", "two", " "],
    ("cluster", "NodeInstanceType"): ["t3.micro", "m7g.large", "c7gn.large", "c7i.medium", "c7i.metal", "large"],
    ("cluster", "NodeMaximum"): [1, 101],
    ("cluster", "NodeMinimum"): [0, 1, 21],
    ("cluster", "NodeVolumeGiB"): [19, 501],
    ("cluster", "OperatorRoleArn"): ["*", "leadline-oncall", "arn:aws:iam::111122223333:user/me"],
    ("cluster", "VpcCidr"): ["8.8.8.0/24", "10.0.0.0/24", "172.32.0.0/16", "10.0.0.0"],
    ("pipeline", "BaseImage"): ["python:3.11", "python@sha256:abc"],
    ("pipeline", "BranchName"): ["", "a b", "x" * 101],
    ("pipeline", "BuildMinutes"): [14, 181],
    ("pipeline", "ConnectionArn"): ["mine", "arn:aws:codeconnections:eu-west-1:111122223333:host/x"],
    ("pipeline", "DataScienceKey"): ["", "ssh-ed25519 AAAA", PEM.replace("PUBLIC", "PRIVATE"), PEM[:40]],
    ("pipeline", "DeployerInstanceType"): ["t2.nano"],
    ("pipeline", "KubectlKey"): ["kubectl", "incoming/bundle.zip", "tools/../kubectl-1.35.6"],
    ("pipeline", "KubectlSha256"): ["", "0" * 63, "G" * 64],
    ("pipeline", "LogRetentionDays"): [0],
    ("pipeline", "RepositoryId"): ["leadline", "https://example.com/bank/leadline"],
    ("pipeline", "S3PrefixListId"): ["", "pl-", "com.amazonaws.eu-west-1.s3"],
    ("pipeline", "WorkerTarget"): ["", "console", "lean"],
}


def bounded(where: str) -> dict[str, dict[str, Any]]:
    """Return the parameters that we bound; AWS judges those of a type of its own."""
    declared = read(INFRA / f"{where}.yaml")["Parameters"]
    return {name: one for name, one in declared.items() if not one["Type"].startswith("AWS::")}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_is_small_enough_to_be_sent_as_it_is(template: Path) -> None:
    """A larger one has to lie in a bucket first: `aws cloudformation deploy` would want --s3-bucket."""
    assert template.stat().st_size <= LARGEST_INLINE_BYTES


@pytest.mark.parametrize("values", [GOOD, BAD], ids=["good", "bad"])
def test_every_parameter_is_tried(values: dict[tuple[str, str], list[Any]]) -> None:
    assert {(where, name) for where in ("cluster", "pipeline") for name in bounded(where)} == set(values)


@pytest.mark.parametrize(("where", "name"), list(BAD))
def test_a_parameter_takes_what_is_meant_and_nothing_else(where: str, name: str) -> None:
    declared = bounded(where)[name]

    assert [] == [value for value in GOOD[where, name] if fault(declared, value) is not None]
    assert [] == [value for value in BAD[where, name] if fault(declared, value) is None]


@pytest.mark.parametrize(
    ("connection", "repository", "taken"),
    [("", "", True), (CONNECTION, "bank/leadline", True), (CONNECTION, "", False), ("", "bank/leadline", False)],
)
def test_half_a_connection_is_refused(connection: str, repository: str, taken: bool) -> None:
    where = Template(INFRA / "pipeline.yaml", {"ConnectionArn": connection, "RepositoryId": repository})
    [assertion] = where.content["Rules"]["OneSource"]["Assertions"]

    assert taken is where._holds(assertion["Assert"])
    assert "both ConnectionArn and RepositoryId, or neither" in assertion["AssertDescription"]
