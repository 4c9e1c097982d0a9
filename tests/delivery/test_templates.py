"""The templates pass the tools that people check templates with; what is excepted has its reason."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.delivery.templates import INFRA, read
from tests.delivery.tools import tool

ROOT: Final = INFRA.parent
TEMPLATES: Final = sorted(path for path in INFRA.glob("*.yaml") if path.name != "checkov.yaml")
EXCEPTIONS: Final = INFRA / "checkov.yaml"
SHORTEST_REASON: Final = 40
by_name: Final = pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)


def test_cfn_lint_finds_nothing_in_any_template() -> None:
    command: list[str | Path] = [tool(".venv-delivery", "cfn-lint"), *TEMPLATES]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "", "") == (ran.returncode, ran.stdout, ran.stderr)


def test_checkov_finds_nothing_but_what_is_explained() -> None:
    """Nor is anything explained that it does not find; it makes no call to the network."""
    options = ("--framework", "cloudformation", "--skip-download", "--compact", "--output", "json")
    command: list[str | Path] = [tool(".venv-checkov", "checkov"), *options, "--file", *TEMPLATES]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode in (0, 1), ran.stderr
    found = json.loads(ran.stdout)

    assert 0 == found["summary"]["parsing_errors"]
    assert {path.name for path in TEMPLATES} == {_template(one) for one in found["results"]["passed_checks"]}
    assert [] == found["results"]["skipped_checks"], f"explain it in {EXCEPTIONS.name}"
    assert explained() == Counter(
        (one["check_id"], _template(one), one["resource"].rpartition(".")[2])
        for one in found["results"]["failed_checks"]
    )


def explained() -> Counter[tuple[str, str, str]]:
    """Return what is excepted: check, template, resource."""
    return Counter(
        (one["check"], one["template"], resource)
        for one in yaml.safe_load(EXCEPTIONS.read_text())["exceptions"]
        for resource in one["resources"]
    )


def test_every_exception_has_a_reason() -> None:
    for one in yaml.safe_load(EXCEPTIONS.read_text())["exceptions"]:
        assert {"check", "template", "resources", "reason"} == set(one)
        assert SHORTEST_REASON <= len(one["reason"].strip())


@by_name
def test_a_template_uses_no_yaml_that_cloudformation_does_not_read(template: Path) -> None:
    """It documents no aliases and no merges, though some of its tools take them."""
    events = yaml.parse(template.read_text(), yaml.SafeLoader)

    assert [] == [event for event in events if isinstance(event, yaml.AliasEvent)]


@by_name
def test_what_is_given_to_a_template_has_bounds_and_says_them(template: Path) -> None:
    """A parameter that AWS checks itself (a type of its own) needs none."""
    for name, parameter in read(template).get("Parameters", {}).items():
        bounds = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue"} & set(parameter)

        assert parameter["Type"].startswith(("AWS::", "List<AWS::")) or bounds, name
        assert not bounds or len(parameter["ConstraintDescription"]) > len(name) / 2, name
        assert ("MinValue" in parameter) == ("MaxValue" in parameter), name


@by_name
def test_a_default_is_within_its_own_bounds(template: Path) -> None:
    for name, parameter in read(template).get("Parameters", {}).items():
        if "Default" in parameter:
            assert fault(parameter, parameter["Default"]) is None, name


_BAD: Final[dict[str, list[Any]]] = {
    "DataStewardArn": ["", "*", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:root", "steward"],
    "PeopleRoles": ["*", "*admin", "abc"],
    "BuildRoleName": ["", "*", "leadline-*", "admin"],
    "ProducerPrincipals": ["*", "111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/p*"],
    "SubscriberPrincipals": ["*", "arn:aws:iam::111122223333:root"],
    "AlarmEmail": ["on-call", "a@b", "a b@example.com"],
    "DeletionProtection": ["yes", "1"],
    "VisibilityTimeoutSeconds": [5, 43201],
    "OldestEventAlarmSeconds": [59, 86401],
    "QuarantineAlarmCount": [0, 100001],
}


@pytest.mark.parametrize("name", list(_BAD))
def test_data_takes_no_parameter_out_of_its_bounds(name: str) -> None:
    """CloudFormation refuses it before it makes anything, and says what would do."""
    parameters = read(INFRA / "data.yaml")["Parameters"]

    assert set(_BAD) == set(parameters)
    assert [] == [value for value in _BAD[name] if fault(parameters[name], value) is None]


def fault(parameter: dict[str, Any], value: object) -> str | None:
    """Return the bound that a value breaks, as CloudFormation judges it."""
    if "AllowedValues" in parameter and value not in parameter["AllowedValues"]:
        return "AllowedValues"
    if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], str(value)):
        return "AllowedPattern"
    if "MaxLength" in parameter and len(str(value)) > int(parameter["MaxLength"]):
        return "MaxLength"
    if "MinValue" in parameter and not parameter["MinValue"] <= float(str(value)) <= parameter["MaxValue"]:
        return "MinValue and MaxValue"
    return None


def _template(found: dict[str, Any]) -> str:
    return Path(found["file_path"]).name
