"""The Role of the deployer: what the hooks ask kubectl for, resource by resource, and nothing more."""

from pathlib import Path

import pytest
import yaml

from tests.delivery.hook_fixtures import NEW, OLD, deployer, first, release_keys, revisions, serving_old
from tests.delivery.hook_scene import ROOT, Deployer, have_kubectl

__all__ = ["deployer", "first", "release_keys", "revisions", "serving_old"]
pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl, which renders, is not installed")

Right = tuple[str, str, str]
ROLE = ROOT / "k8s" / "base" / "platform" / "deployer.yaml"


def granted() -> set[Right]:
    """Return verb, API group and resource of all that the Role grants."""
    (role,) = [one for one in yaml.safe_load_all(ROLE.read_text(encoding="utf-8")) if one["kind"] == "Role"]
    assert all(set(rule) == {"apiGroups", "resources", "verbs"} for rule in role["rules"])
    return {
        (verb, group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(first: Deployer, revisions: dict[str, Path]) -> set[Right]:
    """Return what is asked for by a first release that fails, a good one, one that fails after it, and its rollback."""
    first.cluster.plan.jobs = {"leadline-check": "Failed"}
    first.deploy(revisions[OLD])
    first.cluster.plan.jobs = {}
    first.deploy(revisions[OLD])
    first.cluster.plan.jobs = {"leadline-check": "Failed"}
    first.deploy(revisions[NEW])
    first.cluster.plan.jobs = {}
    first.deploy(revisions[OLD])
    assert len(first.cluster.calls) > 100
    return first.cluster.rights


def test_the_role_grants_what_the_hooks_need(first: Deployer, revisions: dict[str, Path]) -> None:
    assert sorted(used(first, revisions) - granted()) == []


def test_the_role_grants_nothing_that_no_hook_uses(first: Deployer, revisions: dict[str, Path]) -> None:
    assert sorted(granted() - used(first, revisions)) == []


def test_the_role_reaches_no_secret_and_no_right_to_give_rights() -> None:
    resources = {resource for _, _, resource in granted()}
    assert (
        resources & {"*", "secrets", "roles", "rolebindings", "serviceaccounts", "networkpolicies", "namespaces"}
        == set()
    )
