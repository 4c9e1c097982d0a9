"""The table of all checks. A check is a function from manifests to what it has to say."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from leadline.doctor import examples, identity, network, pods, scaling, settings, triggers
from leadline.doctor.finding import Fault, Note, Said
from leadline.doctor.manifests import Manifests
from leadline.output import Failed

Check = Callable[[Manifests], Iterator[Said]]

CHECKS: Final[Mapping[str, Check]] = {
    "trigger-keys": triggers.unknown_keys,
    "trigger-values": triggers.values,
    "scale-on-in-flight": triggers.in_flight,
    "queue-url": triggers.queue,
    "queue-region": triggers.region,
    "deprecated-identity": identity.deprecated,
    "trigger-authentication": identity.authentication,
    "pod-roles": identity.roles,
    "scale-target": scaling.target,
    "replicas-of-keda": scaling.replicas,
    "replica-bounds": scaling.bounds,
    "fallback": scaling.fallback,
    "cooldown": scaling.cooldown,
    "in-hand": scaling.in_hand,
    "queue-length": scaling.arithmetic,
    "environment": settings.references,
    "settings": settings.settings,
    "service-links": pods.service_links,
    "grace-period": pods.grace,
    "probes": pods.probes,
    "probe-ports": pods.probe_ports,
    "resources": pods.limits,
    "image-digest": pods.images,
    "service-ports": network.services,
    "ingress-backends": network.ingresses,
    "disruption-budgets": network.budgets,
}
REMARKS: Final[Mapping[str, Check]] = {"examples": examples.left_over}
"""What is worth knowing and never a fault, since manifests with it may be just what is meant."""


class Diagnosis(NamedTuple):
    """What all checks have said, each fault with the name of its check."""

    faults: tuple[tuple[str, Fault], ...]
    notes: tuple[str, ...]


def diagnose(manifests: Manifests) -> Diagnosis:
    """
    Return what each check has to say about these manifests; all of it, in the order of the table.

    Raises:
        Failed: An object is not built as Kubernetes has it, so that nothing can be said about it.
    """
    said = [(name, word) for name, check in {**CHECKS, **REMARKS}.items() for word in _said(name, check, manifests)]
    faults = tuple((name, word) for name, word in said if isinstance(word, Fault))
    return Diagnosis(faults, tuple(dict.fromkeys(word.text for _, word in said if isinstance(word, Note))))


def _said(name: str, check: Check, manifests: Manifests) -> list[Said]:
    try:
        return list(check(manifests))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Failed(
            f"check {name} met an object that is not built as Kubernetes has it ({type(error).__name__}: {error}); "
            "`kubernetes-validate --strict` says which"
        ) from error
