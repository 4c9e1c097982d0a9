"""The fitted estimator as plain arrays: the same function, without scikit-learn and without a pickle."""

from typing import Any

from propensity.compiled.errors import BadFile, CannotCompile
from propensity.compiled.file import COMPILED, from_bytes, to_bytes
from propensity.compiled.model import CompiledModel

__all__ = ["COMPILED", "BadFile", "CannotCompile", "CompiledModel", "compile_model", "from_bytes", "to_bytes"]


def compile_model(estimator: Any) -> CompiledModel:  # noqa: ANN401  any fitted estimator
    """
    Return a fitted estimator as plain arrays: the same function, to the bit where it is made of trees alone.

    Args:
        estimator: A fitted classifier of the outcomes 0 and 1.

    Raises:
        CannotCompile: It holds a part that has no such form.
    """
    from propensity.compiled.fitted import compiled  # who only scores has no use for it

    return compiled(estimator)
