"""What was done and found, collected for the documents."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from propensity.features import Matrix
from schemas.manifest import Manifest
from training.columns import csv_name
from training.data import Labels, labelled
from training.draft import Winner
from training.evaluate import OutOfFold
from training.fitting import EARNING_IMPORTANCE, Offered
from training.judge import Compared, Judged, Plan
from training.resampling import RESAMPLINGS
from training.selection import Choice, Rule
from training.sensitive import details


class Counts(NamedTuple):
    """How many customers there were, and what became of them."""

    customers: int
    unlabelled: int
    development: int
    test: int


class Story(NamedTuple):
    """
    All that there is to tell.

    Attributes:
        manifest: As it will be written, but for the digests of the documents.
        title: The chosen candidate's.
        choice: By which rule it won, and why.
        comparison: All candidates, measured on the same folds.
        by_rule: What each rule would have chosen.
        seed_choice: The choice among the usual six and their variants alone, packed or not.
        beyond: Whether anything else is better by more than chance, in a sentence.
        labels: Shape (n,): outcomes of the development rows.
        scores: Shape (repeats, n): their out-of-fold scores by the chosen candidate.
        evaluations: By candidate, the same for each of them, on the usual features.
        rows: The development rows with every customer field, used or not, in the order of `labels`.
        winner: The model as it is packed, fitted on every labelled row, and the columns that it uses.
        table: The merged table, with those rows whose outcome is not known.
        counts: Of customers.
        decisions: What was done to the data, each with its reason.
    """

    manifest: Manifest
    title: str
    choice: Choice
    comparison: Sequence[Compared]
    by_rule: Mapping[Rule, Choice]
    seed_choice: Choice
    beyond: str
    labels: Labels
    scores: Matrix
    evaluations: Mapping[str, OutOfFold]
    rows: pd.DataFrame
    winner: Winner
    table: pd.DataFrame
    counts: Counts
    decisions: Sequence[str]


def tell(
    judged: Judged, winner: Winner, everything: Offered, plan: Plan, manifest: Manifest, table: pd.DataFrame
) -> Story:
    """Collect the story of one training run."""
    counts = Counts(len(table), len(table) - len(labelled(table)), len(plan.develop), len(plan.test))
    return Story(
        manifest=manifest,
        title=judged.candidate.title,
        choice=judged.choice,
        comparison=judged.comparison,
        by_rule=judged.by_rule,
        seed_choice=judged.seed_choice,
        beyond=judged.beyond,
        labels=everything.labels[plan.develop],
        scores=judged.features.evaluation.scores,
        evaluations=judged.evaluations,
        rows=labelled(table).iloc[plan.develop],
        winner=winner,
        table=table,
        counts=counts,
        decisions=_decisions(judged, manifest, counts),
    )


def _decisions(judged: Judged, manifest: Manifest, counts: Counts) -> tuple[str, ...]:
    merged = (
        f"The two files were merged one to one on ID: {counts.customers} customers. "
        f"{counts.unlabelled} of them have no known outcome; they took no part."
    )
    locked = (
        f"{counts.test} customers were locked away by lot, with the same share of takers as elsewhere, "
        "before anything was fitted or chosen."
    )
    fitted_again = (
        f"After the one look at them, the chosen configuration was fitted again on all {manifest.training.rows} "
        "customers with a known outcome. The figures in this document come from before that."
    )
    no_feature = "ID is a number that the bank gave, so it is no feature."
    columns = (no_feature, judged.features.reason, *details(judged.features), *_unused(judged, manifest))
    return (merged, *columns, _resampling(judged), locked, fitted_again, _threshold(manifest))


def _unused(judged: Judged, manifest: Manifest) -> tuple[str, ...]:
    used = [feature.name for feature in manifest.features]
    unused = [csv_name(name) for name in judged.features.names if name not in used]
    if not unused:
        return ()
    share = f"{100 * EARNING_IMPORTANCE:g} % of what a small tree gains by its splits"
    return (f"{', '.join(unused)} are not used: each brings less than {share}. This is decided inside every fold.",)


def _resampling(judged: Judged) -> str:
    if judged.candidate.resampling is None:
        return "The chosen model was fitted on the customers as they are: no resampling."
    title = RESAMPLINGS[judged.candidate.resampling]
    return f"Fitted on training rows balanced by {title}, inside the folds: no held-out customer was copied or blended."


def _threshold(manifest: Manifest) -> str:
    economics = manifest.economics
    if economics.rule == "even_odds":
        return (
            "Threshold 0.5: more likely than not. Give the cost of a contact and the value of a loan for another one."
        )
    if economics.budget is not None:
        return (
            f"Threshold {manifest.threshold:.3g}: the lowest score among the best {100 * economics.budget:g} % of the "
            "customers in cross-validation, which is what the budget reaches."
        )
    return (
        f"Threshold {manifest.threshold:.3g}: a contact that costs {economics.contact_cost:g} pays where a loan "
        f"worth {economics.loan_value:g} is at least that likely."
    )
