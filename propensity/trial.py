"""
Unpickle a model and have it score the golden rows: first in a child process, which may crash, hang or eat memory.

    python -m propensity.trial < LENGTH OF THE MANIFEST, NEW LINE, MANIFEST, PICKLE

is that child where it cannot be forked; it prints `ok`, or why the model is refused.
"""

import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from propensity.child import ChildFailed, limit, only_thread, run_command, run_fork
from propensity.inspection.judge import inspect
from propensity.scoring import Classifier, golden_gap
from propensity.unpickle import unpickle
from schemas.manifest import Manifest

OK: Final = "ok"


class Unfit(Exception):
    """The model is refused; the text says why, as the end of a sentence that begins with its place."""


def prove(data: bytes, manifest: Manifest) -> Classifier:
    """
    Unpickle a model and check its scores of the golden rows, in this process.

    Raises:
        Unfit: It does not load, is no classifier, or scores otherwise than its manifest says.
    """
    model = _unpickled(data)
    _check_golden_rows(model, manifest)
    return model


def prove_in_child(data: bytes, manifest: Manifest, modules: Sequence[str]) -> None:
    """
    Do the same in a child with limits on time and memory, so that nothing but the child can come to harm.

    While this is the only thread, the child is a fork, made after the libraries are loaded here: that takes some
    hundredths of a second. Beside other threads it is a new interpreter, which loads them again: a fork would
    inherit their locks.

    Args:
        data: A pickle that has passed the inspection.
        manifest: With the golden rows.
        modules: What the pickle imports; all of it on the list.

    Raises:
        Unfit: As `prove`, or the child died, or took too long.
    """
    try:
        if only_thread():
            _import_all(modules)
            said = run_fork(lambda: with_one_thread(lambda: _verdict(data, manifest)), len(data))
        else:
            said = run_command(["-m", __name__], _request(data, manifest))
    except ChildFailed as error:
        raise Unfit(
            f"model.pkl is refused: the process that tried it {error}; the file is damaged or hostile"
        ) from error
    if said != OK:
        raise Unfit(said)


def with_one_thread(work: Callable[[], str]) -> str:
    """
    Do some work in a fork without the threads of OpenMP and BLAS.

    They stayed behind in the parent: a call that waited for them would never return.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return work()


def main() -> None:
    """Read a manifest and a pickle from stdin, and print the verdict."""
    request = sys.stdin.buffer.read()
    length, _, rest = request.partition(b"\n")
    manifest, data = Manifest.model_validate_json(rest[: int(length)]), rest[int(length) :]
    _import_all(inspect(data).modules)  # before the limits: what is loaded lies outside them
    limit(len(data))
    print(_verdict(data, manifest))


def _import_all(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _request(data: bytes, manifest: Manifest) -> bytes:
    text = manifest.model_dump_json().encode()
    return b"%d\n%b%b" % (len(text), text, data)


def _verdict(data: bytes, manifest: Manifest) -> str:
    try:
        prove(data, manifest)
    except Unfit as error:
        return str(error)
    return OK


def _unpickled(data: bytes) -> Classifier:
    try:
        model: Any = unpickle(data)
    except Exception as error:
        raise Unfit(f"model.pkl does not load: {error or type(error).__name__}") from error
    if not hasattr(model, "predict_proba") or not hasattr(model, "n_features_in_"):
        raise Unfit(f"model.pkl holds a {type(model).__name__}, which is no fitted classifier")
    return cast("Classifier", model)


def _check_golden_rows(model: Classifier, manifest: Manifest) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a damaged model, on the way to its refusal
            worst = golden_gap(model, manifest)
    except Exception as error:
        raise Unfit(f"the unpickled model does not fit the golden rows: {error or type(error).__name__}") from error
    if not worst <= manifest.tolerance:
        raise Unfit(
            f"the unpickled model scores a golden row {worst:.3g} off what manifest.json says, "
            f"and {manifest.tolerance:g} is allowed; this is not the model that was trained"
        )


if __name__ == "__main__":
    main()
