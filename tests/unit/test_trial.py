"""What happens in the child happens to the child alone, and is told."""

import ctypes
import errno
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from propensity import child, trial
from propensity.bundle import BundleError, dump, load
from propensity.child import ChildFailed, run_command, run_fork
from propensity.scoring import score
from propensity.trial import OK, Unfit, prove, prove_in_child, with_one_thread
from tests.bundles import Keys, likely_above, make_bundle, manifest_of, replace_model
from tests.good_models import fitted, packed, rows
from tests.hostile_pickles import PLAUSIBLE


def _crash() -> str:
    return str(ctypes.string_at(0))


def _hang() -> str:
    time.sleep(600)
    return OK


def _eat() -> str:
    return str(len(bytearray(8 * 1024**3)))


def _burn() -> str:
    while True:
        pass


def _write() -> str:
    Path("must not be").write_bytes(b"x" * 100)
    return OK


def _die() -> str:
    os._exit(7)


@pytest.mark.parametrize(
    ("work", "fate"),
    [
        (_crash, "was killed by SIGSEGV"),
        (_eat, "ended with exit code 1 and no verdict"),
        (_die, "ended with exit code 7 and no verdict"),
    ],
    ids=["crashes", "eats memory", "dies"],
)
def test_a_child_that_comes_to_harm_is_told_of(work: object, fate: str) -> None:
    with pytest.raises(ChildFailed, match=fate):
        run_fork(work, 1000)  # type: ignore[arg-type]  each of them says a text


def test_a_child_that_hangs_is_killed() -> None:
    with pytest.raises(ChildFailed, match="took too long"):
        run_fork(_hang, 1000, wall_s=0.2)
    with pytest.raises(ChildFailed, match=r"took longer than 0\.2 s"):
        run_command(["-c", "import time; time.sleep(600)"], b"", wall_s=0.2)


def test_a_child_that_burns_its_cpu_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "CPU_S", 1)
    with pytest.raises(ChildFailed, match="took more than 1 s of CPU"):
        run_fork(_burn, 1000)


def test_a_child_writes_no_file_and_says_nothing_on_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ChildFailed, match=r"killed by SIGXFSZ|exit code 1"):
        run_fork(_write, 1000)
    assert "8" == run_fork(lambda: str(os.write(1, b"loud") + os.write(2, b"loud")), 1000)
    assert ("", "") == capfd.readouterr()
    assert not any(path.read_bytes() for path in tmp_path.iterdir())


def children() -> set[str]:
    """Return the ids of this process's children, dead ones that nobody has waited for among them."""
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found.update((task / "children").read_text(encoding="ascii").split())
    return found


def test_no_child_is_left_behind() -> None:
    before = children()
    run_fork(lambda: OK, 1000)
    with pytest.raises(ChildFailed):
        run_fork(_hang, 1000, wall_s=0.1)
    assert children() <= before


def test_an_interrupted_parent_kills_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_reading: int, _deadline: float) -> bytes:
        assert children() - before
        raise KeyboardInterrupt

    before = children()
    monkeypatch.setattr(child, "_read_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_fork(_hang, 1000)
    assert children() <= before


def test_a_fork_that_cannot_be_made_is_told_and_leaves_no_pipe_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("os.fork", refused)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ChildFailed, match="cannot be started: Resource temporarily unavailable"):
        run_fork(lambda: OK, 1000)
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_a_child_of_which_nobody_is_told_is_told_of() -> None:
    """SIGCHLD is ignored where some launchers have left it so."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(ChildFailed, match="ended untold"):
            run_fork(lambda: OK, 1000)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_fork_does_not_wait_for_threads_that_scored_before() -> None:
    """OpenMP's threads stay behind in the parent; a child that counted on them would hang."""
    model = fitted("boosting of bins")
    columns, _ = rows()
    expected = score(model, np.vstack([columns] * 5))

    def same() -> str:
        return str(np.array_equal(score(model, np.vstack([columns] * 5)), expected))

    said = run_fork(lambda: with_one_thread(same), 1000, wall_s=30)

    assert "True" == said


@pytest.mark.parametrize("threaded", [False, True])
def test_both_kinds_of_child_come_to_the_same_verdict(threaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "only_thread", lambda: not threaded)
    model = likely_above(100)
    manifest = manifest_of(model)

    prove_in_child(dump(model), manifest, ["sklearn.tree._classes"])
    with pytest.raises(Unfit, match="scores a golden row 1 off what manifest"):
        prove_in_child(PLAUSIBLE["leaves swapped"][1](), manifest, ["sklearn.tree._classes"])


def test_a_fork_is_made_only_while_there_is_one_thread() -> None:
    finished = threading.Event()
    thread = threading.Thread(target=finished.wait)
    thread.start()
    try:
        assert not child.only_thread()
    finally:
        finished.set()
        thread.join()


def test_a_new_interpreter_sees_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for a child")
    said = run_command(["-c", "import os; print(sorted(os.environ))"], b"")

    assert "PYTHONPATH" in said
    assert "AWS" not in said


def test_the_child_is_tried_before_the_parent(bundle_folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that kills is met by the child, and the parent never sees it."""
    in_parent = os.getpid()

    def deadly(_data: bytes) -> object:
        assert os.getpid() != in_parent, "the parent must not come to this"
        os.kill(os.getpid(), signal.SIGSEGV)
        return None

    monkeypatch.setattr(trial, "only_thread", lambda: True)
    monkeypatch.setattr(trial, "unpickle", deadly)
    with pytest.raises(BundleError, match=r"the process that tried it was killed by SIGSEGV; the file is damaged"):
        load(bundle_folder, keys.public)


@pytest.mark.parametrize("kind", ["logistic regression", "forest", "gradient boosting", "boosting of bins"])
def test_what_the_loader_returns_scores_to_the_bit_as_what_was_packed(kind: str, keys: Keys, tmp_path: Path) -> None:
    model = packed(kind)
    columns, _ = rows()

    loaded = load(make_bundle(tmp_path / "bundle", model, keys, 1e-12), keys.public)

    np.testing.assert_array_equal(score(model, columns), score(loaded.model, columns))


def test_the_verdict_names_what_does_not_load(bundle_folder: Path, keys: Keys) -> None:
    replace_model(bundle_folder, keys, PLAUSIBLE["not fitted"][1]())
    with pytest.raises(BundleError, match=r"model\.pkl holds a DecisionTreeClassifier, which is no fitted classifier"):
        load(bundle_folder, keys.public)
    with pytest.raises(Unfit, match=r"model\.pkl does not load: "):
        prove(b"\x80\x05", manifest_of(likely_above(100)))
