"""The report and the card: what must stand in them, in which order, and what must not."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.manifest import Economics
from tests.bundles import Keys
from training import run
from training.options import Options
from training.public_set import recreate
from training.report.budgets import budgets_chapter
from training.report.documents import CARD, REPORT, documents, environment
from training.story import Story

CANDIDATES = ("logistic_regression", "decision_tree", "decision_tree+undersampling", "naive_bayes")
MARK = "customer-no-"


class Told(NamedTuple):
    """A story, and the documents that were written of it."""

    story: Story
    files: dict[str, bytes]

    @property
    def page(self) -> str:
        return self.files[REPORT].decode()

    @property
    def card(self) -> str:
        return self.files[CARD].decode()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Told:
    """Train on every sixth customer of the real set, with numbers and amounts that can be told, and keep the story."""
    folder = tmp_path_factory.mktemp("report")
    for name, frame in zip(("one.csv", "two.csv"), recreate(), strict=True):
        some = frame[::6].assign(ID=lambda rows: MARK + rows["ID"].astype(str))
        if "MonthlyAverageSpend" in some:
            some["MonthlyAverageSpend"] += 1.00123
        some.to_csv(folder / name, index=False)
    kept: list[Told] = []

    def documents_kept(story: Story) -> dict[str, bytes]:
        kept.append(Told(story, documents(story)))
        return kept[0].files

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "documents", documents_kept)
        run.train(_options(folder, keys))
    return kept[0]


def _options(folder: Path, keys: Keys) -> Options:
    return Options(
        out=folder / "model",
        data1=folder / "one.csv",
        data2=folder / "two.csv",
        candidates=CANDIDATES,
        contact_cost=2.0,
        loan_value=50.0,
        key=keys.private,
        jobs=1,
        clock=lambda: datetime(2026, 1, 15, 10, tzinfo=UTC),
    )


def test_the_answer_comes_first_and_the_record_last(told: Told) -> None:
    headings = re.findall(r"<h[12][^>]*>(.*?)</h[12]>", told.page)

    assert re.fullmatch(r"The same 100 contacts bring \d+ borrowers instead of \d+", headings[0])
    wanted = [
        "How many borrowers each budget brings",
        "The model, and why this one",
        "All models side by side",
        "How good it is",
        "Which threshold?",
        "What moves a score",
        "Errors worth looking at",
        "Are groups of customers treated alike?",
        "What was done to the data",
        "For the record",
    ]
    assert wanted == [heading for heading in headings if heading in wanted]


def test_the_page_needs_nothing_from_outside_and_runs_nothing(told: Told) -> None:
    assert "<script" not in told.page
    assert not re.search(r"\son\w+=", told.page), "no handler either"
    assert not re.search(r"""(src|href|srcset|action)=["'](?!#)""", told.page)
    assert not re.search(r"url\((?!#)", told.page)
    assert "@import" not in told.page


def test_every_reference_within_the_page_has_its_place_and_no_place_is_there_twice(told: Told) -> None:
    places = re.findall(r'\sid="([^"]+)"', told.page)

    assert len(places) == len(set(places))
    assert {*re.findall(r'href="#([^"]+)"', told.page), *re.findall(r"url\(#([^)]+)\)", told.page)} <= {*places}


def test_the_same_story_gives_the_same_bytes(told: Told) -> None:
    assert told.files == documents(told.story)


def test_neither_a_customers_number_nor_an_exact_amount_stands_in_them(told: Told) -> None:
    both = told.page + told.card
    amounts = {f"{value:.5f}" for value in told.story.table["monthly_average_spend"]}

    assert 50 < len(amounts)
    assert not {*re.findall(r"\d+\.\d{5}(?!\d)", both)} & amounts
    assert MARK not in both


def test_the_errors_are_told_in_bands(told: Told) -> None:
    errors = told.page[told.page.index('<section id="errors">') : told.page.index('<section id="fairness">')]

    banded = re.findall(r'<tr><td>([^<]*)</td><td class="left">', errors)

    assert banded
    assert all(re.fullmatch(r"\d+ to \d+|200 and more", one) for one in banded)


