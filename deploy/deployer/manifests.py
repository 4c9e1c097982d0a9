"""
Rendered manifests as text, one document at a time.

No YAML parser: the standard library has none. What is read here is the canonical output of kustomize alone: a key of
the top level starts its line, `metadata.name` has two spaces before it, and a block scalar is indented deeper than its
key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from deployer.errors import Refused

# What a release may change; the Role of the deployer says the same, but only in the middle of an apply.
RELEASE_KINDS = ("ConfigMap", "Deployment", "Ingress", "PodDisruptionBudget", "ScaledObject", "Service")
JOB_KINDS = ("ConfigMap", "Job")
# What the deployer itself keeps in the cluster: a release that brought one could name its own way back.
RESERVED = ("leadline-last-good", "leadline-before")

KIND = re.compile(r"^kind: (\S+)$", re.MULTILINE)
METADATA = re.compile(r"^metadata:\n((?:  .*\n?)+)", re.MULTILINE)
NAME = re.compile(r"^  name: (\S+)$", re.MULTILINE)
IMAGE = re.compile(r"^ *(?:- )?image: (\S+)$", re.MULTILINE)
REPLICAS = re.compile(r"^  replicas: (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Manifest:
    """One object, as kustomize has written it."""

    kind: str
    name: str
    text: str

    @property
    def images(self) -> list[str]:
        """All images that its containers name."""
        return IMAGE.findall(self.text) if self.kind in ("Deployment", "Job") else []


def split(rendered: str) -> list[Manifest]:
    """
    Return the documents of kustomize's output.

    Args:
        rendered: All of it.

    Returns:
        One for each object, in order.

    Raises:
        Refused: A document has no kind or no name.
    """
    return [read(text) for text in re.split(r"^---\n", rendered, flags=re.MULTILINE) if text.strip()]


def read(text: str) -> Manifest:
    """
    Return one document with its kind and name.

    Args:
        text: The document.

    Returns:
        The manifest.

    Raises:
        Refused: It has none.
    """
    kind, metadata = KIND.search(text), METADATA.search(text)
    name = NAME.search(metadata.group(1)) if metadata else None
    if not kind or not name:
        raise Refused(f"kustomize wrote a document with no kind or no name: {text[:80]!r}")
    return Manifest(kind.group(1), name.group(1), text)


def join(manifests: list[Manifest]) -> str:
    """
    Return documents as one text for `kubectl apply`.

    Args:
        manifests: The documents.

    Returns:
        YAML.
    """
    return "---\n".join(manifest.text for manifest in manifests)


def pin(manifests: list[Manifest], images: dict[str, str]) -> list[Manifest]:
    """
    Put the release's images where k8s/ names the repository `leadline/NAME`, of whatever registry and digest.

    Args:
        manifests: The documents.
        images: The release's images, by name.

    Returns:
        The same documents, with images by digest.
    """
    return [Manifest(one.kind, one.name, pinned(one.text, images) if one.images else one.text) for one in manifests]


def pinned(text: str, images: dict[str, str]) -> str:
    """
    Return one document with the release's images.

    Args:
        text: The document.
        images: The release's images, by name.

    Returns:
        The document.
    """
    for name, image in images.items():
        line = rf"^( *(?:- )?image: )(?:[^\s/]+/)*leadline/{name}(?:[:@]\S+)?$"
        text = re.sub(line, rf"\g<1>{image}", text, flags=re.MULTILINE)
    return text


def check_release(manifests: list[Manifest], images: dict[str, str]) -> None:
    """
    Check what `k8s/overlays/prod/release` has rendered.

    Args:
        manifests: Its documents.
        images: The release's images, by name.

    Raises:
        Refused: An object that no release may change, another image, or `replicas` where they do not belong.
    """
    check(manifests, RELEASE_KINDS, images)
    deployments = {manifest.name: manifest for manifest in manifests if manifest.kind == "Deployment"}
    for name, image in images.items():
        if image not in deployments.get(f"leadline-{name}", Manifest("", "", "")).images:
            raise Refused(f"k8s/overlays/prod/release renders no Deployment leadline-{name} with {image}")
    if REPLICAS.search(deployments["leadline-worker"].text):
        raise Refused(
            "Deployment leadline-worker names `replicas`, which KEDA owns: every release would undo its scaling"
        )
    if not REPLICAS.search(deployments["leadline-console"].text):
        raise Refused("Deployment leadline-console names no `replicas`; nobody else would set them")


def check_job(manifests: list[Manifest], name: str, images: dict[str, str], expected: list[str]) -> None:
    """
    Check what is left of `k8s/overlays/prod/jobs` for one Job.

    Args:
        manifests: Its documents.
        name: The Job's full name.
        images: The release's images, by name.
        expected: What it is told to find in the image.

    Raises:
        Refused: No such Job, an object that none needs, another image than the release's worker, or a Job that is not
            told what to find in it.
    """
    check(manifests, JOB_KINDS, {"worker": images["worker"]})
    jobs = [manifest for manifest in manifests if manifest.kind == "Job"]
    if [name] != [job.name for job in jobs]:
        raise Refused(f"k8s/overlays/prod/jobs renders no Job {name}")
    if not all(word in jobs[0].text for word in expected):
        raise Refused(f"Job {name} is not told which model its image must hold: {' '.join(expected)}")


def check(manifests: list[Manifest], kinds: tuple[str, ...], images: dict[str, str]) -> None:
    """
    Check kinds and images.

    Args:
        manifests: The documents.
        kinds: Those that are allowed.
        images: Those that are allowed, by name.

    Raises:
        Refused: Another kind or image, or a name that the deployer keeps for itself.
    """
    for manifest in manifests:
        if manifest.kind == "ConfigMap" and manifest.name in RESERVED:
            raise Refused(f"ConfigMap {manifest.name} is the deployer's own; a release may not hold it")
        if manifest.kind not in kinds:
            raise Refused(
                f"{manifest.kind} {manifest.name} is not the release's to change; it may hold {', '.join(kinds)}"
            )
        for image in manifest.images:
            if image not in images.values():
                raise Refused(f"{manifest.kind} {manifest.name} runs {image}, which release.json does not name")
