"""Fit the chosen configuration on every labelled row, and write down what the bundle claims."""

import hashlib
import inspect
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import pandas as pd
from sklearn.ensemble import VotingClassifier

from propensity.bundle import MODEL, compiled_of, current_libraries, dump
from propensity.compiled import COMPILED, CannotCompile
from propensity.features import Matrix
from propensity.scoring import Classifier
from schemas.manifest import Economics, Manifest, Tiers, TrainingData
from training.data import fingerprint, labelled
from training.evaluate import FOLDS, TEST_SHARE
from training.fitting import Offered, fit
from training.gate.proof import KEY_CHECK, key_check
from training.judge import Judged
from training.options import Options
from training.pack import baseline, golden_rows, keyed_ids, ranges, tolerance
from training.strip import fitted_steps, keeps_training_rows

NAME: Final = "loan-propensity"
TIERS: Final = Tiers(a=0.9, b=0.7)
"""Of ten leads of tier A, nine and more are expected to take the loan; of tier B, seven and more."""


class Winner(NamedTuple):
    """The model as it is packed: without sampler and search, on the columns that it uses."""

    model: Classifier
    pickled: bytes
    names: tuple[str, ...]
    features: Matrix


def refit(judged: Judged, everything: Offered, options: Options) -> Winner:
    """Fit the chosen configuration on every labelled row."""
    offered = everything.columns(judged.features.names)
    fitted = fit(judged.candidate, offered, options.seed, thorough=options.thorough)
    model = fitted_steps(fitted.estimator)
    return Winner(model, dump(model), fitted.names, everything.columns(fitted.names).features)


def draft_manifest(
    winner: Winner, judged: Judged, table: pd.DataFrame, economics: Economics, id_key: bytes, options: Options
) -> Manifest:
    """
    Return the manifest; only the digests of the documents are wanting.

    Args:
        winner: What is packed.
        judged: How it was chosen and what it can do.
        table: The merged table.
        economics: Where the threshold comes from.
        id_key: Key of the training IDs' hashes.
        options: Seed, clock and the rest of the record.
    """
    digest = hashlib.sha256(winner.pickled).hexdigest()
    now = options.clock()
    rows = labelled(table)
    return Manifest(
        name=NAME,
        version=f"{now:%Y%m%d}-{digest[:8]}",
        created_at=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        candidate=judged.candidate.name,
        parameters={**_parameters(winner, judged, options), KEY_CHECK: key_check(id_key)},
        tolerance=tolerance(winner.model),
        files={MODEL: digest},
        libraries=current_libraries(),
        features=ranges(winner.features, winner.names),
        threshold=judged.threshold,
        tiers=TIERS,
        economics=economics,
        metrics=judged.metrics,
        training=TrainingData(
            sha256=fingerprint(table),
            rows=len(rows),
            takers=int(rows["loan_on_card"].sum()),
            id_hashes=keyed_ids([str(one) for one in rows.index], id_key),
        ),
        baseline=baseline(winner.features, winner.names, judged.features.evaluation.scores[0]),
        golden=golden_rows(winner.model, winner.features, winner.names, options.seed),
    )


def compiled(winner: Winner, draft: Manifest) -> Mapping[str, bytes]:
    """Return the model as plain arrays, by its file's name; nothing where it has no such form: the pickle is served."""
    try:
        return {COMPILED: compiled_of(winner.model, draft)}
    except CannotCompile:
        return {}


def _parameters(winner: Winner, judged: Judged, options: Options) -> dict[str, str]:
    """Return what someone needs to make the same model again, as text."""
    candidate = judged.candidate
    return {
        "resampling": candidate.resampling or "none",
        "columns_offered": ", ".join(judged.features.names),
        "select_by": options.select_by,
        "seed": str(options.seed),
        "folds": str(FOLDS),
        "repeats": str(options.repeats),
        "thorough": "yes" if options.thorough else "no",
        "test_share": str(TEST_SHARE),
        "training_rows_inside": "yes" if keeps_training_rows(winner.model) else "no",
        **_settings(winner.model),
    }


def _settings(model: Any) -> Mapping[str, str]:  # noqa: ANN401  any fitted estimator
    """Return the settings that somebody chose: those of the last step, or of each that votes, that are no defaults."""
    final = model.steps[-1][1] if hasattr(model, "steps") else model
    if isinstance(final, VotingClassifier):
        return {name: value for _, member in final.estimators for name, value in _settings(member).items()}
    usual = inspect.signature(type(final)).parameters
    chosen = {name: value for name, value in final.get_params(deep=False).items() if value != usual[name].default}
    return {f"{type(final).__name__}.{name}": " ".join(repr(value).split()) for name, value in sorted(chosen.items())}
