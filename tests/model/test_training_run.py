"""The whole road, from two files to a signed bundle."""

import math
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from propensity.bundle import load, read_manifest
from propensity.economics import BadEconomics
from propensity.features import FEATURES, OPTIONAL, matrix_from_customers
from propensity.scoring import score
from propensity.signing import BadKey
from schemas.customer import Customer
from schemas.manifest import Manifest
from tests.bundles import Keys
from tests.trained import DemoModel
from training import data
from training.candidates import CANDIDATES, DEMO
from training.columns import DATA1, DATA2
from training.errors import DataError, NonePackable, UnknownCandidate
from training.history import history_file, read_history
from training.metrics import CELLS
from training.options import Options
from training.public_set import recreate
from training.run import train
from training.strip import keeps_training_rows

QUICK = ("logistic_regression", "decision_tree")


def options(out: Path, keys: Keys, **more: object) -> Options:
    settings = {"candidates": QUICK, "jobs": 1, "clock": lambda: datetime(2026, 1, 15, 10, tzinfo=UTC), **more}
    return Options(out=out, key=keys.private, **settings)  # type: ignore[arg-type]  # each test names its own


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Write Data1 and Data2 with every fifth customer of the real set."""
    folder = tmp_path_factory.mktemp("data")
    paths = folder / "one.csv", folder / "two.csv"
    for path, frame in zip(paths, recreate(), strict=True):
        frame[::5].to_csv(path, index=False)
    return paths


@pytest.fixture(scope="module")
def manifest(demo_model: DemoModel) -> Manifest:
    """Return the manifest of the model that the demo's candidates give on the real set."""
    return read_manifest(demo_model.bundle, demo_model.public_key)


def metric(manifest: Manifest, rows: str, name: str) -> float:
    return next(one.value for one in manifest.metrics if (one.rows, one.name) == (rows, name))


def test_the_chosen_model_reaches_its_floors_on_customers_that_it_had_not_seen(manifest: Manifest) -> None:
    assert metric(manifest, "cross_validation", "accuracy") >= 0.985
    assert metric(manifest, "cross_validation", "average_precision") >= 0.98
    assert metric(manifest, "test", "recall") >= 0.85
    assert metric(manifest, "test", "conversion_top_10") >= 0.85


def test_every_figure_has_an_interval_from_both_kinds_of_rows(manifest: Manifest) -> None:
    names = {rows: {one.name for one in manifest.metrics if one.rows == rows} for rows in ("test", "cross_validation")}

    assert names["test"] == names["cross_validation"]
    assert {"accuracy", "roc_auc", "recall", "precision", "f1", "average_precision", "log_loss", "brier"} <= names[
        "test"
    ]
    assert all(one.low <= one.value <= one.high for one in manifest.metrics)
    assert 480 == manifest.training.takers
    assert 4980 == manifest.training.rows == len(manifest.training.id_hashes)


def test_neither_the_number_nor_age_nor_address_is_a_feature(manifest: Manifest) -> None:
    names = {feature.name for feature in manifest.features}

    assert names <= set(FEATURES)
    assert not names & {"customer_id", *OPTIONAL}


def test_it_loads_under_its_signature_and_the_events_of_all_customers_score_as_their_rows(
    demo_model: DemoModel,
) -> None:
    """One event alone, a batch of events and the training table give the same score to the bit."""
    bundle = load(demo_model.bundle, demo_model.public_key)
    table = data.load()
    customers = [
        Customer.model_validate(
            {"customer_id": str(index), **{name: _whole(value) for name, value in row.items()}}
        ).known
        for index, row in table.drop(columns="loan_on_card").to_dict("index").items()
    ]
    events = matrix_from_customers(customers, bundle.feature_names)

    scores = score(bundle.model, data.matrix(table, bundle.feature_names))

    np.testing.assert_array_equal(scores, score(bundle.model, events))
    np.testing.assert_array_equal(scores[:9], [score(bundle.model, events[row : row + 1])[0] for row in range(9)])
    assert 0 == bundle.manifest.tolerance
    assert not keeps_training_rows(load(demo_model.bundle, demo_model.public_key, "pickle").model)


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value


def test_the_report_answers_first_and_needs_nothing_from_outside(demo_model: DemoModel, manifest: Manifest) -> None:
    page = (demo_model.bundle / "report.html").read_text(encoding="utf-8")

    answer = re.search(r"<h1>The same 100 contacts bring (\d+) borrowers instead of 10</h1>", page)
    assert answer is not None
    assert round(100 * metric(manifest, "cross_validation", "conversion_top_10")) == int(answer[1])
    assert "<script" not in page
    assert not re.search(r"""(src|href)=["'](?!#)""", page), "only references within the page"
    assert "url(http" not in page
    assert all(CANDIDATES[name].title in page for name in DEMO)
    assert "Age, CustomerSince, ZipCode are left out" in page
    assert (demo_model.bundle / "card.md").read_text(encoding="utf-8").startswith("# Model card")


def test_twice_with_one_seed_gives_the_same_bundle_but_for_the_time(
    tmp_path: Path, keys: Keys, some: tuple[Path, Path]
) -> None:
    first = train(options(tmp_path / "a", keys, data1=some[0], data2=some[1]))
    later = datetime(2026, 1, 15, 11, tzinfo=UTC)
    second = train(options(tmp_path / "b", keys, data1=some[0], data2=some[1], clock=lambda: later, jobs=2))

    assert "2026-01-15T10:00:00Z" == first.manifest.created_at
    assert first.manifest.model_copy(update={"created_at": second.manifest.created_at}) == second.manifest
    assert re.fullmatch(r"20260115-[0-9a-f]{8}", first.manifest.version)
    assert first.manifest != train(options(tmp_path / "c", keys, data1=some[0], data2=some[1], seed=1)).manifest


