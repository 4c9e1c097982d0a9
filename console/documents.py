"""The documents that came with the bundle. There are these two addresses, and none that is made of a file's name."""

from flask import Blueprint, Response, render_template
from markupsafe import Markup

from console.card import card_html
from console.errors import Refused
from console.guard import REPORT_POLICY
from console.parts import CARD, REPORT, Parts


def documents(parts: Parts) -> Blueprint:
    """Return the pages of card and report."""
    routes = Blueprint("documents", __name__, url_prefix="/model")
    card = card_html(parts.documents[CARD].decode("utf-8", "replace")) if CARD in parts.documents else None

    @routes.get("/card")
    def model_card() -> str:
        return render_template("card.html", card=_there(card, CARD))

    @routes.get("/report")
    def model_report() -> Response:
        report = Response(_there(parts.documents.get(REPORT), REPORT), mimetype="text/html")
        report.headers["Content-Security-Policy"] = REPORT_POLICY
        return report

    return routes


def _there(content: bytes | Markup | None, name: str) -> bytes | Markup:
    if content is None:
        raise Refused(404, "no_document", f"the manifest of this bundle names no {name}; `leadline train` adds it")
    return content
