"""The objects of one place, and how they hang together: pods, their containers, and the environment of each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Final, NamedTuple

from leadline.doctor.reading import Tree
from worker.settings import Settings, variable

_WORKLOADS: Final = {
    "Deployment": "spec.template",
    "StatefulSet": "spec.template",
    "DaemonSet": "spec.template",
    "Job": "spec.template",
    "CronJob": "spec.jobTemplate.spec.template",
}
_OURS: Final = re.compile(r"(?:^|/)leadline/(worker|console)(?:[:@]|$)")


def at(tree: object, path: str, default: object = None) -> Any:  # noqa: ANN401  YAML has no types
    """Return what lies at a dotted path, or the default where a part of it is missing or is no mapping."""
    found = reduce(lambda part, key: part.get(key) if isinstance(part, dict) else None, path.split("."), tree)
    return default if found is None else found


def label(tree: Tree) -> str:
    """Return how an object is called in a message: its kind and its name."""
    return f"{tree['kind']} {at(tree, 'metadata.name', '(no name)')}"


class Container(NamedTuple):
    """A container and where it stands; `image` is `worker` or `console` for ours, and empty for others."""

    owner: Tree
    pod: Tree
    spec: Tree

    @property
    def label(self) -> str:
        """How it is called in a message."""
        return f"{label(self.owner)}, container {self.spec.get('name')}"

    @property
    def image(self) -> str:
        """Which of our images it runs."""
        found = _OURS.search(str(self.spec.get("image", "")))
        return found.group(1) if found else ""


class Environment(NamedTuple):
    """What a container is given: values, names whose value only the cluster knows, and references that lead nowhere."""

    values: Mapping[str, str]
    hidden: frozenset[str]
    lost: tuple[str, ...]
    open: bool
    """Whether a Secret gives it more, under names that are not to be seen here."""

    def judges(self, name: str) -> bool:
        """Tell whether it can be seen here what a variable's value is, or that it has none."""
        return name in self.values or not (self.open or name in self.hidden)


class Manifests:
    """All objects of one place."""

    def __init__(self, objects: Sequence[Tree]) -> None:
        self.objects = objects

    @property
    def whole(self) -> bool:
        """Whether the platform is here too: then nothing that is referred to may be missing."""
        return any(self.of("Namespace"))

    def of(self, *kinds: str) -> Iterator[Tree]:
        """Yield the objects of these kinds."""
        return (tree for tree in self.objects if tree["kind"] in kinds)

    def named(self, kind: str, name: str, beside: Tree) -> Tree | None:
        """Return one object by kind and name, in the namespace of another."""
        space = at(beside, "metadata.namespace")
        same = (tree for tree in self.of(kind) if at(tree, "metadata.namespace") == space)
        return next((tree for tree in same if at(tree, "metadata.name") == name), None)

    def workloads(self) -> Iterator[tuple[Tree, Tree]]:
        """Yield each workload with its pod template."""
        return ((tree, at(tree, _WORKLOADS[tree["kind"]], {})) for tree in self.of(*_WORKLOADS))

    def selected(self, selector: Mapping[str, str], beside: Tree) -> list[tuple[Tree, Tree]]:
        """Return the workloads whose pods bear these labels, in the namespace of another object."""
        space = at(beside, "metadata.namespace")
        return [
            (owner, template)
            for owner, template in self.workloads()
            if at(owner, "metadata.namespace") == space
            and selector.items() <= at(template, "metadata.labels", {}).items()
        ]

    def containers(self) -> Iterator[Container]:
        """Yield each container, also those that only start a pod up."""
        for owner, template in self.workloads():
            pod = at(template, "spec", {})
            for spec in [*at(pod, "initContainers", []), *at(pod, "containers", [])]:
                yield Container(owner, pod, spec)

    def scaled(self) -> Iterator[tuple[Tree, Tree | None]]:
        """Yield each ScaledObject with its target, which may be missing."""
        for scaler in self.of("ScaledObject"):
            target = at(scaler, "spec.scaleTargetRef", {})
            yield scaler, self.named(target.get("kind", "Deployment"), target.get("name", ""), scaler)

    def scaled_container(self, scaler: Tree, target: Tree) -> Container | None:
        """Return the container whose environment KEDA reads: the one that is named, or the first."""
        wanted = at(scaler, "spec.scaleTargetRef.envSourceContainerName")
        specs = at(target, "spec.template.spec.containers", [])
        spec = next((one for one in specs if wanted in (None, one.get("name"))), None)
        return None if spec is None else Container(target, at(target, "spec.template.spec", {}), spec)

    def environment(self, container: Container) -> Environment:
        """Return what a container is given; a later source wins, as in the cluster."""
        values: dict[str, str] = {}
        hidden: set[str] = set()
        lost: list[str] = []
        for source in at(container.spec, "envFrom", []):
            prefix, name = source.get("prefix", ""), at(source, "configMapRef.name")
            found = self.named("ConfigMap", name, container.owner) if name else None
            if name and found is None and not at(source, "configMapRef.optional", default=False):
                lost.append(f"ConfigMap {name}")
            values |= {prefix + key: str(value) for key, value in at(found, "data", {}).items()}
        for entry in at(container.spec, "env", []):
            key, reference = entry["name"], at(entry, "valueFrom.configMapKeyRef")
            found = self.named("ConfigMap", reference["name"], container.owner) if reference else None
            value = at(found, "data", {}).get(reference["key"]) if reference else entry.get("value")
            if reference and value is None and not reference.get("optional", False):
                lost.append(f"key {reference['key']} of ConfigMap {reference['name']}")
            if value is None and "valueFrom" in entry:
                hidden.add(key)
                values.pop(key, None)
            else:
                values[key] = str(value or "")
        secret = any("secretRef" in source for source in at(container.spec, "envFrom", []))
        return Environment(values, frozenset(hidden - values.keys()), tuple(lost), secret)


def whole_number(text: object) -> int | None:
    """Return a text's number, and None where it is none."""
    return int(str(text)) if re.fullmatch(r"-?\d+", str(text)) else None


def setting_of(environment: Environment, name: str) -> int | None:
    """Return a setting that is a whole number, or its default; None where its value is hidden or no number."""
    key = variable(name)
    if not environment.judges(key):
        return None
    return whole_number(environment.values.get(key, Settings.model_fields[name].default))