def test_a_support_vector_machine_is_compared_but_packed_only_when_told_so(
    tmp_path: Path, keys: Keys, some: tuple[Path, Path]
) -> None:
    more = {"data1": some[0], "data2": some[1], "candidates": ("svm", "naive_bayes")}

    usual = train(options(tmp_path / "usual", keys, **more))
    told = train(options(tmp_path / "told", keys, **more, allow_training_rows=True))

    assert "naive_bayes" == usual.manifest.candidate
    assert {"svm", "naive_bayes"} == {compared.candidate.name for compared in usual.comparison}
    assert ("svm", "yes") == (told.manifest.candidate, told.manifest.parameters["training_rows_inside"])
    card = (told.folder / "card.md").read_text(encoding="utf-8")
    assert "The pickle holds fitted parameters, and rows of customers, which was asked for;" in card
    assert 1e-12 == load(told.folder, keys.public).manifest.tolerance


def test_only_support_vector_machines_are_refused_before_the_work_unless_told_so(tmp_path: Path, keys: Keys) -> None:
    """The data are not looked at: their absence would be told otherwise."""
    more = {"data1": tmp_path / "gone.csv", "data2": tmp_path / "gone.csv", "candidates": ("svm", "svm+smote")}

    with pytest.raises(NonePackable, match=r"svm keeps rows .*; svm\+smote keeps rows .* --allow-training-rows"):
        train(options(tmp_path / "model", keys, **more))
    with pytest.raises(DataError, match=r"gone\.csv"):
        train(options(tmp_path / "model", keys, **more, allow_training_rows=True))

    assert not [*tmp_path.iterdir()]


def test_a_card_says_truly_whether_customers_are_inside(demo_model: DemoModel) -> None:
    card = (demo_model.bundle / "card.md").read_text(encoding="utf-8")

    assert "The pickle holds fitted parameters, no rows of customers;" in card


def test_the_threshold_comes_from_cost_and_value(tmp_path: Path, keys: Keys, some: tuple[Path, Path]) -> None:
    more = {"data1": some[0], "data2": some[1], "contact_cost": 5.0, "loan_value": 100.0}

    trained = train(options(tmp_path / "model", keys, **more))

    assert 0.05 == trained.manifest.threshold
    assert "break_even" == trained.manifest.economics.rule


def test_the_threshold_comes_from_a_budget(tmp_path: Path, keys: Keys, some: tuple[Path, Path]) -> None:
    """As many customers as it reaches are leads in cross-validation; the test set had no say."""
    more = {"data1": some[0], "data2": some[1], "candidates": ("naive_bayes",), "budget": 0.05}
    trained = train(options(tmp_path / "model", keys, **more))
    figures = {metric.name: metric.value for metric in trained.manifest.metrics if metric.rows == "cross_validation"}
    customers = sum(figures[name] for name in CELLS)

    assert ("fixed_budget", 0.05) == (trained.manifest.economics.rule, trained.manifest.economics.budget)
    assert figures["true_positives"] + figures["false_positives"] == pytest.approx(0.05 * customers, abs=3)
    assert "which is what the budget reaches" in (trained.folder / "report.html").read_text(encoding="utf-8")


def test_an_error_leaves_the_old_bundle_and_nothing_else(tmp_path: Path, keys: Keys, some: tuple[Path, Path]) -> None:
    out = tmp_path / "model"
    good = {"data1": some[0], "data2": some[1], "candidates": ("naive_bayes",)}
    before = train(options(out, keys, **good)).manifest
    lost = keys._replace(private=tmp_path / "lost.pem")

    with pytest.raises(DataError, match=r"gone\.csv cannot be read"):
        train(options(out, keys, **{**good, "data2": tmp_path / "gone.csv"}))
    with pytest.raises(UnknownCandidate):
        train(options(out, keys, **{**good, "candidates": ("crystal_ball",)}))
    with pytest.raises(BadEconomics):
        train(options(out, keys, **good, contact_cost=5.0))
    with pytest.raises(BadEconomics, match="a loan brings inf; both must be positive and finite"):
        train(options(out, keys, **good, contact_cost=5.0, loan_value=math.inf))
    with pytest.raises(BadEconomics, match="a loan brings nan"):
        train(options(out, keys, **good, contact_cost=5.0, loan_value=math.nan))
    with pytest.raises(BadKey):
        train(options(out, lost, **good))

    assert before == read_manifest(out, keys.public)
    assert {out, history_file(out)} == {*tmp_path.iterdir()}
    assert 1 == len(read_history(out))


def test_one_bad_file_leaves_no_folder(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "one.csv").write_text(",".join(DATA1) + "\n1,2\n")
    (tmp_path / "two.csv").write_text(",".join(DATA2) + "\n")

    with pytest.raises(DataError, match=r"one\.csv, line 2, column CustomerSince: 2 cells instead of 8"):
        train(options(tmp_path / "out" / "model", keys, data1=tmp_path / "one.csv", data2=tmp_path / "two.csv"))

    assert {"one.csv", "two.csv"} == {path.name for path in tmp_path.iterdir()}


def test_the_manifest_names_no_customer(manifest: Manifest) -> None:
    """IDs stand in it as keyed hashes, and no golden row is a customer's."""
    names = [feature.name for feature in manifest.features]
    customers = set(map(tuple, data.matrix(data.load(), names).tolist()))

    assert not customers & {golden.row for golden in manifest.golden}
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in manifest.training.id_hashes)
