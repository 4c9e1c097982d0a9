"""Archives: the same bytes for the same files, and nothing that leads elsewhere, is damaged or too large."""

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.output import CheckFailed
from leadline.release.archive import Bounds, File, from_folder, from_zip, read, to_zip, write

FILES: Final = {
    "appspec.yml": File(b"version: 0.0\n"),
    "deploy/hooks/verify.sh": File(b"#!/bin/sh\n", executable=True),
    "model.pkl": File(bytes(range(256)) * 20),
}


def made(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive as anybody could make it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return packed.getvalue()


def test_files_come_back_as_they_were_and_the_archive_is_the_same_every_time() -> None:
    packed = to_zip(FILES)

    assert packed == to_zip(dict(reversed(FILES.items())))
    assert FILES == from_zip(packed, "it")


def test_an_archive_is_one_that_others_unpack_with_the_right_to_run(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(to_zip(FILES))) as archive:
        assert None is archive.testzip()
        modes = {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in archive.infolist()}
    assert {"appspec.yml": 0o644, "deploy/hooks/verify.sh": 0o755, "model.pkl": 0o644} == modes

    write(FILES, tmp_path / "out")

    assert FILES == from_folder(tmp_path / "out") == read(tmp_path / "out")


def test_half_an_archive_is_none_wherever_it_was_cut() -> None:
    packed = to_zip(FILES)

    for length in range(len(packed)):
        with pytest.raises(CheckFailed, match="it is damaged, or only a part of an archive"):
            from_zip(packed[:length], "it")


@given(st.data())
def test_a_bit_that_flipped_never_gives_other_content(data: st.DataObject) -> None:
    """It is refused, or changes a date or a name, or hides a file: that is for the signed list of files to tell."""
    packed = bytearray(to_zip(FILES))
    place = data.draw(st.integers(0, len(packed) * 8 - 1))
    packed[place // 8] ^= 1 << place % 8

    try:
        found = from_zip(bytes(packed), "it")
    except CheckFailed:
        return
    assert {file.content for file in found.values()} <= {file.content for file in FILES.values()}


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/x",
        "a/../../x",
        "a//b",
        "./a",
        "a/.",
        "C:\\x",
        "a\\..\\b",
        ".hidden",
        "a/.ssh",
        "a b",
        "ü",
    ],
)
def test_a_name_that_may_lead_elsewhere_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(made(("good", b"x"), (name, b"x")))

    with pytest.raises(CheckFailed):
        read(tmp_path / "it.zip")
    assert ["it.zip"] == [path.name for path in tmp_path.rglob("*")]


@pytest.mark.parametrize("name", [b"a\x00b", b"\x00ab"])
def test_a_name_that_ends_early_for_some_is_refused(name: bytes) -> None:
    with pytest.raises(CheckFailed):
        from_zip(made(("a/b", b"x")).replace(b"a/b", name), "it")


def test_an_entry_without_a_name_is_refused() -> None:
    with pytest.raises(CheckFailed, match="holds '', a name that may lead elsewhere"):
        from_zip(made((zipfile.ZipInfo(""), b"x")), "it")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a", "A"), ("a", "a/b"), ("x/y/z", "x/y")])
def test_a_name_that_comes_twice_is_refused(names: tuple[str, str]) -> None:
    with pytest.raises(CheckFailed, match="holds one name twice"):
        from_zip(made(*((name, b"x") for name in names)), "it")


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("link")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "archive", [lambda: made((link(), b"/etc/passwd")), lambda: made(("a", b"x"), method=zipfile.ZIP_BZIP2)]
)
def test_links_and_unusual_ways_of_packing_are_refused(archive: Callable[[], bytes]) -> None:
    with pytest.raises(CheckFailed, match="is a link, encrypted, or packed in an unusual way"):
        from_zip(archive(), "it")


def test_what_unpacks_to_more_than_the_bounds_is_not_unpacked() -> None:
    bomb = made(*((f"zeros-{number}", bytes(1000)) for number in range(3)))

    assert 3 == len(from_zip(bomb, "it", Bounds(files=3, total=3000)))
    with pytest.raises(CheckFailed, match="it has 3000 bytes unpacked, and 2999 are allowed"):
        from_zip(bomb, "it", Bounds(files=3, total=2999))
    with pytest.raises(CheckFailed, match="it holds 3 files, and 2 are allowed"):
        from_zip(bomb, "it", Bounds(files=2, total=3000))


def test_an_archive_that_lies_about_a_length_is_damaged() -> None:
    packed = bytearray(made(("a", bytes(1000))))
    entry = packed.index(b"PK\x01\x02")
    packed[entry + 24 : entry + 28] = (10).to_bytes(4, "little")  # the length of the file, unpacked

    with pytest.raises(CheckFailed, match="damaged"):
        from_zip(bytes(packed), "it")


def test_a_folder_with_a_link_or_too_much_in_it_is_refused(tmp_path: Path) -> None:
    write(FILES, tmp_path / "in")
    with pytest.raises(CheckFailed, match="bytes unpacked"):
        from_folder(tmp_path / "in", Bounds(total=100))
    (tmp_path / "in" / "link").symlink_to("/etc/passwd")
    with pytest.raises(CheckFailed, match="is no plain file"):
        from_folder(tmp_path / "in")


def test_nothing_is_written_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")

    with pytest.raises(CheckFailed, match="is not empty"):
        write(FILES, tmp_path)
    assert ["old"] == [path.name for path in tmp_path.iterdir()]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match=r"name a folder or a \.zip file"):
        read(tmp_path / "gone")
