"""What a trigger on an SQS queue says: KEDA takes any key and any word under `metadata` without a murmur."""

import difflib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from leadline.doctor.finding import Fault, Said
from leadline.doctor.manifests import Container, Manifests, at, label, whole_number
from leadline.doctor.reading import Tree
from ports.addresses import queue_region

_QUEUE: Final = "aws-sqs-queue"

# KEDA 2.20, pkg/scalers/aws_sqs_queue_scaler.go and pkg/scalers/aws/aws_common.go.
_KNOWN: Final = (
    "queueURL", "queueURLFromEnv", "queueLength", "activationQueueLength", "awsRegion", "awsEndpoint",
    "scaleOnInFlight", "scaleOnDelayed",
)  # fmt: skip
DEPRECATED: Final = ("identityOwner", "awsAccessKeyID", "awsAccessKeyIDFromEnv", "awsSecretAccessKeyFromEnv")
_LEAST: Final = {"queueLength": 1, "activationQueueLength": 0}
_SWITCHES: Final = ("scaleOnInFlight", "scaleOnDelayed")


class Trigger(NamedTuple):
    """A trigger on an SQS queue, its ScaledObject, and what that scales, where it is here."""

    scaler: Tree
    target: Tree | None
    spec: Tree

    @property
    def label(self) -> str:
        """How it is called in a message."""
        return f"{label(self.scaler)}, trigger {_QUEUE}"

    @property
    def metadata(self) -> dict[str, Any]:
        """What it says to the scaler."""
        return self.spec.get("metadata") or {}

    def container(self, manifests: Manifests) -> Container | None:
        """Return the container whose environment KEDA reads."""
        return None if self.target is None else manifests.scaled_container(self.scaler, self.target)


def triggers(manifests: Manifests) -> Iterator[Trigger]:
    """Yield each trigger on an SQS queue."""
    for scaler, target in manifests.scaled():
        for spec in at(scaler, "spec.triggers", []):
            if spec.get("type") == _QUEUE:
                yield Trigger(scaler, target, spec)


def unknown_keys(manifests: Manifests) -> Iterator[Said]:
    """A key that KEDA does not know: it is passed over, and a default is taken in its place."""
    for trigger in triggers(manifests):
        for key in sorted(trigger.metadata.keys() - {*_KNOWN, *DEPRECATED}):
            near = difflib.get_close_matches(key, _KNOWN, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KNOWN)}"
            yield Fault(f"{trigger.label}, {key}", _shown(trigger.metadata[key]), f"KEDA knows no such key; {hint}")


def values(manifests: Manifests) -> Iterator[Said]:
    """A value of another type than KEDA reads."""
    for trigger in triggers(manifests):
        for key, value in trigger.metadata.items():
            thing, number = f"{trigger.label}, {key}", whole_number(value)
            if not isinstance(value, str):
                yield Fault(thing, _shown(value), f'it must be text: write "{_shown(value)}"')
            elif key in _SWITCHES and value not in ("true", "false"):
                yield Fault(thing, _shown(value), 'give "true" or "false"')
            elif key in _LEAST and (number is None or number < _LEAST[key]):
                yield Fault(thing, _shown(value), f"give a whole number from {_LEAST[key]}")


def in_flight(manifests: Manifests) -> Iterator[Said]:
    """Messages in hand that do not count, or nobody has said whether they do."""
    for trigger in triggers(manifests):
        value = trigger.metadata.get("scaleOnInFlight")
        if value in (None, "false"):
            way = 'set it to "true": without it the last pod is taken away while it works on the last messages'
            yield Fault(f"{trigger.label}, scaleOnInFlight", _shown(value), way)


def queue(manifests: Manifests) -> Iterator[Said]:
    """A trigger that names no queue, or names it twice, or by a variable that its container does not have."""
    for trigger in triggers(manifests):
        thing = f"{trigger.label}, queueURLFromEnv"
        url, variable = (str(trigger.metadata.get(key) or "") for key in ("queueURL", "queueURLFromEnv"))
        container = trigger.container(manifests)
        given = manifests.environment(container) if container else None
        if not url and not variable:
            yield Fault(thing, "not set", "name the variable that holds the queue's URL: LEADLINE_QUEUE")
        elif url and variable:
            yield Fault(thing, variable, f"queueURL, {url}, wins over it; take one of them out")
        elif container and given and variable not in given.values and given.judges(variable):
            yield Fault(thing, variable, f"{container.label} is given no such variable; LEADLINE_QUEUE is the worker's")


def region(manifests: Manifests) -> Iterator[Said]:
    """A region that is missing, or is another than the queue's."""
    for trigger in triggers(manifests):
        said, url = trigger.metadata.get("awsRegion"), _queue_url(trigger, manifests)
        found = queue_region(url) if url.startswith("https://") else None
        if not said:
            yield Fault(f"{trigger.label}, awsRegion", "not set", f"give the queue's: {found or 'such as eu-west-1'}")
        elif found not in (None, said):
            yield Fault(f"{trigger.label}, awsRegion", str(said), f"the queue {url} lies in {found}; give that")


def _queue_url(trigger: Trigger, manifests: Manifests) -> str:
    container = trigger.container(manifests)
    given = manifests.environment(container).values if container else {}
    return str(trigger.metadata.get("queueURL") or given.get(str(trigger.metadata.get("queueURLFromEnv")), ""))


def _shown(value: object) -> str:
    """Return a value as YAML has it."""
    if value is None:
        return "not set"
    return str(value).lower() if isinstance(value, bool) else str(value)
