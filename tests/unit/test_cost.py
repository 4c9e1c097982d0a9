"""The cost of a million customers and of a month: reckoned by hand, and as docs/cost.md has it."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from cost import RATES, Usage, per_million, per_month
from prices import EU_WEST_1

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"


def test_a_million_single_messages_are_300_000_calls_of_ten() -> None:
    assert 0.12 == pytest.approx(per_million("both", EU_WEST_1, Usage())["SQS"])


def test_packed_messages_cost_a_request_for_each_64_kb() -> None:
    """Ten messages of 100 events are 520 KB: 9 requests to send, 9 to receive, 1 to delete, for 1,000 events."""
    assert 1000 * 19 * 0.4e-6 == pytest.approx(per_million("both", EU_WEST_1, Usage(pack=100))["SQS"])


def test_a_lead_is_written_to_both_indexes() -> None:
    """100,000 leads of a million: one write for each event, and four for a lead that is renewed."""
    usd = per_million("store", EU_WEST_1, Usage(lead_share=0.1))["DynamoDB"]

    assert 1.4 * EU_WEST_1["dynamodb million writes"].usd == pytest.approx(usd)


def test_what_is_not_used_costs_nothing() -> None:
    assert 0 == per_million("topic", EU_WEST_1, Usage())["DynamoDB"]
    assert 0 == per_million("store", EU_WEST_1, Usage())["SNS"]
    assert 0 == per_million("topic", EU_WEST_1, Usage(lead_share=0))["SNS"]


def test_every_price_names_a_page_of_amazon() -> None:
    assert all(price.usd > 0 and price.page.startswith("https://aws.amazon.com/") for price in EU_WEST_1.values())


@pytest.mark.parametrize("mode", RATES)
def test_the_page_has_the_figures_of_the_command(mode: str) -> None:
    """docs/cost.md, one column for each mode."""
    costs = per_million(mode, EU_WEST_1, Usage())
    column = list(RATES).index(mode)
    expected = {**costs, "all": sum(costs.values())}

    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", PAGE.read_text(), re.MULTILINE)
    assert {name: f"{usd:.3f}" for name, usd in expected.items()} == {row[0]: row[1 + column] for row in rows}


def test_the_page_has_the_fixed_cost_of_the_command() -> None:
    costs = per_month(EU_WEST_1)

    rows = dict(re.findall(r"^\| ([^|]+) \| (\d+\.\d\d) \|$", PAGE.read_text(), re.MULTILINE))
    assert {**{name: f"{usd:.2f}" for name, usd in costs.items()}, "all": f"{sum(costs.values()):.2f}"} == rows


def test_the_page_adds_the_fixed_cost_to_the_others() -> None:
    fixed = sum(per_month(EU_WEST_1).values())
    variable = [sum(per_million(mode, EU_WEST_1, Usage()).values()) for mode in RATES]

    rows = re.findall(r"^\| (\d+) million[^|]*\| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert ["1", "30", "300"] == [millions for millions, *_ in rows]
    for millions, *columns in rows:
        assert [f"{usd + fixed / int(millions):.2f}" for usd in variable] == columns
