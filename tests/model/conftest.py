"""What these tests share."""

from tests.challengers import linear, scene, tree
from tests.trained import demo_model

__all__ = ["demo_model", "linear", "scene", "tree"]
