"""The application: routes behind a guard, errors in words, and a line in the log for every request."""

import logging
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask.json.provider import DefaultJSONProvider
from jinja2 import StrictUndefined
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import RequestRedirect

from console.api import api
from console.byhand import by_hand
from console.documents import documents
from console.errors import Refused
from console.guard import Guard, is_api, protect, style_policy
from console.pages import pages
from console.parts import Parts
from console.probes import probes
from schemas.event import MAX_MESSAGE_BYTES

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = logging.getLogger(__name__)


class _InOrder(DefaultJSONProvider):
    """JSON whose keys stay in the order that they were given."""

    sort_keys = False


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(parts: Parts, token: str | None, now: Callable[[], datetime] = _now) -> Flask:
    """
    Put the application together.

    Args:
        parts: What it answers with.
        token: What it asks for; None only where nobody else can reach it.
        now: The present, in UTC.
    """
    app = Flask("console", static_folder=None)
    app.json = _InOrder(app)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MAX_MESSAGE_BYTES
    app.url_map.merge_slashes = False
    _set_up_templates(app)
    app.before_request(_begin)
    app.before_request(Guard(token).check)
    app.before_request(_no_redirect)
    for routes in (probes(parts), api(parts, now), pages(parts, now), by_hand(parts, now), documents(parts)):
        app.register_blueprint(routes)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)
    return app


def _set_up_templates(app: Flask) -> None:
    style = (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    policy = style_policy(style)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["style"] = Markup(style)  # noqa: S704  our own file

    @app.after_request
    def finish(response: Response) -> Response:
        _tell(response)
        return protect(response, policy)


def _begin() -> None:
    g.began_at = time.perf_counter()
    g.request_id = secrets.token_hex(6)


def _no_redirect() -> None:
    """Werkzeug sends `//` to `/` by a full address, and behind a load balancer that would begin with http."""
    if isinstance(request.routing_exception, RequestRedirect):
        raise NotFound


def _tell(response: Response) -> None:
    """Log a request by its route: what stands in the address, the query or the body may name a customer."""
    response.headers["X-Request-Id"] = g.request_id
    is_probe = request.blueprint == "probes" and response.status_code < HTTPStatus.BAD_REQUEST
    route = "(no such path)" if request.url_rule is None else request.url_rule.rule
    method = request.method if request.method in _METHODS else "(other method)"
    milliseconds = 1000 * (time.perf_counter() - g.began_at)
    log.log(
        logging.DEBUG if is_probe else logging.INFO,
        "%s %s %d in %.0f ms, request %s",
        method,
        route,
        response.status_code,
        milliseconds,
        g.request_id,
    )


def _refused(error: Refused) -> Response:
    return _answer(HTTPStatus(error.status), error.reason, str(error), error)


def _http_error(error: HTTPException) -> Response:
    """Say in our words what Flask and Werkzeug refuse by themselves."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, RequestEntityTooLarge):
        return _answer(
            status, "too_large", f"the request is larger than {MAX_MESSAGE_BYTES} bytes: send fewer customers"
        )
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        answer = _answer(status, "wrong_method", f"the method is not one of {allowed}: use one of these")
        answer.headers["Allow"] = allowed
        return answer
    if status == HTTPStatus.NOT_FOUND:
        return _answer(status, "not_found", "there is nothing under this address: start at /")
    return _answer(status, status.phrase.lower().replace(" ", "_"), f"{status.phrase}: the request cannot be read")


def _unforeseen(error: Exception) -> Response:
    log.error("request %s failed unforeseen", g.request_id, exc_info=error)
    message = f"something failed that nobody foresaw; the log tells of it under request {g.request_id}"
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "unforeseen", message)


def _answer(status: HTTPStatus, reason: str, message: str, refused: Refused | None = None) -> Response:
    """Answer a program in JSON, and a person with a page."""
    if is_api():
        field = refused.field if refused else ""
        answer = jsonify(error={"reason": reason, "field": field, "message": message, "request_id": g.request_id})
    else:
        answer = make_response(render_template("error.html", status=status, message=message))
    answer.status_code = status
    answer.headers.update(refused.headers if refused else {})
    return answer
