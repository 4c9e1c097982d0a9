"""Understanding the data: profile, who took the loan, columns that say the same, and a fragment without customers."""

import re

import jinja2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from training import data
from training.columns import COLUMNS, LABEL
from training.evaluate import locked_split
from training.exploration.bands import band_names, band_of, bands
from training.exploration.collinear import collinearity, inflation
from training.exploration.decisions import Decision
from training.exploration.distributions import distribution
from training.exploration.explore import Exploration, explore
from training.exploration.plots_pairs import correlation_plot
from training.exploration.profile import CODES, ColumnProfile, profile
from training.exploration.segments import segment, segmentation, two_way
from training.exploration.view import view
from training.exploration.words import correlations_seen


@pytest.fixture(scope="module")
def real() -> Exploration:
    table = data.load()
    rows = data.labelled(table)
    return explore(table, rows.iloc[locked_split(data.labels(rows), 0)[0]])


@pytest.fixture(scope="module")
def real_page(real: Exploration) -> str:
    return page(real)


def page(found: Exploration) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training.report", ""),
        autoescape=jinja2.select_autoescape(("html.j2",)),
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("explore.html.j2").render(exploration=view(found))


def customers(**changed: ArrayLike) -> pd.DataFrame:
    """Return 200 customers, none of whom is like another; the 40 who spend most took the loan, all outcomes known."""
    draws, n = np.random.default_rng(0), 200
    fields: dict[str, ArrayLike] = {
        "age": draws.integers(25, 65, n),
        "customer_since": draws.integers(0, 40, n),
        "highest_spend": np.arange(n) + 20,
        "zip_code": draws.integers(90000, 96000, n),
        "hidden_score": draws.integers(1, 5, n),
        "monthly_average_spend": draws.integers(0, 80, n) / 10,
        "level": draws.integers(1, 4, n),
        "mortgage": np.where(draws.random(n) < 0.6, 0, draws.integers(80, 600, n)),
        **{name: draws.integers(0, 2, n) for name in ("security", "fixed_deposit_account", "internet_banking")},
        "credit_card": draws.integers(0, 2, n),
        LABEL: np.arange(n) >= n - 40,
        **changed,
    }
    return pd.DataFrame(fields, index=[f"customer-{number}" for number in range(n)]).astype(np.float64)


def column(found: Exploration, name: str) -> ColumnProfile:
    return next(one for one in found.profile.merged.columns if one.column == name)


def planted() -> pd.DataFrame:
    """Return customers of whom one has values that nobody else has."""
    rows = customers()
    rows.loc["customer-150", ["zip_code", "highest_spend", "monthly_average_spend"]] = 93717, 123.4567, 3.14159
    return rows


@pytest.fixture(scope="module")
def small_page() -> str:
    return page(explore(planted(), planted()))


def about(decisions: tuple[Decision, ...], name: str) -> Decision:
    return next(one for one in decisions if name in one.columns)


def test_both_files_and_their_merge_are_described(real: Exploration) -> None:
    first, second, merged = *real.profile.files, real.profile.merged

    assert [("Data1", 5000, 8, 0), ("Data2", 5000, 7, 20), ("merged", 5000, 14, 20)] == [
        (one.name, one.rows, len(one.columns), one.missing) for one in (first, second, merged)
    ]
    assert (*COLUMNS,) == tuple(one.column for one in merged.columns)
    assert ColumnProfile("ID", "identifier", 5000, 0, None, 0, 0, "") == column(real, "ID")
    assert "52 below zero" == column(real, "CustomerSince").odd
    assert "1 of fewer than five digits" == column(real, "ZipCode").odd
    assert (0, 0, 0, 101, 635) == column(real, "Mortgage").quartiles
    assert 3462 == column(real, "Mortgage").zeros


def test_of_the_outcome_of_locked_customers_only_the_blanks_are_known(real: Exploration) -> None:
    table = data.load()
    rows = data.labelled(table)
    develop, test = locked_split(data.labels(rows), 0)
    turned = table.copy()
    turned.loc[rows.index[test], LABEL] = 1 - rows[LABEL].iloc[test]

    assert real == explore(turned, data.labelled(turned).iloc[develop])
    assert (5000, 20, 996, 384, 3984) == (
        *real.outcomes[:3],
        real.outcomes.takers.takers,
        real.outcomes.takers.customers,
    )
    assert ("outcome", None, 0) == (column(real, "LoanOnCard").kind, *column(real, "LoanOnCard")[4:6])


