"""Whose rights are used: those of the scaler, and those of our own pods."""

import re
from collections.abc import Iterator
from typing import Final

from leadline.doctor.finding import Fault, Note, Said
from leadline.doctor.manifests import Manifests, at, label
from leadline.doctor.triggers import DEPRECATED, Trigger, triggers

_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
_ANNOTATION: Final = "eks.amazonaws.com/role-arn"


def deprecated(manifests: Manifests) -> Iterator[Said]:
    """A way of getting rights that KEDA gives up: provider aws-eks, identityOwner at the trigger, keys in the pod."""
    for tree in manifests.of("TriggerAuthentication", "ClusterTriggerAuthentication"):
        if at(tree, "spec.podIdentity.provider") == "aws-eks":
            way = "it is deprecated; give aws, with the roleArn of a role for the scaler"
            yield Fault(f"{label(tree)}, podIdentity.provider", "aws-eks", way)
    for trigger in triggers(manifests):
        for key in DEPRECATED:
            if key in trigger.metadata:
                way = "it is deprecated; take it out, and name a TriggerAuthentication with provider aws and a roleArn"
                yield Fault(f"{trigger.label}, {key}", str(trigger.metadata[key]), way)


def authentication(manifests: Manifests) -> Iterator[Said]:
    """A trigger with no TriggerAuthentication, with one that is not there, or with one that has no role of its own."""
    for trigger in triggers(manifests):
        yield from _authentication(trigger, manifests)


def roles(manifests: Manifests) -> Iterator[Said]:
    """One of our pods whose ServiceAccount is missing or bears no role: it would have no right on AWS."""
    accounts = {
        (label(container.owner), container.pod.get("serviceAccountName", "default")): container.owner
        for container in manifests.containers()
        if container.image
    }
    for (owner, name), tree in accounts.items():
        found = manifests.named("ServiceAccount", name, tree)
        role = at(found, "metadata.annotations", {}).get(_ANNOTATION, "not set")
        if found is None and not manifests.whole and name != "default":
            yield Note(f"ServiceAccount {name} is not here; the platform has to hold it")
        elif found is None:
            yield Fault(
                f"{owner}, serviceAccountName", name, "there is no such ServiceAccount here; add it, with a role"
            )
        elif not _ROLE.fullmatch(str(role)):
            yield Fault(f"{label(found)}, {_ANNOTATION}", str(role), "give the ARN of the IAM role of its pods")


def _authentication(trigger: Trigger, manifests: Manifests) -> Iterator[Said]:
    name = at(trigger.spec, "authenticationRef.name")
    kind = at(trigger.spec, "authenticationRef.kind", "TriggerAuthentication")
    thing = f"{trigger.label}, authenticationRef"
    if not name:
        yield Fault(thing, "not set", "name a TriggerAuthentication with provider aws and the scaler's roleArn")
    elif kind != "TriggerAuthentication":
        yield Note(f"{kind} {name} belongs to the whole cluster, and is not looked into")
    elif (found := manifests.named(kind, name, trigger.scaler)) is None:
        missing = f"{kind} {name} is not here; the platform has to hold it"
        yield (
            Fault(thing, name, "there is no such TriggerAuthentication here; add it")
            if manifests.whole
            else Note(missing)
        )
    elif not _ROLE.fullmatch(str(at(found, "spec.podIdentity.roleArn"))):
        role = at(found, "spec.podIdentity.roleArn", "not set")
        yield Fault(
            f"{label(found)}, roleArn", str(role), "give the ARN of a role that may only read the queue's length"
        )
