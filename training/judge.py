"""Compare the candidates, choose one and its features, then look at the test set once."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import joblib
import numpy as np

from propensity.economics import threshold_of
from propensity.features import FEATURES, OPTIONAL, Matrix
from schemas.manifest import Economics, Metric
from training.candidates import Candidate
from training.data import Labels
from training.evaluate import Fold, Indices, OutOfFold, Progress, cross_validate, folds, locked_split
from training.fairness.by_age import selection_by_age
from training.fitting import Offered, fit
from training.metrics import measure, with_intervals
from training.options import Options
from training.orphans import end_with
from training.selection import RULES, Choice, Rule, choose, choose_packable, compare_beyond
from training.sensitive import FeatureChoice, choose_features
from training.strip import keeps_training_rows


class Plan(NamedTuple):
    """How the labelled rows are used: `develop` for every choice, `test` for one look at the end."""

    develop: Indices
    test: Indices
    folds: tuple[Fold, ...]


class Compared(NamedTuple):
    """One line of the comparison."""

    candidate: Candidate
    metrics: Mapping[str, float]
    standard_errors: Mapping[str, float]
    keeps_rows: bool


class Judged(NamedTuple):
    """All that is learned before the last fit."""

    candidate: Candidate
    choice: Choice
    by_rule: Mapping[Rule, Choice]
    """What each rule would have chosen."""
    seed_choice: Choice
    """The choice among the usual six and their variants alone, packed or not."""
    beyond: str
    """Whether anything else is better by more than chance, in a sentence."""
    comparison: tuple[Compared, ...]
    evaluations: Mapping[str, OutOfFold]
    """Of every candidate, on the usual features."""
    features: FeatureChoice
    threshold: float
    metrics: tuple[Metric, ...]


def unpackable(candidates: Sequence[Candidate], options: Options) -> dict[str, str]:
    """Return those that may be compared but not packed, and why."""
    foreign = {one.name: f"needs {one.package}, which no worker loads" for one in candidates if one.package is not None}
    if options.allow_training_rows:
        return foreign
    keeping = [one.name for one in candidates if one.package is None and keeps_training_rows(one.model(0))]
    return foreign | dict.fromkeys(keeping, "keeps rows of customers inside")


def plan(labels: Labels, options: Options) -> Plan:
    """Split the labelled rows, and the development rows into folds."""
    develop, test = locked_split(labels, options.seed)
    return Plan(develop, test, folds(labels[develop], options.repeats, options.seed))


def judge(
    candidates: Sequence[Candidate],
    everything: Offered,
    plan: Plan,
    economics: Economics,
    options: Options,
    progress: Progress,
) -> Judged:
    """
    Make every choice on the development rows, and measure the outcome on rows that had no part in it.

    Args:
        candidates: To compare.
        everything: All labelled rows, with the usual and the optional features.
        plan: What may be looked at when.
        economics: What sets the threshold of the decisions that the chosen model's figures tell of.
        options: Rule, seed, jobs.
        progress: Called as the work goes on.
    """
    development = everything.rows(plan.develop)
    usual = development.columns(FEATURES)
    evaluations = cross_validate(candidates, usual, plan.folds, options, progress)
    comparison = tuple(_compared(one, evaluations[one.name], usual.labels) for one in candidates)
    titles = {one.name: one.title for one in candidates}
    figures = {name: one.by_fold for name, one in evaluations.items()}
    sizes = {name: one.pickle_bytes for name, one in evaluations.items()}
    kept_back = unpackable(candidates, options)
    by_rule = {rule: choose_packable(figures, rule, kept_back, titles.__getitem__, sizes) for rule in RULES}
    choice = by_rule[options.select_by]
    six = {one.name: figures[one.name] for one in candidates if one.is_usual}
    seed_choice = choose(six, options.select_by, titles.__getitem__, sizes) if six else choice
    beyond = compare_beyond(figures, options.select_by, seed_choice, figures.keys() - six.keys(), titles.__getitem__)
    winner = next(one for one in candidates if one.name == choice.candidate)
    features = _features(winner, evaluations[winner.name], development, plan, options, progress)
    threshold = threshold_of(economics, features.evaluation.scores[0])
    metrics = _metrics(winner, features, everything, plan, threshold, options)
    return Judged(winner, choice, by_rule, seed_choice, beyond, comparison, evaluations, features, threshold, metrics)


def _features(
    winner: Candidate, without: OutOfFold, development: Offered, plan: Plan, options: Options, progress: Progress
) -> FeatureChoice:
    """Measure what the optional columns are worth to the winner, all together and, if thorough, each alone."""

    def evaluate(*optional: str) -> OutOfFold:
        offered = development.columns((*FEATURES, *optional))
        return cross_validate([winner], offered, plan.folds, options, progress)[winner.name]

    with_all = evaluate(*OPTIONAL)
    alone = {name: evaluate(name) for name in OPTIONAL} if options.thorough else {}
    ages = development.columns(("age",)).features[:, 0]
    by_age = selection_by_age(development.labels, without.scores, with_all.scores, ages, options.seed)
    return choose_features(without, with_all, options.select_by, alone, by_age)


def _compared(candidate: Candidate, evaluation: OutOfFold, labels: Labels) -> Compared:
    """Pool the out-of-fold scores for the figures; the folds tell how far each may be off."""
    each = [measure(labels, scores) for scores in evaluation.scores]
    return Compared(
        candidate,
        {name: float(np.mean([one[name] for one in each])) for name in each[0]},
        {name: float(values.std(ddof=1) / np.sqrt(len(values))) for name, values in evaluation.by_fold.items()},
        candidate.package is None and keeps_training_rows(candidate.model(0)),
    )


def _metrics(
    winner: Candidate, features: FeatureChoice, everything: Offered, plan: Plan, threshold: float, options: Options
) -> tuple[Metric, ...]:
    """Return the winner's figures with intervals. This is the one look at the test set."""
    offered = everything.columns(features.names)
    development, test = offered.rows(plan.develop), offered.rows(plan.test)
    model = fit(winner, development, options.seed, thorough=options.thorough)
    tested: Matrix = model.score(test)[np.newaxis]
    both = joblib.Parallel(n_jobs=options.jobs, initializer=end_with, initargs=(os.getpid(),))(
        joblib.delayed(with_intervals)(rows.labels, scores, name, options.seed, threshold)
        for rows, scores, name in (
            (development, features.evaluation.scores, "cross_validation"),
            (test, tested, "test"),
        )
    )
    return tuple(metric for metrics in both for metric in metrics)
