"""Parts to and from JSON: numbers and inner parts stand there, arrays are named."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from propensity.compiled import linear, mixing, reshaping, splines, trees
from propensity.compiled.parts import NUMBER, SCORER, STEPS, ArrayOf, BadPart, Form, Scorer, forms, need

_SCORERS: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        mixing.Constant,
        mixing.Mean,
        mixing.Sigmoid,
        mixing.Steps,
        linear.Linear,
        linear.NaiveBayes,
        linear.Kernel,
        trees.Trees,
    )
}
_STEPS: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        reshaping.Centre,
        reshaping.Stretch,
        reshaping.Levels,
        reshaping.Products,
        splines.Splines,
        reshaping.Apart,
        reshaping.Chain,
    )
}
_KIND: Final = "kind"
_MAX_DEPTH: Final = 16

Arrays = dict[str, NDArray[Any]]


def encode(part: Any, arrays: Arrays) -> dict[str, Any]:  # noqa: ANN401  any part
    """Return a part as JSON, and put its arrays among the others."""
    found: dict[str, Any] = {_KIND: type(part).__name__}
    for name, form in forms(type(part)).items():
        value = getattr(part, name)
        if isinstance(form, ArrayOf):
            found[name] = label = f"a{len(arrays)}"
            arrays[label] = value
        elif isinstance(value, tuple):
            found[name] = [encode(one, arrays) for one in value]
        else:
            found[name] = value if form == NUMBER else encode(value, arrays)
    return found


def decode(root: object, arrays: Mapping[str, NDArray[Any]]) -> Scorer:
    """
    Return the part that JSON and arrays describe.

    Raises:
        BadPart: They describe none, or there are arrays that belong to none.
    """
    left = dict(arrays)
    found: Scorer = _decode(root, left, _SCORERS, _MAX_DEPTH)
    need(not left, f"holds arrays that belong to nothing: {', '.join(sorted(left)[:3])}")
    return found


def _decode(found: object, arrays: Arrays, kinds: Mapping[str, type[Any]], depth: int) -> Any:  # noqa: ANN401
    need(depth > 0, f"is nested more than {_MAX_DEPTH} deep")
    kind = kinds.get(str(found.get(_KIND))) if isinstance(found, dict) else None
    if kind is None or not isinstance(found, dict):
        name = found.get(_KIND) if isinstance(found, dict) else found
        raise BadPart(f"holds an unknown part, {str(name)[:40]!r}; this version knows {', '.join(kinds)}")
    fields = forms(kind)
    if set(found) != {_KIND, *fields}:
        raise BadPart(f"holds a {kind.__name__} with other fields than it has")
    return kind(**{name: _value(found[name], form, arrays, depth) for name, form in fields.items()})


def _value(found: object, form: Form, arrays: Arrays, depth: int) -> Any:  # noqa: ANN401
    if isinstance(form, ArrayOf):
        return _array(found, form, arrays)
    if form == NUMBER:
        need(isinstance(found, float) and math.isfinite(found), f"has {str(found)[:40]!r} where a number belongs")
        return found
    if form == SCORER:
        return _decode(found, arrays, _SCORERS, depth - 1)
    if not isinstance(found, list):
        raise BadPart(f"has {str(found)[:40]!r} where a list of parts belongs")
    kinds = _STEPS if form == STEPS else _SCORERS
    return tuple(_decode(one, arrays, kinds, depth - 1) for one in found)


def _array(name: object, form: ArrayOf, arrays: Arrays) -> NDArray[Any]:
    """Take an array from those that are left, so that none is used twice."""
    array = arrays.pop(name, None) if isinstance(name, str) else None
    if array is None:
        raise BadPart(f"lacks the array {str(name)[:40]!r}")
    if array.dtype.str not in form.kinds or array.ndim != form.ndim:
        raise BadPart(
            f"has in {name} an array of {array.dtype.str} and {array.ndim} dimensions, where "
            f"{' or '.join(form.kinds)} and {form.ndim} belong"
        )
    need(array.dtype.kind != "f" or np.isfinite(array).all(), f"has numbers in {name} that are not finite")
    return array
