"""The comparison put in order: by family, and beside the winner on the same folds. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from training.evaluate import OutOfFold
from training.judge import Compared
from training.selection import Difference, Rule, paired_difference

SEED_SIX: Final = (
    "logistic_regression",
    "weighted_logistic_regression",
    "naive_bayes",
    "svm",
    "decision_tree",
    "random_forest",
)
"""The models that were asked for; each may come plain, weighted and resampled."""

_WEIGHTED: Final = "weighted_"


class Line(NamedTuple):
    """One candidate, and how much better it is than the winner; below zero it is worse, whatever the metric."""

    compared: Compared
    difference: Difference


class Family(NamedTuple):
    """Candidates of one kind: those fitted on the rows as they are, and those on resampled rows; the best first."""

    name: str
    plain: Sequence[Line]
    resampled: Sequence[Line]

    @property
    def best(self) -> Line:
        """The best of all."""
        return max((*self.plain, *self.resampled), key=lambda line: line.difference.mean)

    @property
    def title(self) -> str:
        """What its members are called together: as the one that has the family's name, if that was compared."""
        members = [line.compared.candidate for line in (*self.plain, *self.resampled)]
        return next((one.title for one in members if one.name == self.name), members[0].title)


def family_of(name: str) -> str:
    """Return the family of a candidate; a weighted model that was not asked for by itself goes with the plain one."""
    model = name.partition("+")[0]
    return model if model in SEED_SIX else model.removeprefix(_WEIGHTED)


def families(
    comparison: Sequence[Compared], evaluations: Mapping[str, OutOfFold], winner: str, rule: Rule
) -> list[Family]:
    """Return all candidates by family, the family of the best first, by a rule."""
    mark = evaluations[winner].by_fold
    lines = sorted(
        (Line(one, paired_difference(evaluations[one.candidate.name].by_fold, mark, rule)) for one in comparison),
        key=lambda line: (-line.difference.mean, line.compared.candidate.name),
    )
    names = dict.fromkeys(family_of(line.compared.candidate.name) for line in lines)
    return [_family(name, lines) for name in names]


def _family(name: str, lines: Sequence[Line]) -> Family:
    members = [line for line in lines if family_of(line.compared.candidate.name) == name]
    plain = [line for line in members if line.compared.candidate.resampling is None]
    return Family(name, plain, [line for line in members if line.compared.candidate.resampling is not None])
