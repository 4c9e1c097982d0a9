"""`compiled.npz`: the arrays of a compiled model, and JSON that says how they belong together. No pickle in it."""

import io
import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from propensity.compiled.errors import BadFile
from propensity.compiled.model import CompiledModel
from propensity.compiled.parts import BadPart
from propensity.compiled.structure import decode, encode

COMPILED: Final = "compiled.npz"
FORMAT: Final = 1

_HEADER: Final = "header"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MAX_ENTRIES: Final = 4096


def to_bytes(model: CompiledModel, pickle_sha256: str, columns: Sequence[str]) -> bytes:
    """
    Return the file: equal models give equal bytes.

    Args:
        model: What `compile_model` returned.
        pickle_sha256: Of the `model.pkl` that it was compiled from.
        columns: The features, in the order of the matrix.
    """
    from zipfile import ZipFile, ZipInfo

    arrays: dict[str, NDArray[Any]] = {}
    header = {"format": FORMAT, "pickle": pickle_sha256, "columns": list(columns), "root": encode(model.root, arrays)}
    text = np.frombuffer(json.dumps(header, separators=(",", ":")).encode(), np.uint8)
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, array in ((_HEADER, text), *arrays.items()):
            entry = ZipInfo(f"{name}.npy", _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            content = io.BytesIO()
            npy.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(entry, content.getvalue())
    return packed.getvalue()


def from_bytes(data: bytes, pickle_sha256: str, columns: Sequence[str]) -> CompiledModel:
    """
    Return the model. Everything is checked before a row is scored.

    Args:
        data: The file.
        pickle_sha256: Of the `model.pkl` beside it.
        columns: The features that the manifest names, in their order.

    Raises:
        BadFile: It is damaged, of another pickle, or holds what a compiled model does not.
    """
    arrays = _arrays(data)
    try:
        header = json.loads(arrays.pop(_HEADER).tobytes())
        version, pickled, named, root = (header[key] for key in ("format", "pickle", "columns", "root"))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadFile("has no header that says what it holds") from error
    if version != FORMAT:
        raise BadFile(f"has format {version!r}, and this version reads {FORMAT}")
    if pickled != pickle_sha256:
        raise BadFile(f"was made from another model.pkl, {str(pickled)[:12]}..., not from {pickle_sha256[:12]}...")
    if named != list(columns):
        raise BadFile("is for other columns than the manifest names")
    try:
        model = CompiledModel(decode(root, arrays), len(columns))
        model.root.check(model.n_features_in_)
    except BadPart as error:
        raise BadFile(str(error)) from error
    return model


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Read every entry; none may be compressed, so that none is larger than the file."""
    from zipfile import ZIP_STORED, BadZipFile, ZipFile

    try:
        with ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename.removesuffix(".npy") for entry in entries]
            if len(entries) > _MAX_ENTRIES or len(set(names)) < len(names):
                raise BadFile("has more entries than a compiled model, or two of one name")
            if any(entry.compress_type != ZIP_STORED or entry.flag_bits & 1 for entry in entries):
                raise BadFile("is compressed or encrypted, which a compiled model is not")
            if sum(entry.file_size for entry in entries) > len(data):
                raise BadFile("says that it holds more than its own size")
            return {name: _array(name, archive.read(entry)) for name, entry in zip(names, entries, strict=True)}
    except (BadZipFile, EOFError, OSError, NotImplementedError, ValueError, RuntimeError) as error:
        raise BadFile(f"is cut off or damaged ({error})") from error


def _array(name: str, content: bytes) -> NDArray[Any]:
    """Read one array by its header, without a pickle and without taking its word for the size."""
    stream = io.BytesIO(content)
    if npy.read_magic(stream) != (1, 0):
        raise BadFile(f"holds {name} in a form that a compiled model does not have")
    shape, by_columns, dtype = npy.read_array_header_1_0(stream)
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise BadFile(f"holds {name} with objects of Python inside, which would have to be unpickled")
    count = 1
    for size in shape:
        count *= size
    start = stream.tell()
    if by_columns or min(shape, default=0) < 0 or count * dtype.itemsize != len(content) - start:
        raise BadFile(f"holds {name}, which is not of the size that it says")
    array = np.frombuffer(content, dtype, count, start).reshape(shape).copy()  # a copy is aligned
    array.flags.writeable = False
    return array
