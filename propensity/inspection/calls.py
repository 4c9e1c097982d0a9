"""What a pickle may call, and with which arguments: types of numbers, arrays, single numbers, random states."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from propensity.inspection.values import Made, Name, is_whole

MAX_DIMENSIONS: Final = 4

_DTYPE: Final = ("numpy", "dtype")
_FROM_BUFFER: Final = ("numpy._core.numeric", "_frombuffer")
_RECONSTRUCT: Final = ("numpy._core.multiarray", "_reconstruct")
_NUMBER: Final = re.compile(r"b1|[iu][1248]|f[248]")
_TEXT: Final = re.compile(r"U[1-9]\d{0,2}")
_RECORD: Final = re.compile(r"V[1-9]\d{0,2}")
_NO_FIELDS: Final = (None, None, None, -1, -1)
_GENERATORS: Final = (("numpy.random._mt19937", "MT19937"), ("numpy.random._pcg64", "PCG64"))


class Array(NamedTuple):
    """
    An array that would be made.

    Attributes:
        dtype: Of numbers, texts, records of numbers, or objects.
        shape: As it is declared, and found to agree with the data.
        order: C or F.
        data: The bytes, or the list of objects.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str
    data: Any

    @property
    def values(self) -> NDArray[Any]:
        """The numbers or records themselves."""
        return np.frombuffer(self.data, self.dtype).reshape(self.shape, order="F" if self.order == "F" else "C")


def check_call(made: Made) -> None:
    """
    Check the arguments of a call, and the state that goes with it.

    Raises:
        Refused: They are not what fitted classifiers have.
    """
    check = _CHECKS.get(made.of)
    if check is not None and not check(made):
        raise made.refuse("with arguments or a state that no fitted classifier has; it was put together by hand")


def array_of(value: object) -> Array | None:
    """
    Return the array that a value stands for; None if it is none.

    Raises:
        Refused: Shape, type and data do not agree, or the type is none of numbers, texts, records or objects.
    """
    if not isinstance(value, Made):
        return None
    if value.of == _FROM_BUFFER:
        return _from_buffer(value)
    return _from_state(value) if value.of == _RECONSTRUCT else None


def _from_buffer(made: Made) -> Array:
    if len(made.arguments) != 4:
        raise made.refuse("wants four arguments")
    data, dtype, shape, order = made.arguments
    array = Array(_dtype_of(made, dtype), _shape_of(made, shape), order, data)
    if array.order not in ("C", "F") or not isinstance(data, memoryview) or array.dtype.hasobject:
        raise made.refuse("of what is no buffer of numbers")
    return _agreeing(made, array, len(data))


def _from_state(made: Made) -> Array:
    if len(made.arguments) != 3 or made.arguments[:2] != (Name("numpy", "ndarray"), (0,)) or made.arguments[2] != b"b":
        raise made.refuse("of what is no plain array; subclasses and mapped files are refused")
    if not isinstance(made.state, tuple) or len(made.state) != 5 or made.state[0] != 1:
        raise made.refuse("without the five parts of an array's state")
    _, shape, dtype, is_fortran, data = made.state
    array = Array(_dtype_of(made, dtype), _shape_of(made, shape), "F" if is_fortran is True else "C", data)
    if array.dtype.hasobject != isinstance(data, list) or not isinstance(data, list | memoryview):
        raise made.refuse("of objects wants a list, of numbers bytes: a nested pickle is refused")
    return _agreeing(made, array, len(data) * (array.dtype.itemsize if isinstance(data, list) else 1))


def _agreeing(made: Made, array: Array, size: int) -> Array:
    wanted = math.prod(array.shape) * array.dtype.itemsize
    if wanted != size:
        raise made.refuse(f"declares an array of {wanted} bytes, shape {array.shape}, and {size} are there")
    return array


