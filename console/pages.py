"""What people see first: the model in service, and the leads of the store."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final, NamedTuple

from flask import Blueprint, render_template, request

from console.figures import key_figures, rule_in_words
from console.parts import Parts
from console.query import MAX_LEADS, wanted_leads
from console.store import Order
from ports import Unavailable
from schemas.decision import Decision
from schemas.event import utc_text

_FIRST: Final = 10


class _Read(NamedTuple):
    """Leads, or why there are none to show."""

    leads: list[Decision]
    trouble: str | None = None


def pages(parts: Parts, now: Callable[[], datetime]) -> Blueprint:
    """Return the overview and the page of leads. A store that is away takes nothing else with it."""
    routes = Blueprint("pages", __name__)

    @routes.get("/")
    def overview() -> str:
        newest = _read(parts, "newest", _FIRST)
        best = _Read([], newest.trouble) if newest.trouble else _read(parts, "best", _FIRST)
        manifest = parts.bundle.manifest
        return render_template(
            "overview.html",
            parts=parts,
            now=utc_text(now()),
            figures=key_figures(manifest),
            rule=rule_in_words(manifest.economics),
            newest=newest,
            best=best,
        )

    @routes.get("/leads")
    def leads() -> tuple[str, HTTPStatus]:
        wanted = wanted_leads(request.args)
        read = _read(parts, *wanted)
        away = parts.leads is not None and read.trouble
        page = render_template("leads.html", parts=parts, now=utc_text(now()), wanted=wanted, read=read, most=MAX_LEADS)
        return page, HTTPStatus.SERVICE_UNAVAILABLE if away else HTTPStatus.OK

    return routes


def _read(parts: Parts, order: Order, limit: int) -> _Read:
    if parts.leads is None:
        return _Read([], "No store is set, so there are no leads to show. Set LEADLINE_STORE to where workers store.")
    try:
        return _Read(parts.leads.read(order, limit))
    except Unavailable as error:
        return _Read([], f"The leads cannot be read: {error}")
