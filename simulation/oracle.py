"""The subscriber of `examples/`, which integrators copy, as the judge of what a topic has come to."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

FILE: Final = Path(__file__).resolve().parent.parent / "examples" / "subscriber.py"


class Subscriber(Protocol):
    """What it promises."""

    def handle(self, message: dict[str, Any], /) -> bool:
        """Take one message of the topic."""

    def leads(self) -> list[dict[str, Any]]:
        """Return the data of the leads that stand."""


def new_subscriber() -> Subscriber:
    """Return a subscriber that has heard nothing yet."""
    subscriber: Subscriber = _example().Subscriber()
    return subscriber


@cache
def _example() -> Any:  # noqa: ANN401  a module that no package holds
    """Load the example by its path: it is a file to copy, in no package, and only a checkout has it."""
    spec = importlib.util.spec_from_file_location("leadline_example_subscriber", FILE)
    if spec is None or spec.loader is None:
        raise ImportError(f"{FILE} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
