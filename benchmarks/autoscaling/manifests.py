"""The numbers that are shipped, read from k8s/ and infra/, so that simulation and manifests cannot drift apart."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from autoscaling.settings import DEFAULT_DOWN, DEFAULT_UP, Nodes, Pod, Policy, Rules, Scaling

ROOT: Final = Path(__file__).resolve().parents[2]
MANIFESTS: Final = ROOT / "k8s"
CLUSTER: Final = ROOT / "infra" / "cluster.yaml"


class NoManifest(Exception):
    """What a simulation needs is not in the manifests."""


def shipped_scaling(folder: Path = MANIFESTS) -> Scaling:
    """
    Read the ScaledObject of the workers.

    Raises:
        NoManifest: There is none, or it has no trigger of type `aws-sqs-queue`.
    """
    spec = _find(folder / "keda", "ScaledObject", "leadline-worker")["spec"]
    found = [trigger["metadata"] for trigger in spec["triggers"] if trigger["type"] == "aws-sqs-queue"]
    if len(found) != 1:
        raise NoManifest(f"{folder}/keda: leadline-worker has {len(found)} triggers of type aws-sqs-queue; give it one")
    trigger, default = found[0], Scaling()
    behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
    return Scaling(
        queue_length=int(trigger.get("queueLength", default.queue_length)),
        activation_queue_length=int(trigger.get("activationQueueLength", default.activation_queue_length)),
        count_in_flight=str(trigger.get("scaleOnInFlight", "true")).lower() == "true",
        min_replicas=spec.get("minReplicaCount", default.min_replicas),
        max_replicas=spec.get("maxReplicaCount", default.max_replicas),
        polling_s=spec.get("pollingInterval", default.polling_s),
        cooldown_s=spec.get("cooldownPeriod", default.cooldown_s),
        up=_rules(behavior.get("scaleUp", {}), DEFAULT_UP),
        down=_rules(behavior.get("scaleDown", {}), DEFAULT_DOWN),
    )


def shipped_pod(folder: Path = MANIFESTS) -> Pod:
    """
    Read what CPU the workers ask for; the rest of a pod was measured.

    Raises:
        NoManifest: There is no such Deployment.
    """
    pod = _find(folder / "base" / "worker", "Deployment", "leadline-worker")["spec"]["template"]["spec"]
    container = next(one for one in pod["containers"] if one["name"] == "worker")
    return replace(Pod(), cpu_request=_cpus(container["resources"]["requests"]["cpu"]))


def shipped_nodes(template: Path = CLUSTER) -> Nodes:
    """Read how many nodes there are, at least and at most; what they hold was counted for c7i.large."""
    parameters = yaml.load(template.read_text(), _Template)["Parameters"]  # noqa: S506  a SafeLoader
    least, most = (int(parameters[name]["Default"]) for name in ("NodeMinimum", "NodeMaximum"))
    return replace(Nodes(), minimum=least, maximum=most)


class _Template(yaml.SafeLoader):
    """Reads CloudFormation; what its functions (`!Ref`) would give is of no interest here."""


_Template.add_multi_constructor("!", lambda _loader, _tag, _node: None)


def _rules(given: Mapping[str, Any], default: Rules) -> Rules:
    policies = tuple(Policy(p["type"], p["value"], p["periodSeconds"]) for p in given.get("policies", ()))
    return Rules(
        window_s=given.get("stabilizationWindowSeconds", default.window_s),
        policies=policies or default.policies,
        select=given.get("selectPolicy", default.select),
        tolerance=float(given.get("tolerance", default.tolerance)),
    )


def _cpus(quantity: str | float) -> float:
    text = str(quantity)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _find(folder: Path, kind: str, name: str) -> Mapping[str, Any]:
    for document in _documents(folder):
        if document.get("kind") == kind and document.get("metadata", {}).get("name") == name:
            return document
    raise NoManifest(f"{folder} holds no {kind} named {name}; run this from a whole checkout")


def _documents(folder: Path) -> Iterator[Mapping[str, Any]]:
    for file in sorted(folder.glob("*.yaml")):
        yield from (document for document in yaml.safe_load_all(file.read_text()) if document)
