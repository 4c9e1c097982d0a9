"""Cross-validation of all candidates on the same folds, and the locked test set."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from propensity.bundle import dump
from propensity.features import Matrix, Vector
from training.candidates import Candidate
from training.data import Labels
from training.fitting import Offered, fit
from training.metrics import measure
from training.options import Options
from training.orphans import end_with
from training.strip import fitted_steps

FOLDS: Final = 10
TEST_SHARE: Final = 0.2

Indices = NDArray[np.intp]
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, and how many there are."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Take no notice of progress."""


class Fold(NamedTuple):
    """One part of the rows to score, by a model that is fitted on the others."""

    repeat: int
    train: Indices
    held_out: Indices


class OutOfFold(NamedTuple):
    """
    One candidate's cross-validation.

    Attributes:
        candidate: Its name.
        scores: Shape (repeats, n): each row's score by a model that did not see it.
        by_fold: For each metric one value a fold, in the order of the folds: what is paired between candidates.
        pickle_bytes: How large it is as a pickle: the model of the first fold.
    """

    candidate: str
    scores: Matrix
    by_fold: Mapping[str, Vector]
    pickle_bytes: int = 0


def locked_split(labels: Labels, seed: int) -> tuple[Indices, Indices]:
    """Return the rows to develop on and those of the test set, which are not to be looked at before the end."""
    develop, test = train_test_split(np.arange(len(labels)), test_size=TEST_SHARE, stratify=labels, random_state=seed)
    return np.sort(develop), np.sort(test)


def folds(labels: Labels, repeats: int, seed: int) -> tuple[Fold, ...]:
    """Return stratified folds, drawn anew for each repeat."""
    return tuple(
        Fold(repeat, train, held_out)
        for repeat in range(repeats)
        for train, held_out in StratifiedKFold(FOLDS, shuffle=True, random_state=seed + repeat).split(labels, labels)
    )


def cross_validate(
    candidates: Sequence[Candidate],
    data: Offered,
    plan: Sequence[Fold],
    options: Options,
    progress: Progress = silent,
) -> dict[str, OutOfFold]:
    """
    Score every row by models that did not see it, for each candidate on the same folds.

    Args:
        candidates: To compare.
        data: The rows that may be looked at.
        plan: The folds.
        options: Seed, and the number of jobs, on which the scores do not depend.
        progress: Called after each fit.

    Returns:
        By name of the candidate, in the order of the candidates.
    """
    tasks = [(candidate, fold) for candidate in candidates for fold in plan]
    fitted = joblib.Parallel(n_jobs=options.jobs, initializer=end_with, initargs=(os.getpid(),), return_as="generator")(
        joblib.delayed(_held_out)(one, data, fold, options.seed, thorough=options.thorough, weigh=fold is plan[0])
        for one, fold in tasks
    )
    scores = {candidate.name: np.empty((plan[-1].repeat + 1, len(data.labels))) for candidate in candidates}
    sizes: dict[str, int] = {}
    for done, ((candidate, fold), (held_out, size)) in enumerate(zip(tasks, fitted, strict=True), 1):
        scores[candidate.name][fold.repeat, fold.held_out] = held_out
        sizes.setdefault(candidate.name, size)
        progress(candidate.title, done, len(tasks))
    return {name: OutOfFold(name, one, _by_fold(one, data.labels, plan), sizes[name]) for name, one in scores.items()}


def _held_out(
    candidate: Candidate, data: Offered, fold: Fold, seed: int, *, thorough: bool, weigh: bool
) -> tuple[Vector, int]:
    """Return the scores, and how large the model is as a pickle, where that is asked for."""
    fitted = fit(candidate, data.rows(fold.train), seed, thorough=thorough)
    size = len(dump(fitted_steps(fitted.estimator))) if weigh and candidate.package is None else 0
    return fitted.score(data.rows(fold.held_out)), size


def _by_fold(scores: Matrix, labels: Labels, plan: Sequence[Fold]) -> dict[str, Vector]:
    each = [measure(labels[fold.held_out], scores[fold.repeat, fold.held_out]) for fold in plan]
    return {name: np.array([one[name] for one in each]) for name in each[0]}
