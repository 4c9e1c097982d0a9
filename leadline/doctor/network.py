"""What refers to pods by label, name or port, and has to match something."""

import math
from collections.abc import Iterator
from typing import Any

from leadline.doctor.finding import Fault, Said
from leadline.doctor.manifests import Manifests, at, label, whole_number
from leadline.doctor.reading import Tree


def services(manifests: Manifests) -> Iterator[Said]:
    """A Service that leads to no pod, or to a port that its pods do not have."""
    for service in manifests.of("Service"):
        selector = at(service, "spec.selector")
        if not selector:
            continue
        found = manifests.selected(selector, service)
        if not found:
            yield Fault(f"{label(service)}, selector", _listed(selector), "no pod here bears these labels")
        for port in at(service, "spec.ports", []):
            wanted = port.get("targetPort", port.get("port"))
            if found and not any(wanted in _ports(template) for _, template in found):
                yield Fault(f"{label(service)}, targetPort", str(wanted), f"{label(found[0][0])} has no such port")


def ingresses(manifests: Manifests) -> Iterator[Said]:
    """An Ingress that leads to no Service, or to a port that it does not have."""
    for ingress in manifests.of("Ingress"):
        for backend in _backends(ingress):
            name, port = at(backend, "service.name", "not set"), at(backend, "service.port", {})
            service = manifests.named("Service", name, ingress)
            wanted = port.get("name", port.get("number"))
            known = [value for one in at(service, "spec.ports", []) for value in (one.get("name"), one.get("port"))]
            if service is None:
                yield Fault(
                    f"{label(ingress)}, backend", f"Service {name}", "there is no such Service here; give its name"
                )
            elif wanted not in known:
                yield Fault(f"{label(ingress)}, backend port", str(wanted), f"{label(service)} has no such port")


def budgets(manifests: Manifests) -> Iterator[Said]:
    """A disruption budget for no pod, or one that lets no pod go: a node with such a pod can never be drained."""
    for budget in manifests.of("PodDisruptionBudget"):
        if at(budget, "spec.selector.matchExpressions"):
            continue
        selector = at(budget, "spec.selector.matchLabels", {})
        found = manifests.selected(selector, budget)
        if not found:
            yield Fault(f"{label(budget)}, selector", _listed(selector), "no pod here bears these labels")
        for owner, _ in found:
            count = _fewest(owner, manifests)
            allowed = _may_go(budget, count)
            if allowed < 1:
                said = {key: at(budget, f"spec.{key}") for key in ("minAvailable", "maxUnavailable")}
                way = f"{label(owner)} may have {count} pods, of which none may go then; give maxUnavailable: 1"
                yield Fault(f"{label(budget)}", _listed({k: v for k, v in said.items() if v is not None}), way)


def _fewest(owner: Tree, manifests: Manifests) -> int:
    """Return how few pods a workload may have while it has any."""
    least = [at(scaler, "spec.minReplicaCount", 0) for scaler, target in manifests.scaled() if target is owner]
    return max(1, min(least)) if least else int(at(owner, "spec.replicas", 1))


def _may_go(budget: Tree, count: int) -> int:
    """Return how many of so many pods may go; a share is rounded up, as Kubernetes does for both."""
    least, most = at(budget, "spec.minAvailable"), at(budget, "spec.maxUnavailable")
    if most is not None:
        return _share(most, count)
    return count - _share(least, count) if least is not None else count


def _share(said: object, count: int) -> int:
    percent = whole_number(str(said).removesuffix("%"))
    return int(said) if isinstance(said, int) else math.ceil((percent or 0) * count / 100)


def _ports(template: Tree) -> set[object]:
    ports = [port for one in at(template, "spec.containers", []) for port in one.get("ports", [])]
    return {value for port in ports for value in (port.get("name"), port.get("containerPort"))}


def _backends(ingress: Tree) -> Iterator[Tree]:
    if default := at(ingress, "spec.defaultBackend"):
        yield default
    for rule in at(ingress, "spec.rules", []):
        for path in at(rule, "http.paths", []):
            yield path["backend"]


def _listed(pairs: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in pairs.items()) or "empty"
