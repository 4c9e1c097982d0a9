"""A `compiled.npz` that is not what it should be is refused with its reason, before a row is scored."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from propensity.compiled import BadFile, compile_model, from_bytes, to_bytes
from propensity.features import FEATURES
from tests.good_models import KINDS, packed, rows

DIGEST: Final = "a" * 64
Arrays = dict[str, NDArray[Any]]


def file_of(kind: str) -> bytes:
    return to_bytes(compile_model(packed(kind)), DIGEST, FEATURES)


def unpacked(data: bytes) -> tuple[dict[str, Any], Arrays]:
    """Return the header and the other arrays, by numpy's own reader."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(arrays.pop("header").tobytes()), arrays


def repacked(header: Any, arrays: Arrays) -> bytes:  # noqa: ANN401  JSON
    return archived(np.frombuffer(json.dumps(header).encode(), np.uint8), arrays)


def archived(header: NDArray[Any], arrays: Arrays, save: Callable[..., None] = np.savez) -> bytes:
    """Write an archive by numpy's own writer."""
    out = io.BytesIO()
    save(out, header=header, **arrays)
    return out.getvalue()


def refuse(data: bytes, why: str) -> None:
    with pytest.raises(BadFile, match=why):
        from_bytes(data, DIGEST, FEATURES)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_scores_the_same_when_it_is_read(kind: str) -> None:
    model = compile_model(packed(kind))
    columns, _ = rows()

    again = from_bytes(file_of(kind), DIGEST, FEATURES)

    assert np.array_equal(model.predict_proba(columns), again.predict_proba(columns))
    assert np.array_equal(model.attributions(columns), again.attributions(columns))
    assert to_bytes(again, DIGEST, FEATURES) == file_of(kind)


def test_numpys_own_reader_reads_it_without_pickles() -> None:
    header, arrays = unpacked(file_of("vote"))

    assert (1, DIGEST, list(FEATURES)) == (header["format"], header["pickle"], header["columns"])
    assert arrays
    assert from_bytes(repacked(header, arrays), DIGEST, FEATURES)


def test_one_of_another_pickle_or_of_other_columns_is_refused() -> None:
    data = file_of("tree")

    with pytest.raises(BadFile, match=r"was made from another model\.pkl, aaaaaaaaaaaa\.\.\., not from bbbb"):
        from_bytes(data, "b" * 64, FEATURES)
    with pytest.raises(BadFile, match="is for other columns than the manifest names"):
        from_bytes(data, DIGEST, FEATURES[::-1])
    with pytest.raises(BadFile, match="is for other columns"):
        from_bytes(data, DIGEST, FEATURES[:-1])


def test_one_that_is_cut_off_anywhere_is_refused() -> None:
    data = file_of("tree")
    for end in (0, 1, 30, len(data) // 2, len(data) - 30, len(data) - 1):
        refuse(data[:end], "is cut off or damaged")


def test_no_flipped_bit_is_read_as_another_model() -> None:
    """It is refused, or it stands where nothing is read from."""
    data = file_of("tree")
    columns, _ = rows()
    expected = from_bytes(data, DIGEST, FEATURES).predict_proba(columns)
    chance = np.random.default_rng(0)
    refused = 0
    for place in chance.integers(0, len(data) * 8, 400).tolist():
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        try:
            found = from_bytes(bytes(flipped), DIGEST, FEATURES)
        except BadFile:
            refused += 1
        else:
            assert np.array_equal(expected, found.predict_proba(columns))
    assert refused > 200


def test_objects_are_refused_and_nothing_is_unpickled() -> None:
    header, arrays = unpacked(file_of("tree"))

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return pytest.fail, ("it was unpickled",)

    name = next(iter(arrays))
    refuse(repacked(header, {**arrays, name: np.array([Trap()], dtype=object)}), f"holds {name} with objects of Python")
    fields = np.zeros(3, dtype=[("a", "f8"), ("b", "i8")])
    refuse(repacked(header, {**arrays, name: fields}), f"holds {name} with objects of Python")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda header, _: header.update(format=2), "has format 2, and this version reads 1"),
        (lambda header, _: header.pop("root"), "has no header"),
        (lambda header, _: header.update(root=7), "holds an unknown part, '7'"),
        (lambda header, _: header["root"].update(kind="Oracle"), "holds an unknown part, 'Oracle'; .* Trees"),
        (lambda header, _: header["root"].update(kind="Chain"), "holds an unknown part, 'Chain'"),
        (lambda header, _: header["root"].update(more=1), "holds a Trees with other fields"),
        (lambda header, _: header["root"].pop("masks"), "holds a Trees with other fields"),
        (lambda header, _: header["root"].update(divisor="1"), "has '1' where a number belongs"),
        (lambda header, _: header["root"].update(divisor=float("nan")), "has 'nan' where a number belongs"),
        (lambda header, _: header["root"].update(divisor=0.0), "divided by what is not above zero"),
        (lambda header, _: header["root"].update(cuts="a99"), "lacks the array 'a99'"),
        (lambda header, _: header["root"].update(cuts=["a1"]), "lacks the array"),
        (lambda header, _: header["root"].update(cuts=header["root"]["values"]), "lacks the array"),
        (lambda _, arrays: arrays.update(extra=np.zeros(1)), "arrays that belong to nothing: extra"),
    ],
)
def test_a_structure_that_is_none_is_refused(change: Callable[[Any, Arrays], object], why: str) -> None:
    header, arrays = unpacked(file_of("tree"))
    change(header, arrays)

    refuse(repacked(header, arrays), why)


