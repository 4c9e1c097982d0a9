"""What programs ask: scores for customers, and the leads of the store."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request

from console.errors import Refused
from console.parts import Parts
from console.query import wanted_leads
from console.scoring import score_customers
from ports import Unavailable
from schemas.decision import Decision
from worker.errors import REASONS, Reject

_JSON_TYPES: Final = frozenset(
    {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}
)
_TOO_MUCH: Final = frozenset({"too_large", "too_many_events"})
_OF_A_LEAD: Final = (
    "customer_id",
    "score",
    "tier",
    "threshold",
    "model",
    "campaign",
    "consent",
    "event_id",
    "event_time",
    "expires_at",
)


def api(parts: Parts, now: Callable[[], datetime]) -> Blueprint:
    """Return the routes below `/api`."""
    routes = Blueprint("api", __name__, url_prefix="/api")

    @routes.post("/score")
    def score() -> tuple[Response, HTTPStatus]:
        try:
            results = score_customers(_json_body(), parts, now())
        except Reject as reject:
            raise _refused(reject) from None  # whose context would hold the body
        faulty = sum(isinstance(result, Reject) for result in results)
        answer = jsonify(
            scored=len(results) - faulty,
            faulty=faulty,
            results=[{"index": index, **_result(result)} for index, result in enumerate(results)],
        )
        return answer, HTTPStatus.OK if faulty < len(results) else HTTPStatus.UNPROCESSABLE_ENTITY

    @routes.get("/leads")
    def leads() -> Response:
        wanted = wanted_leads(request.args)
        if parts.leads is None:
            raise Refused(404, "no_store", "LEADLINE_STORE is none: set it to where workers store")
        try:
            found = parts.leads.read(*wanted)
        except Unavailable as error:
            raise Refused(503, "store_unavailable", str(error)) from error
        return jsonify(
            order=wanted.order,
            limit=wanted.limit,
            leads=[_lead(decision) for decision in found],
        )

    return routes


def _json_body() -> bytes:
    """
    Return the body.

    Raises:
        Refused: It says that it is no JSON, is packed, or is not there.
    """
    if request.mimetype not in _JSON_TYPES:
        given = request.mimetype if request.mimetype.isascii() and len(request.mimetype) <= 80 else ""
        raise Refused(
            415,
            "wrong_content_type",
            f"Content-Type is {given or 'not one'}: send application/json",
        )
    if "Content-Encoding" in request.headers:
        raise Refused(415, "wrong_content_encoding", "Content-Encoding is set: send JSON as it is")
    body = request.get_data(cache=False)
    if not body.strip():
        raise Refused(400, "not_json", "the body is empty: send a customer, or an array of 1 to 1,000")
    return body


def _lead(decision: Decision) -> dict[str, Any]:
    content = decision.model_dump(mode="json")
    return {name: content[name] for name in _OF_A_LEAD}


def _result(result: Decision | Reject) -> dict[str, Any]:
    if isinstance(result, Reject):
        return {"errors": [{"reason": f.reason, "field": f.pointer, "message": f.repair} for f in result.faults]}
    return {
        "customer_id": result.customer_id,
        "score": result.score,
        "lead": result.lead,
        "tier": result.tier,
        "threshold": result.threshold,
        "model": result.model.model_dump(),
    }


def _refused(reject: Reject) -> Refused:
    """Say why the body as a whole cannot be read."""
    fault = reject.faults[0]
    status = 413 if fault.reason in _TOO_MUCH else 400
    return Refused(status, fault.reason, f"{REASONS[fault.reason]}: {fault.repair}", field=fault.pointer)
