"""What these tests share."""

from tests.trained import demo_model

__all__ = ["demo_model"]
