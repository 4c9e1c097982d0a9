"""What is deployed of the source: exactly what the commit has."""

import subprocess
from pathlib import Path, PurePosixPath
from typing import Final

from leadline.output import CheckFailed, Failed
from leadline.release.archive import File

SOURCES: Final = ("appspec.yml", "deploy", "k8s")
"""What a revision takes over."""
_GIT_TIMEOUT_S: Final = 60


def source_files(root: Path, commit: str) -> dict[str, File]:
    """
    Return what is deployed of the source: no caches, no hidden files.

    Args:
        root: A checkout of git, whose tracked files are taken; or the files of a commit alone, as CodePipeline hands
            them on, which are taken all.
        commit: The commit that a checkout must be of.

    Raises:
        CheckFailed: Something of it is missing, is no plain file, or is not as the commit has it.
    """
    found = _tracked(root, commit) if (root / ".git").exists() else _present(root)
    names = sorted(name for name in found if not _is_left_behind(name))
    for source in SOURCES:
        if not any(name == source if source.endswith(".yml") else name.startswith(f"{source}/") for name in names):
            raise CheckFailed(f"{root / source} is not there as it must be; --from names the root of the source")
    return {name: plain_file(root / name) for name in names}


def plain_file(path: Path) -> File:
    """
    Read a file, and whether it may be run.

    Raises:
        CheckFailed: It is no plain file.
        Failed: It cannot be read.
    """
    if path.is_symlink() or not path.is_file():
        raise CheckFailed(f"{path} is no plain file")
    try:
        return File(path.read_bytes(), bool(path.stat().st_mode & 0o100))
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from error


def _present(root: Path) -> list[str]:
    return [
        path.relative_to(root).as_posix()
        for source in SOURCES
        for path in (root / source, *(root / source).rglob("*"))
        if path.is_symlink() or path.is_file()
    ]


def _tracked(root: Path, commit: str) -> list[str]:
    at = _git(root, "rev-parse", "HEAD").strip()
    if at != commit:
        raise CheckFailed(f"{root} is a checkout of {at}, and --commit says {commit}; check that commit out")
    changed = _git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--", *SOURCES)
    if changed:
        raise CheckFailed(
            f"{root}: {changed.split(chr(0))[0][3:]} is not as commit {commit} has it; commit it, or take it away"
        )
    return [name for name in _git(root, "ls-files", "-z", "--", *SOURCES).split("\0") if name]


def _git(root: Path, *words: str) -> str:
    try:
        ran = subprocess.run(  # noqa: S603  none of the words comes from outside
            ["git", "-C", str(root), *words],  # noqa: S607  the one that is on the path, as `make` takes it
            capture_output=True,
            text=True,
            check=True,
            timeout=_GIT_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        raise CheckFailed(f"{root}: git {words[0]} says: {error.stderr.strip()}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise CheckFailed(f"{root} is a checkout, and git cannot be asked what is in it: {error}") from error
    return ran.stdout


def _is_left_behind(name: str) -> bool:
    """Tell what Python or an editor leaves behind."""
    path = PurePosixPath(name)
    return path.suffix == ".pyc" or any(part.startswith(".") or part == "__pycache__" for part in path.parts)