def test_all_candidates_are_compared_and_resampled_ones_folded_away(told: Told) -> None:
    comparison = told.page[told.page.index('<section id="comparison">') : told.page.index('<section id="quality">')]
    table, folded = comparison.split("<details>", 1)

    assert all(f"<td>{one.candidate.title}" in comparison for one in told.story.comparison)
    assert "Decision tree, undersampling" not in table
    assert "Decision tree, undersampling" in folded
    assert 1 == comparison.count("<td>chosen</td>")
    assert len(told.story.comparison) - 1 == len(re.findall(r"<td>[^<\d]0\.\d{4}<br>", comparison)), "the differences"


def test_the_best_of_the_usual_models_what_lies_beyond_and_every_rule_are_told(told: Told) -> None:
    choice = told.page[told.page.index('<section id="choice">') : told.page.index('<section id="comparison">')]

    assert choice.index("The best of the six usual models") < choice.index(told.story.beyond)
    assert choice.index(told.story.beyond) < choice.index("What each rule would have chosen")
    assert all(f"<td>{rule.replace('_', ' ')}" in choice for rule in told.story.by_rule)


def test_with_cost_and_value_the_profit_is_the_banks_and_the_cutoff_the_models_threshold(told: Told) -> None:
    assert "A contact costs 2 and a loan brings 50." in told.page
    assert "An example" not in told.page
    assert "<td>0.04 (used)</td>" in told.page
    cutoff = int((told.story.scores[0] >= 0.04).sum())
    assert f"<b>{cutoff} of {told.story.counts.development} customers</b>" in told.page


def test_without_them_an_example_is_shown_and_labelled(told: Told) -> None:
    manifest = told.story.manifest.model_copy(update={"economics": Economics(rule="even_odds"), "threshold": 0.5})
    story = told.story._replace(manifest=manifest)
    metrics = {(one.rows, one.name): one for one in manifest.metrics}

    chapter = budgets_chapter(story, metrics)
    page = environment().get_template("budgets.html.j2").render(story=story, manifest=manifest, **chapter)

    assert "An example, not your figures" in page
    assert "Say that a contact costs 1 and a loan brings 20" in page
    assert "Profit by number of customers contacted (example)" in page
    assert "a threshold of 0.5, not this example's" in page


def test_no_budget_promises_more_borrowers_than_there_are(told: Told) -> None:
    metrics = {(one.rows, one.name): one for one in told.story.manifest.metrics}

    budgets = budgets_chapter(told.story, metrics)["budgets"]

    assert all(one["low"] <= one["model"] <= one["high"] <= told.story.labels.sum() for one in budgets)


def test_the_pictures_are_there_and_are_described(told: Told) -> None:
    descriptions = re.findall(r'<svg role="img" aria-label="([^"]+)"', told.page)

    assert told.page.count("<svg") == len(descriptions)
    for wanted in (
        "Share of all borrowers reached, by share of customers contacted",
        "Lift over contacting at random, by share of customers contacted",
        "Profit by number of customers contacted",
        "ROC curves",
        "Precision-recall curves",
        "Share of borrowers by mean score",
        "What shuffling each feature costs",
    ):
        assert wanted in descriptions
    assert len(told.story.winner.names) == sum(one.startswith("Mean score by") for one in descriptions) - 1


def test_it_is_small(told: Told) -> None:
    assert len(told.files[REPORT]) < 2_000_000


def test_the_card_has_the_usual_headings_and_the_figures_of_groups(told: Told) -> None:
    headings = [
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Evaluation data",
        "Training data",
        "Quantitative analyses",
        "Ethical considerations",
        "Caveats",
    ]

    assert headings == re.findall(r"^## (.*)$", told.card, flags=re.MULTILINE)
    assert re.search(r"^- Age: [01]\.\d\d at the threshold \(95 % interval", told.card, flags=re.MULTILINE)
    assert re.search(r"^\| under \d+ \| \d+ \|", told.card, flags=re.MULTILINE) or "| all ages |" in told.card
    assert "no rows of customers; the golden rows" in told.card
