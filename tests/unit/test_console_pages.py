"""What people see, also when a part is missing or somebody has put markup into the store."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from console.card import card_html
from console.parts import read_documents
from ports import Unavailable
from propensity.bundle import Bundle, BundleError
from schemas.manifest import Metric
from tests.bundles import Keys, likely_above, make_bundle
from tests.consoles import Away, client_of, lead, parts_with, store_in

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


def refuse(_limit: int) -> None:
    raise Unavailable("store decisions.db cannot be read now")


@pytest.fixture
def away(bundle: Bundle) -> FlaskClient:
    return client_of(parts_with(bundle, Away(refuse)))  # type: ignore[arg-type]  reads are all that it must do


def test_the_overview_names_the_model_and_its_figures_with_intervals(bundle: Bundle) -> None:
    metric = Metric(name="precision", value=0.9659, low=0.9046, high=0.9883, rows="test")
    manifest = bundle.manifest.model_copy(update={"metrics": (metric,), "candidate": "random_forest"})

    page = client_of(parts_with(bundle._replace(manifest=manifest))).get("/").text

    for text in ("tiny", "random forest", "0.966", "0.905 to 0.988", "0.5"):
        assert text in page


def test_a_threshold_that_is_set_is_told_from_the_models_own(bundle: Bundle) -> None:
    assert "LEADLINE_THRESHOLD" in client_of(parts_with(bundle, threshold=0.8)).get("/").text
    assert "LEADLINE_THRESHOLD" not in client_of(parts_with(bundle)).get("/").text


def test_the_overview_shows_newest_and_best_leads(bundle: Bundle, tmp_path: Path) -> None:
    store = store_in(
        tmp_path,
        lead("old-but-best", score=0.99, event_time="2026-01-01T00:00:00.000000Z"),
        lead("newest", score=0.71, tier="B", event_time="2026-01-15T11:00:00.000000Z"),
        lead("expired", score=0.8, tier="B", expires_at="2026-01-02T00:00:00.000000Z"),
        lead("nobody", lead=False, tier=None),
    )

    page = client_of(parts_with(bundle, store)).get("/").text

    best, newest = page.split("Newest leads")
    assert best.index("old-but-best") < best.index(">newest<")
    assert newest.index(">newest<") < newest.index("old-but-best")
    assert 2 == page.count("(expired)")
    assert "nobody" not in page


def test_markup_from_the_store_is_shown_and_not_obeyed(bundle: Bundle, tmp_path: Path) -> None:
    store = store_in(tmp_path, lead(HOSTILE, campaign=HOSTILE), campaign=HOSTILE)
    client = client_of(parts_with(bundle, store, campaign=HOSTILE))

    for path in ("/", "/leads"):
        page = client.get(path).text
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert "{{7*7}}" in page


def test_markup_in_the_query_is_shown_and_not_obeyed(bundle: Bundle) -> None:
    client = client_of(parts_with(bundle))

    for path in ("/leads?order=<script>", "/leads?limit=<script>", "/<script>"):
        assert "<script" not in client.get(path).text


def test_without_a_store_the_pages_say_so(bundle: Bundle) -> None:
    client = client_of(parts_with(bundle))

    for path in ("/", "/leads"):
        response = client.get(path)
        assert 200 == response.status_code
        assert "LEADLINE_STORE" in response.text
    response = client.get("/api/leads")
    assert (404, "no_store") == (response.status_code, response.json and response.json["error"]["reason"])
    assert 200 == client.get("/readyz").status_code


def test_with_the_store_away_everything_else_is_there(away: FlaskClient) -> None:
    overview, leads, api = away.get("/"), away.get("/leads"), away.get("/api/leads")

    assert (200, 503, 503) == (overview.status_code, leads.status_code, api.status_code)
    assert "does not answer" in overview.text
    assert "tiny" in overview.text
    for response in (overview, leads, api):
        assert "store decisions.db cannot be read now" in response.text
    assert (200, 503) == (away.get("/livez").status_code, away.get("/readyz").status_code)


def test_the_probe_says_which_part_is_away_and_not_where_it_lies(away: FlaskClient) -> None:
    said = away.get("/readyz").text

    assert "store" in said
    assert "decisions.db" not in said


def test_the_version_is_that_of_the_model(bundle: Bundle) -> None:
    answer = client_of(parts_with(bundle)).get("/version").json

    assert {"model": bundle.manifest.id.model_dump()} == answer


def test_the_api_gives_the_leads_in_the_order_and_number_that_are_asked_for(bundle: Bundle, tmp_path: Path) -> None:
    store = store_in(tmp_path, *(lead(str(number), score=0.5 + number / 100) for number in range(20)))
    client = client_of(parts_with(bundle, store))

    answer = client.get("/api/leads?order=best&limit=3").json

    assert answer is not None
    assert ["19", "18", "17"] == [found["customer_id"] for found in answer["leads"]]
    assert {"score", "tier", "threshold", "model", "campaign", "consent", "expires_at"} <= answer["leads"][0].keys()
    assert "content_sha256" not in answer["leads"][0]


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "9" * 5000, "1e3", "", "٣", "1_0", "5 "])
def test_a_limit_out_of_bounds_is_refused(bundle: Bundle, tmp_path: Path, limit: str) -> None:
    client = client_of(parts_with(bundle, store_in(tmp_path)))

    for path in ("/leads", "/api/leads"):
        response = client.get(path, query_string={"limit": limit})
        assert 400 == response.status_code
        assert "1 to 1000" in response.text


def test_an_order_that_there_is_not_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    response = client_of(parts_with(bundle, store_in(tmp_path))).get("/api/leads?order=worst")

    assert (400, "bad_order") == (response.status_code, response.json and response.json["error"]["reason"])
    assert "newest or best" in response.text


def test_the_card_is_read_as_what_it_is(bundle: Bundle) -> None:
    card = b"# Card\n\nOne `code` <b>\nline.\n\n- first\n- second\n\n| a | b |\n| --- | --- |\n| 1 | <i> |\n"

    page = client_of(parts_with(bundle, documents={"card.md": card})).get("/model/card").text

    assert "<h1>Card</h1>" in page
    assert "<p>One <code>code</code> &lt;b&gt; line.</p>" in page
    assert "<ul><li>first</li><li>second</li></ul>" in page
    assert re.search(r"<th>a</th><th>b</th>.*<td>1</td><td>&lt;i&gt;</td>", page)


@pytest.mark.parametrize(
    "text", ["", "|", "| --- |", "#", "#### four", "`", "- ", "a\x00b", "|a|\n\n|b|", "# <script>"]
)
def test_any_text_makes_a_card(text: str) -> None:
    assert "<script" not in card_html(text)


def test_the_report_can_do_nothing(bundle: Bundle) -> None:
    report = b"<script>steal()</script>"

    response = client_of(parts_with(bundle, documents={"report.html": report})).get("/model/report")

    assert report == response.data
    assert response.headers["Content-Security-Policy"].endswith("; sandbox")
    assert "script-src" not in response.headers["Content-Security-Policy"]


def test_a_document_that_the_manifest_does_not_name_is_not_there(bundle: Bundle) -> None:
    client = client_of(parts_with(bundle))

    for path in ("/model/card", "/model/report"):
        response = client.get(path)
        assert 404 == response.status_code
        assert "manifest" in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/model/model.pkl",
        "/model/manifest.json",
        "/model/../../etc/passwd",
        "/model/%2e%2e/%2e%2e/etc/passwd",
        "/model/card/../model.pkl",
        "/model/card%00.md",
        "/static/style.css",
        "/model/",
        "/model",
    ],
)
def test_no_other_file_is_served(bundle: Bundle, path: str) -> None:
    client = client_of(parts_with(bundle, documents={"card.md": b"# card", "report.html": b"report"}))

    assert 404 == client.get(path).status_code


def test_only_documents_that_the_manifest_names_are_read(tmp_path: Path, keys: Keys, bundle: Bundle) -> None:
    folder = make_bundle(tmp_path / "bundle", likely_above(100), keys)
    (folder / "report.html").write_text("put here by somebody")

    assert {"card.md": b"# tiny\n"} == read_documents(folder, bundle.manifest)


def test_a_document_that_was_changed_is_refused(tmp_path: Path, keys: Keys, bundle: Bundle) -> None:
    folder = make_bundle(tmp_path / "bundle", likely_above(100), keys)
    (folder / "card.md").write_text("# another")

    with pytest.raises(BundleError, match=r"card\.md is not the file"):
        read_documents(folder, bundle.manifest)


FORM = {
    "highest_spend": "180.5",
    "hidden_score": "2",
    "monthly_average_spend": "6",
    "level": "3",
    "mortgage": "0",
    "security": "0",
    "fixed_deposit_account": "1",
    "internet_banking": "1",
    "credit_card": "0",
    "loan_on_card": "",
    "consent": "",
}


def test_a_customer_is_scored_by_hand(bundle: Bundle) -> None:
    response = client_of(parts_with(bundle)).post("/score", data=FORM)

    assert 200 == response.status_code
    assert "A lead" in response.text
    assert "1.000" in response.text
    assert 'value="180.5"' in response.text


@pytest.mark.parametrize("change", [{"loan_on_card": "1"}, {"consent": "none"}])
def test_by_hand_a_borrower_or_who_has_refused_is_no_lead(bundle: Bundle, change: dict[str, str]) -> None:
    page = client_of(parts_with(bundle)).post("/score", data=FORM | change).text

    assert "No lead" in page
    assert "holds the loan already, or there is no consent" in page


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"level": "9"}, "<strong>Level</strong>"),
        ({"level": "1.5"}, "<strong>Level</strong>"),
        ({"highest_spend": "much"}, "<strong>Highest spend</strong>"),
        ({"highest_spend": ""}, "<strong>Highest spend</strong>"),
        ({"mortgage": "<script>"}, "<strong>Mortgage</strong>"),
        ({"mortgage": "9" * 5000}, "<strong>Mortgage</strong>"),
        ({"mortgage": "NaN"}, "<strong>Mortgage</strong>"),
    ],
)
def test_by_hand_a_fault_is_told_with_its_field(bundle: Bundle, change: dict[str, str], fault: str) -> None:
    response = client_of(parts_with(bundle)).post("/score", data=FORM | change)

    assert 422 == response.status_code
    assert fault in response.text
    assert "<script" not in response.text


def test_the_form_has_the_bounds_of_the_contract(bundle: Bundle) -> None:
    page = client_of(parts_with(bundle)).get("/score").text

    assert re.search(r'name="highest_spend" min="0\.?0?" max="1000000\.0"', page)
    assert "thousand USD" in page


def test_a_form_of_another_kind_is_refused(bundle: Bundle) -> None:
    client = client_of(parts_with(bundle))

    assert 415 == client.post("/score", json=FORM).status_code
    assert 413 == client.post("/score", data={"level": "1" * 1_100_000}).status_code