def test_a_profile_counts_zeros_negatives_and_blanks() -> None:
    since = [-2, -1, 0, 0, 5, *range(10, 205)]

    table = customers(customer_since=since, mortgage=[np.nan, *range(199)])
    found = {one.column: one for one in profile(table).merged.columns}

    assert (2, 2, "2 below zero") == found["CustomerSince"][-3:][1::-1] + found["CustomerSince"][-1:]
    assert (1, 1) == (found["Mortgage"].missing, found["Mortgage"].zeros)
    assert -2 == (found["CustomerSince"].quartiles or (0,))[0]
    assert (0, 0) == (found["LoanOnCard"].missing, profile(table).files[0].missing)


def test_a_share_has_wilsons_interval() -> None:
    half = segment("half", np.array([1, 0] * 5))

    assert (10, 5, 0.5) == half[1:4]
    assert (0.2366, 0.7634) == (round(half.low, 4), round(half.high, 4))
    assert (0, 0, 0.0, 0.0, 1.0) == segment("none", np.array([], dtype=np.int64))[1:]


def test_amounts_fall_into_round_bands_and_zero_is_its_own() -> None:
    values = np.array([0.0] * 30 + [10.0] * 5 + [100.0] * 30 + [1000.0] * 30)

    borders = bands(values, 5)

    assert ("0", "over 0, under 100", "100 to 200", "200 or more")[:2] == band_names(borders)[:2]
    assert [30, 5, 30, 30] == np.bincount(band_of(values, borders)).tolist()
    assert ("0", "more than 0") == band_names(bands(np.array([0.0, 0.0, 1.0, 2.0]), 2))
    assert ("all",) == band_names(np.array([]))


def test_small_bands_are_joined_to_their_neighbours() -> None:
    values = np.array([5.0] * 3 + [15.0] * 50 + [25.0] * 50 + [95.0] * 2)

    borders = bands(values, 20)

    assert ("under 20", "20 or more") == band_names(borders)
    assert [53, 52] == np.bincount(band_of(values, borders)).tolist()


def test_conversion_by_category_and_by_pair_counts_customers() -> None:
    spend, level = np.repeat([10, 11, 12, 13, 50, 51, 52, 53], 25), np.tile([1, 2], 100)
    rows = customers(highest_spend=spend, level=level, loan_on_card=(spend >= 50) & (level == 2))

    by_level = segmentation(rows, "level")
    pair = two_way(rows, "highest_spend", "level")

    assert [("1", 100, 0), ("2", 100, 50)] == [one[:3] for one in by_level.segments]
    assert (("under 15", "15 or more"), ("1", "2")) == (pair.row_names, pair.column_names)
    assert [[(50, 0), (50, 0)], [(50, 0), (50, 50)]] == [[cell[1:3] for cell in row if cell] for row in pair.cells]


def test_a_cell_of_few_customers_is_left_blank() -> None:
    level = np.array([1] * 190 + [2] * 10)

    pair = two_way(customers(level=level), "highest_spend", "level")

    assert all(row[1] is None for row in pair.cells)


def test_a_distribution_is_counted_apart_by_outcome() -> None:
    found = distribution(customers(), "highest_spend")

    assert (40, 160) == (sum(found.takers), sum(found.others))
    assert 1.0 == found.superiority
    assert (199.5, 99.5) == (found.taker_quartiles[1], found.other_quartiles[1])
    assert (
        0.5 == distribution(customers(loan_on_card=[0, 1] * 100, age=np.repeat(np.arange(100), 2)), "age").superiority
    )


def test_inflation_of_two_columns_follows_from_their_correlation() -> None:
    """Of two columns with correlation r each has 1 / (1 - r²); here r is .6."""
    rows = pd.DataFrame({"a": [1.0, 1, -1, -1], "b": [1.0, 1 / 7, -1 / 7, -1]})
    r = float(rows["a"].corr(rows["b"]))

    assert pytest.approx(1 / (1 - r * r)) == inflation(rows, ["a", "b"])["a"]
    assert {"a": 1.0} == inflation(rows, ["a"])
    assert float("inf") == inflation(rows.assign(c=2 * rows["a"] + 3 * rows["b"]), ["a", "b", "c"])["c"]


