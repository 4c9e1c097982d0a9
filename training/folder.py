"""The bundle's folder: written whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from propensity.bundle import MANIFEST
from training.errors import DestinationError


def check_destination(folder: Path) -> None:
    """
    Refuse a destination that holds something else than a bundle.

    Raises:
        DestinationError: With the way out.
    """
    if folder.is_dir():
        if any(folder.iterdir()) and not (folder / MANIFEST).is_file():
            raise DestinationError(
                f"{folder} holds other files and no {MANIFEST}; name a new folder, or one with a bundle"
            )
    elif folder.exists():
        raise DestinationError(f"{folder} is a file; name a folder")


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """
    Hand out an empty folder beside the destination, and move it into place when all went well.

    An error leaves no trace and an existing bundle as it was.

    Raises:
        DestinationError: The destination holds something else, or cannot be written.
    """
    check_destination(folder)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise DestinationError(f"{draft.parent} cannot be written: {error.strerror}; name another folder") from error
    try:
        yield draft
        _move(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _move(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)
