"""Who is let in, and what stands in every answer."""

import base64
import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from console.app import create_app
from console.guard import OPEN
from propensity.bundle import Bundle
from tests.consoles import AUTHORIZED, TOKEN, client_of, parts_with

PROBES = ["/livez", "/readyz", "/version"]
PAGES = ["/", "/leads", "/score", "/model/card", "/model/report"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


@pytest.fixture
def guarded(bundle: Bundle) -> FlaskClient:
    return client_of(parts_with(bundle, documents={"card.md": b"# card", "report.html": b"<p>report"}), TOKEN)


@pytest.fixture
def local(bundle: Bundle) -> FlaskClient:
    return client_of(parts_with(bundle, documents={"card.md": b"# card", "report.html": b"<p>report"}))


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def every_route(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    for rule in create_app(parts_with(bundle), TOKEN).url_map.iter_rules():
        assert not rule.arguments, "a route that takes a part of its path wants a test of its own here"
        for method in METHODS:
            yield rule.endpoint, method, rule.rule


def test_nothing_but_the_probes_is_answered_without_the_token(guarded: FlaskClient, bundle: Bundle) -> None:
    """Every route there is, by every method; the list comes from the application."""
    asked = 0
    for endpoint, method, path in every_route(bundle):
        response = guarded.open(path, method=method)
        if endpoint in OPEN and method in {"GET", "HEAD", "OPTIONS"}:
            assert 200 == response.status_code
        else:
            assert 401 == response.status_code, (method, path)
            assert response.headers["WWW-Authenticate"].split()[0] == ("Bearer" if "/api/" in path else "Basic")
            asked += 1
    assert asked > 50


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/nothing", "/livez/", "/LIVEZ", "//livez", "/model/../livez", "/%2e"]
)
def test_a_path_that_does_not_exist_is_guarded_too(guarded: FlaskClient, path: str) -> None:
    assert 401 == guarded.get(path).status_code


@pytest.mark.parametrize("path", PROBES)
def test_the_load_balancer_needs_no_token(guarded: FlaskClient, path: str) -> None:
    """It asks by the address of the pod, so its host is no name of ours."""
    assert 200 == guarded.get(path, headers={"Host": "10.0.3.17:8000"}).status_code


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_gets_a_page_by_its_password(guarded: FlaskClient, path: str) -> None:
    assert 200 == guarded.get(path, headers=basic(TOKEN)).status_code
    assert 200 == guarded.get(path, headers=AUTHORIZED).status_code


def test_the_api_takes_the_token_as_bearer_only(guarded: FlaskClient) -> None:
    """What a browser sends by itself, on behalf of any page, is not enough."""
    assert 401 == guarded.get("/api/leads", headers=basic(TOKEN)).status_code
    assert 404 == guarded.get("/api/leads", headers=AUTHORIZED).status_code


@pytest.mark.parametrize(
    "headers",
    [
        basic(""),
        basic(TOKEN[:-1]),
        basic(TOKEN + "x"),
        basic("", user=TOKEN),
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Digest {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer \xff"},
        {"X-Authorization": f"Bearer {TOKEN}"},
    ],
)
def test_another_token_is_no_token(guarded: FlaskClient, headers: dict[str, str]) -> None:
    response = guarded.get("/", headers=headers)

    assert 401 == response.status_code
    assert TOKEN not in response.text


def test_without_a_token_another_name_for_this_machine_is_refused(local: FlaskClient) -> None:
    """A page elsewhere may give its own name this machine's address; the browser still sends the name."""
    for host in ("127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"):
        assert 200 == local.get("/", headers={"Host": host}).status_code, host
    for host in ("evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example", "[::1", "", "10.0.0.1"):
        assert 421 == local.get("/", headers={"Host": host}).status_code, host


@pytest.mark.parametrize("path", [*PROBES, *PAGES, "/api/leads", "/nothing"])
def test_every_answer_bears_the_headers_that_protect(guarded: FlaskClient, path: str) -> None:
    for headers in ({}, AUTHORIZED):
        found = guarded.get(path, headers=headers).headers
        assert "nosniff" == found["X-Content-Type-Options"]
        assert "DENY" == found["X-Frame-Options"]
        assert "no-store" == found["Cache-Control"]
        assert "no-referrer" == found["Referrer-Policy"]
        policy = found["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe-inline" not in policy or "sandbox" in policy


def test_the_policy_allows_the_one_style_that_is_in_the_page(local: FlaskClient) -> None:
    import hashlib

    response = local.get("/")
    (style,) = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"'sha256-{digest}'" in response.headers["Content-Security-Policy"]
    assert "style=" not in response.text
    assert "<script" not in response.text


def test_pages_load_nothing_from_elsewhere(local: FlaskClient) -> None:
    for path in ("/", "/leads", "/score", "/model/card", "/nothing"):
        assert not re.findall(r"(?:src|href|action)=[\"']?(?:https?:|//)", local.get(path).text), path


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/"), ("DELETE", "/leads"), ("GET", "/api/score"), ("PUT", "/score"), ("POST", "/livez")],
)
def test_a_wrong_method_is_told_the_right_ones(local: FlaskClient, method: str, path: str) -> None:
    response = local.open(path, method=method)

    assert 405 == response.status_code
    assert response.headers["Allow"]
    assert response.headers["Allow"] in response.text


def test_the_log_names_routes_and_no_values(local: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    local.get("/leads?order=best&limit=7&customer=4711")
    local.get("/customers/4711")
    local.open("/", method="X4711")

    assert "GET /leads 200" in caplog.text
    assert "GET (no such path) 404" in caplog.text
    assert "4711" not in caplog.text
    assert "best" not in caplog.text


def test_no_answer_is_a_redirect(local: FlaskClient, bundle: Bundle) -> None:
    """Behind a load balancer it would lead to http."""
    for _, method, path in every_route(bundle):
        for variant in (path, f"{path}/", f"/{path}"):
            assert local.open(variant, method=method).status_code // 100 != 3, variant