@pytest.mark.parametrize(
    ("field", "spoil", "why"),
    [
        ("columns", lambda a: a + 100, "columns out of range: there are 9"),
        ("columns", lambda a: a - 100, "columns out of range"),
        ("columns", lambda a: a[:-1], "not one count of cuts for each column"),
        ("columns", lambda a: a.astype(np.float64), "an array of <f8 and 1 dimensions, where <i8 and 1 belong"),
        ("columns", lambda a: a.astype(">i8"), "an array of >i8"),
        ("columns", lambda a: a[None], "and 2 dimensions"),
        ("sizes", lambda a: a + 1, "cuts where"),
        ("sizes", lambda a: -a, "without columns|cuts where"),
        ("sizes", lambda a: a + 2**62, "cuts where|rows of masks"),
        ("groups", lambda a: a * 0, "not one count of cuts"),
        ("cuts", lambda a: a[::-1], "cuts that do not rise"),
        ("cuts", lambda a: a * np.nan, "are not finite"),
        ("cuts", lambda a: np.append(a, 1e9), "cuts where"),
        ("masks", lambda a: a[1:], "rows of masks, and .* are needed"),
        ("masks", lambda a: a[:, :0], "has no words"),
        ("masks", lambda a: a.astype(np.int64), "an array of <i8"),
        ("masks", lambda a: np.hstack([a, a]), "values for"),
        ("values", lambda a: a[1:], "values for .* leaves"),
        ("values", lambda a: a + np.inf, "are not finite"),
        ("paths", lambda a: a[:, 1:], "has paths of"),
        ("paths", lambda a: a.astype(np.float64), "an array of <f8"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(
    field: str, spoil: Callable[[NDArray[Any]], NDArray[Any]], why: str
) -> None:
    header, arrays = unpacked(file_of("tree"))
    name = header["root"][field]
    arrays[name] = spoil(arrays[name])

    refuse(repacked(header, arrays), why)


def test_a_mask_without_a_leaf_is_no_way_out_of_the_tables() -> None:
    """A row that no leaf is left for looks up the empty word's value, never what lies behind the tables."""
    header, arrays = unpacked(file_of("forest"))
    name = header["root"]["masks"]
    arrays[name] = np.zeros_like(arrays[name])

    found = from_bytes(repacked(header, arrays), DIGEST, FEATURES)

    assert (found.predict_proba(rows()[0])[:, 1] == 0).all()


@pytest.mark.parametrize("kind", ["engineered columns", "splines", "polynomials", "naive Bayes", "support vectors"])
def test_parts_without_trees_are_checked_as_well(kind: str) -> None:
    """One number less in any array, or numbers that are out of range or none, and it is refused."""
    header, arrays = unpacked(file_of(kind))
    refused = 0
    for name, array in arrays.items():
        if array.size == 0:
            continue
        refuse(repacked(header, {**arrays, name: array[..., :-1]}), "has |is |holds |counts ")
        worse = array + 10_000 if array.dtype.kind == "i" else np.full_like(array, np.inf)
        refuse(repacked(header, {**arrays, name: worse}), "out of range|counts its columns|are not finite|count")
        refused += 1
    assert refused


def test_parts_nested_without_end_are_refused() -> None:
    header, arrays = unpacked(file_of("tree"))
    root = header["root"]
    for _ in range(40):
        root = {"kind": "Sigmoid", "inner": root, "slope": 1.0, "shift": 0.0}

    refuse(repacked({**header, "root": root}, arrays), "is nested more than 16 deep")


def test_a_header_of_brackets_is_refused() -> None:
    _, arrays = unpacked(file_of("tree"))
    refuse(archived(np.frombuffer(b"[" * 100_000, np.uint8), arrays), "has no header")


def test_compressed_entries_are_refused_so_that_none_is_larger_than_the_file() -> None:
    header, arrays = unpacked(file_of("tree"))
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    data = archived(text, {**arrays, "bomb": np.zeros(10**7)}, np.savez_compressed)
    assert len(data) < 10**6

    refuse(data, "is compressed or encrypted")


def entries(*named: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in named:
            archive.writestr(name, content)
    return out.getvalue()


def npy(shape: str, content: bytes = b"") -> bytes:
    """Return an array's file whose header says what it likes."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entries_that_lie_about_their_size_or_name_are_refused() -> None:
    refuse(entries(("header.npy", npy("(1000000000000,)"))), "holds header, which is not of the size that it says")
    refuse(entries(("header.npy", npy("(-1,)"))), "not of the size")
    refuse(entries(("header.npy", npy("(2,)", b"x" * 8))), "not of the size")
    refuse(entries(("header.npy", b"\x93NUMPY\x02\x00")), "in a form that a compiled model does not have")
    refuse(entries(("header.npy", b"no array")), "is cut off or damaged")
    refuse(entries(("header.npy", npy("(0,)")), ("header", npy("(0,)"))), "two of one name")
    refuse(entries(*((f"a{at}.npy", b"") for at in range(5000))), "has more entries")
    refuse(entries(("a.npy", npy("(0,)"))), "has no header")
    refuse(b"no archive at all", "is cut off or damaged")


def test_entries_that_share_their_bytes_are_refused() -> None:
    """Many names for one stretch of the file would be larger, read, than the file is."""
    data = bytearray(entries(("a.npy", npy("(0,)") + b"\0" * 100_000), ("b.npy", npy("(0,)"))))
    second = data.rindex(b"PK\x01\x02")
    for at, value in ((20, 100_128), (24, 100_128)):
        data[second + at : second + at + 4] = struct.pack("<I", value)

    refuse(bytes(data), "says that it holds more than its own size")
