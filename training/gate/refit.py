"""NEW made again: by the recipe that its manifest records, on the training data that it names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from propensity.features import FEATURES, OPTIONAL, Vector
from schemas.manifest import Manifest
from training.candidates import Candidate, choose
from training.data import fingerprint, labels, matrix
from training.errors import UnknownCandidate
from training.evaluate import Progress, cross_validate
from training.fitting import Offered, fit
from training.gate.claims import Measured, measured
from training.gate.line import Line
from training.judge import plan
from training.options import Options

REFIT: Final = "refit"
SAME_SCORE: Final = 0.01
_MOVED_SHARE: Final = 0.01
_MOST_SEED: Final = 2**31


class Recipe(NamedTuple):
    """How a model says that it was made."""

    candidate: Candidate
    columns: tuple[str, ...]
    seed: int
    thorough: bool


def recipe_of(manifest: Manifest) -> Recipe | str:
    """Return the recipe that a manifest records, or what is wrong with it."""
    parameters = manifest.parameters
    try:
        (candidate,) = choose([manifest.candidate])
        columns = tuple(parameters["columns_offered"].split(", "))
        recipe = Recipe(candidate, columns, int(parameters["seed"]), parameters.get("thorough") == "yes")
    except UnknownCandidate as error:
        return str(error)
    except (KeyError, ValueError) as error:
        return f"the manifest's parameters do not say how the model was made ({error})"
    if unknown := set(columns).difference(FEATURES, OPTIONAL):
        return f"columns_offered names {', '.join(sorted(unknown))}, which no customer has"
    return recipe if 0 <= recipe.seed <= _MOST_SEED else f"{recipe.seed} is no seed"


def without_holdout(training: pd.DataFrame, holdout: pd.DataFrame, manifest: Manifest) -> pd.DataFrame | None:
    """Return the table that the manifest's fingerprint is of: the given one, or it without the hold-out; else None."""
    rest = training[~training.index.isin(holdout.index)]
    for table in (training, rest):
        if fingerprint(table) == manifest.training.sha256:
            return table
    return None


def offered(rows: pd.DataFrame, columns: Sequence[str]) -> Offered:
    """Return labelled rows as something to fit on."""
    return Offered(matrix(rows, columns), labels(rows), tuple(columns))


def refitted(
    recipe: Recipe, training: pd.DataFrame, threshold: float, jobs: int, progress: Progress
) -> dict[str, Measured]:
    """
    Measure the recipe on its training data as `leadline train` does: what may be claimed of it, by kind of rows.

    The split and the folds are those of the recorded seed, so that what was honestly claimed comes out again. A seed
    that was tried out until the figures were lucky is no help on the hold-out.
    """
    data = offered(training, recipe.columns)
    options = Options(Path(), seed=recipe.seed, thorough=recipe.thorough, jobs=jobs)
    rows = plan(data.labels, options)
    development, test = data.rows(rows.develop), data.rows(rows.test)
    out_of_fold = cross_validate([recipe.candidate], development, rows.folds, options, progress)
    model = fit(recipe.candidate, development, recipe.seed, thorough=recipe.thorough)
    return {
        "cross_validation": measured(development.labels, out_of_fold[recipe.candidate.name].scores, threshold),
        "test": measured(test.labels, model.score(test), threshold),
    }


def reproduced(recipe: Recipe, training: pd.DataFrame, holdout: pd.DataFrame, scores: Vector) -> Line:
    """
    Judge whether the recipe, fitted on all its training rows, gives the model that is in the bundle.

    A model that was fitted on other rows than those that it names, or fitted otherwise, scores otherwise.
    """
    model = fit(recipe.candidate, offered(training, recipe.columns), recipe.seed, thorough=recipe.thorough)
    moved = float((np.abs(model.score(offered(holdout, recipe.columns)) - scores) > SAME_SCORE).mean())
    text = (
        f"fitted again by its recipe, {moved:.1%} of the hold-out customers score otherwise (by more than {SAME_SCORE})"
    )
    if moved > _MOVED_SHARE:
        text += "; the bundle's model was not made from these rows by this recipe and code"
    return Line(REFIT, "same model", moved <= _MOVED_SHARE, text, {"moved": moved, "limit": _MOVED_SHARE})
