"""A handful of files as one archive, the same bytes for the same files; and back, whoever has made the archive."""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from leadline.output import CheckFailed

MAX_FILES: Final = 500
MAX_BYTES: Final = 512 * 1024 * 1024
"""Of all files of an archive together, unpacked, and of the archive itself."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_BEGINNING_OF_TIME: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError,
    OverflowError, LookupError
)  # fmt: skip
"""What `zipfile` raises on bytes that are no archive, or half of one."""


class File(NamedTuple):
    """A file: its content, and whether it may be run."""

    content: bytes
    executable: bool = False


class Bounds(NamedTuple):
    """How much is unpacked at most: files, and bytes of all together."""

    files: int = MAX_FILES
    total: int = MAX_BYTES


def to_zip(files: Mapping[str, File]) -> bytes:
    """Pack files, in the order of their names and without dates, so that the same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _BEGINNING_OF_TIME)
            entry.create_system = _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | (0o755 if files[name].executable else 0o644)) << 16
            archive.writestr(entry, files[name].content)
    return packed.getvalue()


def from_zip(data: bytes, what: str, bounds: Bounds = Bounds()) -> dict[str, File]:  # noqa: B008  it is immutable
    """
    Unpack an archive into memory; nothing is written.

    Args:
        data: The archive.
        what: How it is called, for what is raised.
        bounds: More than this is not unpacked, whatever the archive says of itself.

    Raises:
        CheckFailed: It is damaged or incomplete, larger than the bounds, or holds a name that leads elsewhere.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            _check(entries, what, bounds)
            return {entry.filename: _read(archive, entry) for entry in entries}
    except _DAMAGED as error:
        raise CheckFailed(f"{what} is damaged, or only a part of an archive ({error}); upload it again") from error


def from_folder(folder: Path, bounds: Bounds = Bounds()) -> dict[str, File]:  # noqa: B008  it is immutable
    """
    Read all files of a folder, as if it were an archive.

    Raises:
        CheckFailed: It cannot be read, is larger than the bounds, or holds what is no plain file.
    """
    try:
        paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
        _check_names([path.relative_to(folder).as_posix() for path in paths], str(folder), bounds)
        for path in paths:
            if path.is_symlink() or not path.is_file():
                raise CheckFailed(f"{path} is no plain file; only plain files belong there")
        _check_size(sum(path.stat().st_size for path in paths), str(folder), bounds)
        return {path.relative_to(folder).as_posix(): _plain(path) for path in paths}
    except OSError as error:
        raise CheckFailed(f"{folder} cannot be read: {error}") from error


def read(place: Path) -> dict[str, File]:
    """
    Read a folder or an archive.

    Raises:
        CheckFailed: There is neither, or it is not as it must be.
    """
    if place.is_dir():
        return from_folder(place)
    try:
        if place.stat().st_size > MAX_BYTES:
            raise CheckFailed(f"{place} is larger than {MAX_BYTES} bytes; it is none of ours")
        return from_zip(place.read_bytes(), str(place))
    except OSError as error:
        raise CheckFailed(f"{place} cannot be read ({error.strerror}); name a folder or a .zip file") from error


def write(files: Mapping[str, File], folder: Path) -> None:
    """
    Write files into a folder that is empty, or is made.

    Raises:
        CheckFailed: It holds something, or cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise CheckFailed(f"{folder} is not empty; name a folder that is empty or not there")
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            path.chmod(0o755 if file.executable else 0o644)
    except OSError as error:
        raise CheckFailed(f"{folder} cannot be written: {error}") from error


def _check(entries: Sequence[zipfile.ZipInfo], what: str, bounds: Bounds) -> None:
    _check_names([entry.orig_filename for entry in entries], what, bounds)
    _check_size(sum(entry.file_size for entry in entries), what, bounds)
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == _UNIX else 0
        if kind not in {0, stat.S_IFREG} or entry.compress_type not in _METHODS or entry.flag_bits & 1:
            raise CheckFailed(f"{what}: {entry.filename} is a link, encrypted, or packed in an unusual way")


def _check_names(names: Sequence[str], what: str, bounds: Bounds) -> None:
    if len(names) > bounds.files:
        raise CheckFailed(f"{what} holds {len(names)} files, and {bounds.files} are allowed; it is none of ours")
    for name in names:
        if not _NAME.fullmatch(name):
            raise CheckFailed(f"{what} holds {name!r}, a name that may lead elsewhere; it is none of ours")
    twice = [name for name, count in Counter(name.lower() for name in names).items() if count > 1]
    if twice or set(names) & {folder for name in names for folder in _folders(name)}:
        raise CheckFailed(f"{what} holds one name twice{': ' + twice[0] if twice else ''}; it is none of ours")


def _check_size(total: int, what: str, bounds: Bounds) -> None:
    if total > bounds.total:
        raise CheckFailed(f"{what} has {total} bytes unpacked, and {bounds.total} are allowed; it is none of ours")


def _folders(name: str) -> Iterator[str]:
    parts = name.split("/")[:-1]
    return ("/".join(parts[: i + 1]) for i in range(len(parts)))


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> File:
    """Read no more than the entry says of itself, which is within bounds. At its end `zipfile` checks the CRC."""
    with archive.open(entry) as packed:
        content = packed.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise ValueError(f"{entry.filename} has another length than the archive says")
    return File(content, bool((entry.external_attr >> 16) & 0o100))


def _plain(path: Path) -> File:
    return File(path.read_bytes(), bool(path.stat().st_mode & 0o100))
