"""What a load balancer asks: whether the process lives, whether it can do its work, and which model it serves."""

from flask import Blueprint, Response, jsonify

from console.parts import Parts


def probes(parts: Parts) -> Blueprint:
    """Return the probes. They say which part is at fault, and no address, since anybody may ask."""
    routes = Blueprint("probes", __name__)

    @routes.get("/livez")
    def livez() -> Response:
        return _text("ok")

    @routes.get("/readyz")
    def readyz() -> Response:
        """The model was loaded before the port was opened; what can be away is the store."""
        trouble = None if parts.leads is None else parts.leads.trouble
        return _text("ok") if trouble is None else _text(f"{trouble}; the model is loaded", 503)

    @routes.get("/version")
    def version() -> Response:
        return jsonify(model=parts.bundle.manifest.id.model_dump())

    return routes


def _text(said: str, status: int = 200) -> Response:
    return Response(f"{said}\n", status, mimetype="text/plain")
