"""The bundle's folder: written whole or not at all."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from propensity.bundle import MANIFEST
from propensity.signing import SIGNATURE
from schemas.manifest import Manifest
from training.errors import DestinationError


def check_destination(folder: Path) -> None:
    """
    Refuse a destination that holds anything else than a bundle of ours, or that cannot be written. Leave no trace.

    Raises:
        DestinationError: With the way out.
    """
    with _told(folder):
        place = _place(folder)
        with _workshop(place):
            pass


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """
    Hand out an empty folder beside the destination, and move it into place when all went well.

    An error leaves no trace and an existing bundle as it was. Where the destination is a link, the folder that it
    leads to is replaced, and the link stays.

    Raises:
        DestinationError: The destination holds something else, or cannot be written: before, within, or after the body.
    """
    with _told(folder):
        place = _place(folder)
        with _workshop(place) as workshop:
            draft = workshop / "new"
            draft.mkdir()
            yield draft
            _move(draft, place, workshop / "old")


def _place(folder: Path) -> Path:
    """Return where the folder really lies, if it may be made or replaced."""
    try:
        place = folder.resolve()
    except RuntimeError as error:  # how Python before 3.13 tells of links that lead in a circle
        raise DestinationError(f"{folder} is a link that leads in a circle; name another folder") from error
    if place.is_dir():
        _check_replaceable(folder, place)
    elif place.exists() or place.is_symlink():
        raise DestinationError(f"{folder} is a file; name a folder")
    return place


def _check_replaceable(folder: Path, place: Path) -> None:
    if place == Path.cwd():
        raise DestinationError(f"{folder} is the folder that you work in; name a folder inside it, such as ./model")
    if place.is_mount():
        raise DestinationError(f"{folder} is a mount point, which cannot be replaced; name a folder inside it")
    entries = {entry.name: entry.is_file() for entry in place.iterdir()}
    if not entries:
        return
    ours = _names_of_bundle(place)
    others = sorted(name for name, is_file in entries.items() if not is_file or name not in ours)
    if others:
        raise DestinationError(
            f"{folder} holds {', '.join(others[:3])}{', ...' if others[3:] else ''}, which a bundle of ours with its "
            f"{MANIFEST} does not; name a new folder, or empty this one yourself"
        )


def _names_of_bundle(place: Path) -> set[str]:
    """Return the files that a bundle there consists of; none, where there is no manifest of ours."""
    try:
        manifest = Manifest.model_validate_json((place / MANIFEST).read_bytes())
    except (FileNotFoundError, IsADirectoryError, ValidationError):
        return set()
    return {MANIFEST, SIGNATURE, *manifest.files}


@contextlib.contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """Make a folder to work in beside the place; afterwards remove it, and the parents that were made in vain."""
    made = [parent for parent in place.parents if not parent.exists()]
    workshop = place.with_name(f".{place.name}.{secrets.token_hex(4)}.draft")
    try:
        workshop.mkdir(parents=True)
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        for parent in made:
            with contextlib.suppress(OSError):  # the one that holds the bundle now, and those above it
                parent.rmdir()


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DestinationError(f"{folder} cannot be written: {error.strerror}; name another folder") from error


def _move(draft: Path, place: Path, old: Path) -> None:
    if not place.exists():
        draft.rename(place)
        return
    try:
        place.rename(old)
        draft.rename(place)
    finally:
        # Whatever came between the two, be it a signal.
        if not place.exists():
            old.rename(place)
