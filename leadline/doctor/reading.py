"""From a folder or a file to Kubernetes objects: rendered by kustomize, or plain YAML."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from leadline.output import Failed

_KUSTOMIZATION: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_RENDERERS: Final = (("kubectl", "kustomize"), ("kustomize", "build"))
_PATIENCE_S: Final = 60

Tree = dict[str, Any]
"""A Kubernetes object as YAML has it."""


def read_objects(place: Path) -> list[Tree]:
    """
    Return the Kubernetes objects of a kustomization, of a folder of YAML files, or of one file.

    Raises:
        Failed: It cannot be rendered or read, or holds no object.
    """
    objects = [item for name, text in _texts(place) for item in _parsed(name, text)]
    if not objects:
        raise Failed(
            f"{place} holds no Kubernetes object; name a kustomization, a folder of YAML files, or one of them"
        )
    return objects


def _texts(place: Path) -> Iterator[tuple[str, str]]:
    """Yield each text with the name of where it comes from."""
    if place.is_dir() and any((place / name).is_file() for name in _KUSTOMIZATION):
        yield str(place), _rendered(place)
        return
    files = sorted(place.rglob("*.y*ml")) if place.is_dir() else [place]
    for file in files:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"{file} cannot be read ({error}); give YAML in UTF-8") from error


def _rendered(folder: Path) -> str:
    command = next((words for words in _RENDERERS if shutil.which(words[0])), None)
    if command is None:
        raise Failed(f"{folder} is a kustomization: neither kubectl nor kustomize is here to render it; install one")
    try:
        # A path to a folder only: kustomize would fetch what looks like a URL.
        done = subprocess.run(  # noqa: S603
            [*command, str(folder.resolve())], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{folder}: `{' '.join(command)}` gave no answer within {_PATIENCE_S} s") from error
    if done.returncode != 0:
        raise Failed(f"{folder} cannot be rendered: {done.stderr.strip()}")
    return done.stdout


def _parsed(name: str, text: str) -> list[Tree]:
    try:
        import yaml
    except ImportError as error:
        raise Failed("PyYAML is not installed, and manifests are YAML; pip install pyyaml") from error
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise Failed(f"{name} is no YAML: {error}") from error
    return [item for document in documents for item in _objects(name, document)]


def _objects(name: str, document: object) -> Iterator[Tree]:
    """Yield a document's objects: a List holds several, an empty document none."""
    if document is None:
        return
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise Failed(f"{name} holds a document that is no Kubernetes object; each has `apiVersion` and `kind`")
    if document["kind"] == "List":
        for item in document.get("items") or []:
            yield from _objects(name, item)
    else:
        yield document
