"""How the bench judges what it has measured."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.bench.customers import Events
from benchmarks.bench.figures import figures
from benchmarks.bench.report import write_into
from benchmarks.bench.run import check
from benchmarks.bench.stand_in import RunFailed
from benchmarks.bench.table import BY_NAME

RUN = {
    "events_per_second": 1000.0,
    "cpu_s_per_1000": 0.6,
    "peak_rss_mb": 200.0,
    "deletes_a_call": 10.0,
    "publishes_a_call": 9.5,
}


def result(**ours: float) -> dict[str, Any]:
    """Return three rounds of (d) and of Leadline, of which the middle one is as given."""
    noisy = [{**RUN, **ours, "cpu_s_per_1000": ours["cpu_s_per_1000"] * factor} for factor in (0.1, 1, 10)]
    return {"rounds": {"0 ms": {"d": [RUN] * 3, "direct": noisy}}}


@pytest.mark.parametrize(("cpu", "verdict"), [(0.033, "goal"), (0.049, "must"), (0.06, "MISSED")])
def test_a_ratio_is_the_median_of_those_within_the_rounds(cpu: float, verdict: str) -> None:
    found = {one.name: one for one in figures(result(cpu_s_per_1000=cpu))}
    judged = found["CPU, topic, against boto3 with 8 threads (d)"]
    assert judged.seen == pytest.approx(0.6 / cpu)
    assert judged.verdict == verdict


def test_of_what_may_be_small_more_is_worse() -> None:
    found = {one.name: one for one in figures(result(cpu_s_per_1000=0.05, peak_rss_mb=81.0))}
    assert found["memory under load, topic, at worst"].verdict == "MISSED"
    assert found["memory against (d), at worst"].verdict == "goal"


def test_what_was_not_run_is_neither_reached_nor_missed() -> None:
    assert {one.verdict for one in figures({"rounds": {}})} == {"not run"}


def test_the_tables_of_a_page_are_replaced_and_its_words_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n")
    for _ in range(2):
        write_into(page, "| new |")
    assert page.read_text() == "before\n<!-- bench: begin -->\n\n| new |\n\n<!-- bench: end -->\nafter\n"


EVENTS = Events(Path("events"), messages=3, events=3, leads=frozenset({"evt-1", "evt-2"}))
WHOLE = {"undeleted": 0, "leads": ["evt-2", "evt-1"], "stored": 3}


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        ({"undeleted": 1}, "1 messages were left"),
        ({"leads": ["evt-1"]}, "1 leads are missing at the topic .evt-2."),
        ({"leads": ["evt-1", "evt-2", "evt-3"]}, "1 are there that are none .evt-3."),
        ({"leads": ["evt-1", "evt-2", "evt-2"]}, "1 leads came twice"),
        ({"stored": 2}, "2 of 3 decisions were stored"),
    ],
)
def test_a_run_in_which_anything_is_lost_left_or_doubled_is_no_result(seen: dict[str, Any], fault: str) -> None:
    check(BY_NAME["direct-store"], EVENTS, WHOLE)
    with pytest.raises(RunFailed, match=fault):
        check(BY_NAME["direct-store"], EVENTS, WHOLE | seen)


def test_memory_is_judged_by_its_worst_setting_and_scoring_by_its_worst_size() -> None:
    runs = {"d": [RUN], "direct": [{**RUN, "peak_rss_mb": 70.0}]}
    worse = {"d": [RUN], "direct": [{**RUN, "peak_rss_mb": 95.0}]}
    scoring = {"compiled_1": 10.0, "scikit_learn_1": 900.0, "compiled_10": 10.0, "scikit_learn_10": 9.0, "reasons": 5.0}
    found = {one.name: one for one in figures({"rounds": {"0 ms": runs, "10 ms": worse}, "scoring": scoring})}
    assert found["memory under load, topic, at worst"].seen == 95.0
    assert found["memory against (d), at worst"].seen == 0.475
    assert found["scoring against scikit-learn's own, at worst"].verdict == "MISSED"
