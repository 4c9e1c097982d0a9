"""A child process with limits on time and memory: what happens to it is told, and happens to it alone."""

import contextlib
import faulthandler
import os
import resource
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

WALL_S: Final = 60
"""A trial takes tenths of a second, and a few seconds where a new interpreter loads the libraries on little CPU."""

CPU_S: Final = 30
ROOM_BYTES: Final = 512 * 1024 * 1024
ROOM_PER_BYTE: Final = 4
"""What a child may take beyond what is loaded already: this much, and four times the pickle."""

_MAX_ANSWER: Final = 4096


class ChildFailed(Exception):
    """The child gave no answer; the text says what became of it."""


def only_thread() -> bool:
    """Tell whether a fork is safe: no other thread of ours can hold a lock that the child would wait for forever."""
    return hasattr(os, "fork") and threading.active_count() == 1


def run_fork(work: Callable[[], str], size: int, wall_s: float = WALL_S) -> str:
    """
    Have a fork of this process do some work, and return what it says.

    Args:
        work: Called in the child; returns a short text.
        size: Bytes of what the child works on: it gets memory accordingly.
        wall_s: How long it may take.

    Raises:
        ChildFailed: It could not be started or waited for, died, or took too long.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of threads; those that are left are numpy's, which a child must not wait for.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            pid = os.fork()
        except OSError as error:
            os.close(reading)
            os.close(writing)
            raise ChildFailed(f"cannot be started: {error.strerror}") from error
    if pid == 0:
        _be_child(work, writing, size)
    os.close(writing)
    status = None
    try:
        said = _read_all(reading, time.monotonic() + wall_s)
        status = os.waitpid(pid, 0)[1]
    except ChildProcessError as error:  # whoever started us ignores SIGCHLD: then nobody is told how a child ended
        status = -1
        raise ChildFailed("ended untold") from error
    finally:
        os.close(reading)
        if status is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return _answer(said, os.waitstatus_to_exitcode(status))


def run_command(arguments: Sequence[str], request: bytes, wall_s: float = WALL_S) -> str:
    """
    Have a new interpreter do some work, and return what it says. It sees nothing of our environment.

    Args:
        arguments: For Python: the module to run.
        request: What it reads from its stdin.
        wall_s: How long it may take.

    Raises:
        ChildFailed: It died, or took too long.
    """
    import subprocess  # a fork needs none of it

    environ = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **_ONE_THREAD}
    try:
        ran = subprocess.run(  # noqa: S603  our own interpreter and module
            [sys.executable, "-P", *arguments],
            input=request,
            capture_output=True,
            timeout=wall_s,
            env=environ,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ChildFailed(f"took longer than {wall_s:g} s") from error
    return _answer(ran.stdout, ran.returncode)


def limit(size: int) -> None:
    """Limit this process from now on: CPU seconds, memory beyond what it has, no file written, no core dumped."""
    _lower(resource.RLIMIT_CPU, CPU_S)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    with contextlib.suppress(OSError):  # where there is no /proc, memory is not limited
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + ROOM_BYTES + ROOM_PER_BYTE * size)


_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _lower(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _be_child(work: Callable[[], str], writing: int, size: int) -> NoReturn:
    """Do the work and end, without the parent's exit handlers, its signals' handlers or a word on its stdout."""
    code = 1
    try:
        faulthandler.disable()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        limit(size)
        os.write(writing, work().encode()[:_MAX_ANSWER])
        code = 0
    finally:
        os._exit(code)


def _read_all(reading: int, deadline: float) -> bytes:
    """Read until the child closes its end."""
    said = b""
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        piece = os.read(reading, _MAX_ANSWER)
        if not piece:
            return said
        said += piece
    raise ChildFailed("took too long")


def _answer(said: bytes, code: int) -> str:
    if code == -signal.SIGXCPU:
        raise ChildFailed(f"took more than {CPU_S} s of CPU")
    if code < 0:
        raise ChildFailed(f"was killed by {signal.Signals(-code).name}")
    if code or not said:
        raise ChildFailed(f"ended with exit code {code} and no verdict")
    return said.decode(errors="replace").strip()
