"""One customer, typed into a form and scored. It changes nothing, so that a forged form would do no harm."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

from flask import Blueprint, render_template, request

from console.errors import Refused
from console.form import CONSENTS, Field, body_of, fields_of
from console.parts import Parts
from console.scoring import score_customers
from schemas.decision import Decision
from worker.errors import Reject

_FORM: Final = "application/x-www-form-urlencoded"


def by_hand(parts: Parts, now: Callable[[], datetime]) -> Blueprint:
    """Return the form, and what answers it."""
    routes = Blueprint("by_hand", __name__)
    fields = fields_of(parts.bundle.feature_names)

    @routes.get("/score")
    def score_form() -> str:
        return _page(fields)

    @routes.post("/score")
    def score() -> tuple[str, HTTPStatus]:
        if request.mimetype != _FORM:
            raise Refused(415, "wrong_content_type", "the content is not this page's form: send JSON to /api/score")
        (result,) = score_customers(body_of(request.form, fields), parts, now())
        if isinstance(result, Reject):
            return _page(fields, reject=result), HTTPStatus.UNPROCESSABLE_ENTITY
        return _page(fields, result), HTTPStatus.OK

    return routes


def _page(fields: Sequence[Field], result: Decision | None = None, reject: Reject | None = None) -> str:
    faults = [(fault.pointer.lstrip("/").replace("_", " "), fault.repair) for fault in reject.faults] if reject else []
    return render_template(
        "score.html", fields=fields, consents=CONSENTS, form=request.form, result=result, faults=faults
    )
