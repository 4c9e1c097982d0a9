"""The settings that a container is given, judged by the same code that judges them in the pod."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from console.settings import console_needs
from leadline.doctor.finding import Fault, Said
from leadline.doctor.manifests import Container, Environment, Manifests
from worker.configuration import load_settings
from worker.settings import PREFIX, SettingsError

_IN_A_POD: Final = {"KUBERNETES_SERVICE_HOST": "10.100.0.1"}
_KEY: Final = "LEADLINE_PUBLIC_KEY"


def references(manifests: Manifests) -> Iterator[Said]:
    """A ConfigMap, or a key of one, that a container takes values from and that is not there."""
    for container in manifests.containers():
        for lost in manifests.environment(container).lost:
            yield Fault(f"{container.label}, environment", f"taken from {lost}", "it is not here; add it")


def settings(manifests: Manifests) -> Iterator[Said]:
    """Settings with which the program would end at its start; one fault for all containers that have it."""
    told: dict[tuple[str, str, str], list[str]] = {}
    for container in manifests.containers():
        environment = manifests.environment(container)
        for fault in _faults(container, environment):
            name = re.match(r"\w+", fault)
            key = name.group() if name else ""
            if environment.judges(key):
                told.setdefault((key, environment.values.get(key, "not set"), fault), []).append(container.label)
    for (key, value, fault), labels in told.items():
        yield Fault(f"{key} of {' and of '.join(labels)}", value, f"the program will say: {fault}")


def _faults(container: Container, environment: Environment) -> tuple[str, ...]:
    """Return what the program would say. What lies in the image cannot be seen from here and is taken to be there."""
    given = dict(environment.values)
    if not container.image and not any(name.upper().startswith(PREFIX) for name in given):
        return ()
    if given.get(_KEY, "").startswith("/"):
        given[_KEY] = __file__
    given |= _IN_A_POD
    try:
        settings = load_settings(given, dotenv=Path(os.devnull), for_worker=container.image == "worker").settings
    except SettingsError as error:
        return error.faults
    needs = console_needs(settings, given) if container.image == "console" else []
    return tuple(rule.fault for rule in needs if not rule.holds)
