"""The Role of people on call: it shows what the runbooks look at, pauses the scaling, and changes nothing else."""

from typing import Final

import pytest

from tests.delivery.manifests import OVERLAYS, one, render

LOOK: Final = {"get", "list", "watch"}
LOOKED_AT: Final = {
    ("", "pods"), ("", "services"), ("", "configmaps"), ("", "events"), ("apps", "deployments"), ("batch", "jobs"),
    ("autoscaling", "horizontalpodautoscalers"), ("networking.k8s.io", "ingresses"), ("keda.sh", "scaledobjects"),
}  # fmt: skip
MORE: Final = {
    ("keda.sh", "scaledobjects"): {"patch"},
    ("", "pods/log"): {"get"},
    ("", "pods/portforward"): {"get", "create"},
    ("metrics.k8s.io", "pods"): {"get", "list"},
}
"""What goes beyond looking, or is looked at in its own way."""
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def granted(overlay: str) -> dict[tuple[str, str], set[str]]:
    """Return the verbs by API group and resource."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in one(render(overlay, "platform"), "Role", "leadline-operator")["rules"]:
        assert {"apiGroups", "resources", "verbs"} == set(rule)
        for what in ((group, resource) for group in rule["apiGroups"] for resource in rule["resources"]):
            found.setdefault(what, set()).update(rule["verbs"])
    return found


@each_overlay
def test_it_looks_reads_logs_forwards_ports_and_pauses_and_nothing_else(overlay: str) -> None:
    """No Secret, no shell in a pod, no right to give rights: each of them would stand here."""
    expected = {what: set(LOOK) for what in LOOKED_AT}
    for what, verbs in MORE.items():
        expected[what] = expected.get(what, set()) | verbs

    assert expected == granted(overlay)


@each_overlay
def test_it_sees_every_kind_that_a_release_sets_but_for_disruption_budgets(overlay: str) -> None:
    """A kind that is new in a release is one that people on call will want to see."""
    kinds = {tree["kind"].lower() for part in ("release", "jobs") for tree in render(overlay, part)}
    seen = {resource for _, resource in granted(overlay)}

    assert {"poddisruptionbudget"} == {kind for kind in kinds if not any(one.startswith(kind) for one in seen)}


@each_overlay
def test_it_is_bound_to_one_group_in_one_namespace(overlay: str) -> None:
    binding = one(render(overlay, "platform"), "RoleBinding", "leadline-operator")
    [subject] = binding["subjects"]

    assert ("Group", "leadline-operator") == (subject["kind"], subject["name"])
    assert ("Role", "leadline-operator") == (binding["roleRef"]["kind"], binding["roleRef"]["name"])
    assert binding["metadata"]["namespace"] == one(render(overlay), "Namespace")["metadata"]["name"]
    assert "ClusterRole" not in {tree["kind"] for tree in render(overlay, "platform")}