def _shape_of(made: Made, shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS or not all(is_whole(n) and n >= 0 for n in shape):
        raise made.refuse("with a shape that is none")
    return tuple(shape)


def _dtype_of(made: Made, dtype: object) -> np.dtype[Any]:
    found = _understood(dtype) if isinstance(dtype, Made) and dtype.of == _DTYPE else None
    if found is None:
        raise made.refuse("with a type that is none of numbers, texts, records of numbers or objects")
    return found


def _understood(made: Made) -> "np.dtype[Any] | None":
    """
    Return the type, if its state says what its name says, and None otherwise.

    A state can make numpy take bytes for addresses of objects, or read beyond the end: nothing is left to it.
    """
    if len(made.arguments) != 3 or made.arguments[1:] != (False, True) or not isinstance(made.arguments[0], str):
        return None
    name = made.arguments[0]
    if _NUMBER.fullmatch(name):
        mark = "|" if name in ("b1", "i1", "u1") else "<"
        return np.dtype(name) if made.state in (None, (3, mark, *_NO_FIELDS, 0)) else None
    if name == "O8":
        return np.dtype("O") if made.state in (None, (3, "|", *_NO_FIELDS, 63)) else None
    if _TEXT.fullmatch(name):
        return np.dtype(name) if made.state == (3, "<", None, None, None, 4 * int(name[1:]), 4, 8) else None
    return _record(made, int(name[1:])) if _RECORD.fullmatch(name) else None


def _record(made: Made, size: int) -> "np.dtype[Any] | None":
    state = made.state
    if not isinstance(state, tuple) or len(state) != 8 or (*state[:3], *state[5:]) != (3, "|", None, size, 1, 16):
        return None
    names, fields = state[3], state[4]
    if not isinstance(names, tuple) or not isinstance(fields, dict) or list(fields) != list(names):
        return None
    formats, offsets, end = [], [], 0
    for name, field in fields.items():
        if not isinstance(name, str) or not isinstance(field, tuple) or len(field) != 2:
            return None
        inner = _understood(field[0]) if isinstance(field[0], Made) and _is_number(field[0]) else None
        if inner is None or not is_whole(field[1]) or not end <= field[1] <= size - inner.itemsize:
            return None
        formats.append(inner)
        offsets.append(field[1])
        end = field[1] + inner.itemsize
    return np.dtype({"names": list(names), "formats": formats, "offsets": offsets, "itemsize": size})


def _is_number(made: Made) -> bool:
    name = made.arguments[0] if made.of == _DTYPE and made.arguments else None
    return isinstance(name, str) and _NUMBER.fullmatch(name) is not None


def _is_array(made: Made) -> bool:
    return array_of(made) is not None


def _is_scalar(made: Made) -> bool:
    if len(made.arguments) != 2:
        return False
    dtype, data = made.arguments
    found = _dtype_of(made, dtype)
    return found.kind in "biufU" and isinstance(data, memoryview) and len(data) == found.itemsize


def _is_slice(made: Made) -> bool:
    return len(made.arguments) == 3 and all(part is None or is_whole(part) for part in made.arguments)


def _is_generator(made: Made) -> bool:
    return len(made.arguments) == 1 and made.arguments[0] in _GENERATORS


def _is_random_state(made: Made) -> bool:
    kinds = [part.of for part in made.arguments if isinstance(part, Made)]
    return len(made.arguments) == 1 and kinds == [("numpy.random._pickle", "__bit_generator_ctor")]


def _is_seed(made: Made) -> bool:
    kind = made.arguments[0] if len(made.arguments) == 3 else None
    return kind == ("numpy.random.bit_generator", "SeedSequence") and all(
        part is None or is_whole(part) for part in made.arguments[1:]
    )


def _has_no_arguments(made: Made) -> bool:
    return not made.arguments


_CHECKS: Final[Mapping[tuple[str, str], Callable[[Made], bool]]] = {
    _DTYPE: lambda made: _understood(made) is not None,
    _FROM_BUFFER: _is_array,
    _RECONSTRUCT: _is_array,
    ("numpy._core.multiarray", "scalar"): _is_scalar,
    ("builtins", "slice"): _is_slice,
    ("numpy.random._pickle", "__bit_generator_ctor"): _is_generator,
    ("numpy.random._pickle", "__generator_ctor"): _is_random_state,
    ("numpy.random._pickle", "__randomstate_ctor"): _is_random_state,
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"): _is_seed,
    ("sklearn._loss._loss", "CyExponentialLoss"): _has_no_arguments,
    ("sklearn._loss._loss", "CyHalfBinomialLoss"): _has_no_arguments,
}
