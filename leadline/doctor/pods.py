"""What a pod needs to be run safely: probes, limits, an image that stays the same, time to drain."""

import re
from collections.abc import Iterator
from typing import Final

from leadline.doctor.finding import Fault, Note, Said
from leadline.doctor.manifests import Manifests, at, label, setting_of

_DIGEST: Final = re.compile(r".+@sha256:[0-9a-f]{64}")
_NOT_RELEASED: Final = "@sha256:" + "0" * 64
_PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")
_SERVES: Final = ("Deployment", "StatefulSet", "DaemonSet")
_DEFAULT_GRACE_S: Final = 30
_MARGIN_S: Final = 10
"""From the end of the drain, in which a worker that is not done gives up, to the kill."""


def images(manifests: Manifests) -> Iterator[Said]:
    """An image that may be another one tomorrow."""
    for container in manifests.containers():
        image = str(container.spec.get("image", "not set"))
        if image.endswith(_NOT_RELEASED):
            yield Note(f"{container.label}: not released yet, its digest is all zeros")
        elif not _DIGEST.fullmatch(image):
            yield Fault(f"{container.label}, image", image, "name it by digest: REPOSITORY@sha256:...")


def probes(manifests: Manifests) -> Iterator[Said]:
    """A container that serves and is not watched."""
    for container in manifests.containers():
        if container.owner["kind"] in _SERVES and container.spec in at(container.pod, "containers", []):
            for probe in _PROBES:
                if probe not in container.spec:
                    hint = "; our images answer on /livez and /readyz" if container.image else ""
                    yield Fault(f"{container.label}, {probe}", "not set", f"give it{hint}")


def probe_ports(manifests: Manifests) -> Iterator[Said]:
    """A probe of a port that the container does not have."""
    for container in manifests.containers():
        ports = container.spec.get("ports", [])
        known = {port.get("name") for port in ports} | {port.get("containerPort") for port in ports}
        for probe in _PROBES:
            port = at(container.spec, f"{probe}.httpGet.port")
            if port is not None and port not in known:
                yield Fault(f"{container.label}, {probe}", f"on port {port}", "the container names no such port")


def limits(manifests: Manifests) -> Iterator[Said]:
    """A container that may take all the memory of its node, or of which the scheduler does not know what it needs."""
    for container in manifests.containers():
        for path in ("limits.memory", "requests.memory", "requests.cpu"):
            if at(container.spec, f"resources.{path}") is None:
                yield Fault(
                    f"{container.label}, resources.{path}", "not set", "give it what was measured, and some room"
                )


def service_links(manifests: Manifests) -> Iterator[Said]:
    """A pod into which Kubernetes would put variables for a Service that look like settings."""
    for owner, template in manifests.workloads():
        if at(template, "spec.enableServiceLinks") is False:
            continue
        for service in manifests.of("Service"):
            name = at(service, "metadata.name", "").upper().replace("-", "_")
            if f"{name}_".startswith("LEADLINE_") and at(service, "metadata.namespace") == at(
                owner, "metadata.namespace"
            ):
                way = (
                    f"{label(service)} would put {name}_PORT into the pod, which looks like a setting; set it to false"
                )
                yield Fault(f"{label(owner)}, enableServiceLinks", "true, the default", way)


def grace(manifests: Manifests) -> Iterator[Said]:
    """A worker that is killed before it has drained."""
    for container in manifests.containers():
        drain = setting_of(manifests.environment(container), "drain_timeout_s") if container.image == "worker" else None
        pause = at(container.spec, "lifecycle.preStop.sleep.seconds", 0)
        said = container.pod.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_S)
        if drain is not None and said < drain + pause + _MARGIN_S:
            way = f"LEADLINE_DRAIN_TIMEOUT_S is {drain}: give at least {drain + pause + _MARGIN_S}"
            yield Fault(f"{label(container.owner)}, terminationGracePeriodSeconds", str(said), way)