def test_on_the_real_set_customer_since_goes_and_age_is_measured(real: Exploration) -> None:
    found = real.collinearity
    since, age = about(found.decisions, "CustomerSince"), about(found.decisions, "Age")

    assert ("dropped", "collinear") == since[1:3]
    assert "r = +0.994" in since.reason
    assert "variance inflation factors 93.2 and 93.4" in since.reason
    assert ("measured", "sensitive") == age[1:3]
    assert ("dropped", "identifier") == about(found.decisions, "ID")[1:3]
    assert ("dropped", "code") == about(found.decisions, "ZipCode")[1:3]
    assert "462 different values among 3,984 customers" in about(found.decisions, "ZipCode").reason
    assert 9 == len(about(found.decisions, "HighestSpend").columns)
    assert found.before["Age"] > 90
    assert max(found.after.values()) < 2


def test_of_two_alike_the_sensitive_one_goes_first_else_the_less_telling_one() -> None:
    rows = customers()
    alike = rows.assign(age=rows["highest_spend"] + rows["level"], mortgage=rows["monthly_average_spend"] ** 1.1)
    stronger = max(("mortgage", "monthly_average_spend"), key=lambda name: abs(alike[name].corr(alike[LABEL])))

    found = collinearity(alike, [name for name in alike if name != LABEL], ["zip_code"])

    gone = [one.columns[0] for one in found.decisions if one.rule == "collinear"]
    kept = about(found.decisions, "HighestSpend")
    assert "Age" in gone
    assert "sensitive one of the two" in about(found.decisions, "Age").reason
    assert {"Mortgage", "MonthlyAverageSpend"} & {*gone}
    assert {"mortgage": "Mortgage", "monthly_average_spend": "MonthlyAverageSpend"}[stronger] in kept.columns


def test_a_constant_column_and_a_single_zip_are_told() -> None:
    flags = np.zeros(200)
    rows = customers(security=flags, credit_card=[1, *flags[1:]], zip_code=np.full(200, 94720), level=np.full(200, 2))

    found = explore(rows, rows)

    decisions = found.collinearity.decisions
    assert ("dropped", "constant") == about(decisions, "Security")[1:3]
    assert "One value fills 99.5 % of the cells" in about(decisions, "CreditCard").reason
    assert "one value among 200 customers" in about(decisions, "ZipCode").reason
    assert "constant" == column(found, "Level").kind
    assert ("HighestSpend", "Level") == found.two_ways[0][:2]


def test_where_nothing_varies_but_the_spend_there_is_still_a_page() -> None:
    constant = dict.fromkeys([name for name in customers() if name not in ("highest_spend", LABEL)], np.ones(200))
    rows, flat = customers(**constant), customers(**constant, highest_spend=np.ones(200))

    text = page(explore(rows, rows))

    for said in (
        "No cell is blank.",
        "There is one kind only",
        "None is above the limit of 10.",
        "With LoanOnCard go most: HighestSpend",
    ):
        assert said in text
    nothing = collinearity(flat, [name for name in flat if name != LABEL], CODES)
    assert "No column varies." == correlations_seen(nothing)
    assert "<svg" in correlation_plot(nothing)


def test_no_customer_stands_in_the_page(small_page: str) -> None:
    """Nobody's number is in it, nor the values of one customer, all of them in mid-range."""
    read = re.sub(r"<[^>]*>", " ", small_page)

    assert "customer-" not in small_page
    assert 'aria-label="Customers by outcome"' in small_page
    for trace in ("93717", "123.4", "3.14"):
        assert trace not in read


def test_the_same_data_gives_the_same_bytes_in_any_order_of_rows(small_page: str) -> None:
    turned = planted().iloc[::-1]

    assert small_page == page(explore(turned, turned))


def test_the_real_page_is_small_and_says_what_one_sees(real_page: str) -> None:
    assert len(real_page.encode()) < 600_000
    for said in (
        "Of 5,000 customers, 20 have no known outcome and 996 are locked away for the test.",
        "Blank cells: LoanOnCard (20); all others are filled.",
        "Odd values: CustomerSince (52 below zero) and ZipCode (1 of fewer than five digits).",
        "In 6 of 24 cells at least half took the loan: these hold 228 of 384 borrowers among 228 customers.",
        "Most alike are Age and CustomerSince (r = +0.994).",
        "Without CustomerSince the largest is 1.9 (HighestSpend).",
    ):
        assert said in real_page
    assert real_page.count("<svg") == real_page.count('role="img"') == real_page.count("</svg>")
    assert "nan" not in re.sub(r"<[^>]*>", " ", real_page).lower()
