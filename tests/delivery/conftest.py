"""What the tests of the delivery share: the data's stack in moto, and a model."""

from collections.abc import Iterator

import pytest

from tests.delivery.stack import Stack, deployed
from tests.trained import demo_model

__all__ = ["demo_model", "stack"]


@pytest.fixture
def stack() -> Iterator[Stack]:
    """Deploy `infra/data.yaml`, for one test alone."""
    with deployed() as made:
        yield made
