"""How many workers there are: what a ScaledObject says, and what contradicts it elsewhere."""

from collections.abc import Iterator
from typing import Final

from leadline.doctor.finding import Fault, Said
from leadline.doctor.manifests import Manifests, at, label, setting_of, whole_number
from leadline.doctor.triggers import triggers

_DEFAULT_COOLDOWN_S: Final = 300
_DEFAULT_MOST: Final = 100
_IN_FLIGHT_OF_A_QUEUE: Final = 120_000
"""Messages that SQS gives out of one standard queue at a time."""

_KEEP: Final = "currentReplicasIfHigher"
_RATE: Final = "leadline/events-per-second-and-pod"
_WITHIN: Final = "leadline/done-within-s"
_PACKED: Final = "leadline/events-per-message"


def target(manifests: Manifests) -> Iterator[Said]:
    """A ScaledObject that scales nothing, or reads the environment of a container that there is not."""
    for scaler, found in manifests.scaled():
        name = at(scaler, "spec.scaleTargetRef.name", "not set")
        if found is None:
            yield Fault(f"{label(scaler)}, scaleTargetRef", name, "there is no such Deployment here; give its name")
        elif manifests.scaled_container(scaler, found) is None:
            wanted = at(scaler, "spec.scaleTargetRef.envSourceContainerName", "not set")
            yield Fault(f"{label(scaler)}, envSourceContainerName", wanted, f"{label(found)} has no such container")


def replicas(manifests: Manifests) -> Iterator[Said]:
    """`replicas` of a Deployment that KEDA scales: every release would undo its scaling."""
    for _, found in manifests.scaled():
        if found and "replicas" in found["spec"]:
            yield Fault(f"{label(found)}, replicas", str(found["spec"]["replicas"]), "take it out: KEDA sets it")


def bounds(manifests: Manifests) -> Iterator[Said]:
    """Bounds that contradict each other."""
    for scaler, _ in manifests.scaled():
        spec = scaler["spec"]
        least, most = spec.get("minReplicaCount", 0), spec.get("maxReplicaCount", _DEFAULT_MOST)
        if least > most:
            yield Fault(f"{label(scaler)}, minReplicaCount", str(least), f"maxReplicaCount is {most}; give no more")
        idle = spec.get("idleReplicaCount")
        if idle is not None and idle >= least:
            yield Fault(f"{label(scaler)}, idleReplicaCount", str(idle), f"minReplicaCount is {least}; give less")


def fallback(manifests: Manifests) -> Iterator[Said]:
    """Nothing said for the time in which the queue cannot be read, or something that takes pods away."""
    for scaler, _ in manifests.scaled():
        said, most = at(scaler, "spec.fallback"), at(scaler, "spec.maxReplicaCount", _DEFAULT_MOST)
        if said is None:
            way = f"give failureThreshold, replicas and behavior: {_KEEP}; without it no pod comes at all meanwhile"
            yield Fault(f"{label(scaler)}, fallback", "not set", way)
        elif said.get("behavior", "static") != _KEEP:
            way = f"it takes pods away while the queue's length cannot be read; give {_KEEP}"
            yield Fault(f"{label(scaler)}, fallback.behavior", said.get("behavior", "static (the default)"), way)
        elif said.get("replicas", 0) > most:
            yield Fault(f"{label(scaler)}, fallback.replicas", str(said["replicas"]), f"maxReplicaCount is {most}")


def cooldown(manifests: Manifests) -> Iterator[Said]:
    """A last pod that goes before what a killed one had in hand is visible again, or before it could have drained."""
    for scaler, found in manifests.scaled():
        container = found and manifests.scaled_container(scaler, found)
        waits = at(scaler, "spec.cooldownPeriod", _DEFAULT_COOLDOWN_S)
        if not container:
            continue
        given = manifests.environment(container)
        for name in ("visibility_timeout_s", "drain_timeout_s"):
            setting = setting_of(given, name)
            if setting is not None and waits <= setting:
                way = f"LEADLINE_{name.upper()} of {container.label} is {setting}; give more than that"
                yield Fault(f"{label(scaler)}, cooldownPeriod", str(waits), way)


def in_hand(manifests: Manifests) -> Iterator[Said]:
    """More messages in the hands of all workers together than SQS gives out: the last workers would get none."""
    for trigger in triggers(manifests):
        container, most = trigger.container(manifests), at(trigger.scaler, "spec.maxReplicaCount", _DEFAULT_MOST)
        each = setting_of(manifests.environment(container), "max_in_flight") if container else None
        if each is not None and each * most > _IN_FLIGHT_OF_A_QUEUE:
            way = f"each may hold LEADLINE_MAX_IN_FLIGHT, {each}, and SQS gives out {_IN_FLIGHT_OF_A_QUEUE} at a time"
            yield Fault(f"{label(trigger.scaler)}, maxReplicaCount", str(most), f"{way}; lower one of them")


def arithmetic(manifests: Manifests) -> Iterator[Said]:
    """A queueLength that does not follow from the figures in the annotations."""
    for trigger in triggers(manifests):
        notes = at(trigger.scaler, "metadata.annotations", {})
        figures = [whole_number(notes.get(name)) for name in (_RATE, _WITHIN, _PACKED)]
        if not notes.keys() & {_RATE, _WITHIN, _PACKED}:
            continue
        thing, said = f"{trigger.label}, queueLength", str(trigger.metadata.get("queueLength", "not set"))
        if any(figure is None or figure < 1 for figure in figures):
            yield Fault(thing, said, f"give {_RATE}, {_WITHIN} and {_PACKED} as whole numbers from 1")
            continue
        rate, within, packed = (figure or 0 for figure in figures)
        if said != str(rate * within // packed):
            yield Fault(thing, said, f"{rate} events/s x {within} s / {packed} a message is {rate * within // packed}")
