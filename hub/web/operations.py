"""Is it alive, is it ready: two addresses for whoever runs the hub, which tell a stranger one word each."""

from __future__ import annotations

from typing import Any, Final, cast

import orjson
from flask import Blueprint, Flask, Response, current_app

from hub.actions.operation.readiness import Readiness
from hub.errors import Refused
from hub.model import Kind
from hub.web.taxii.identity import caller, service_of
from hub.web.taxii.negotiation import JSON

_operations = Blueprint("operations", __name__)

_READINESS: Final = "hub.readiness"


def install(app: Flask) -> None:
    """Serve /healthz and /readyz from `app`."""
    app.extensions[_READINESS] = Readiness(service_of(app))
    app.register_blueprint(_operations)


@_operations.get("/healthz/")
def healthz() -> Response:
    """Return 200 while the process answers; nothing else is looked at."""
    return _json({"status": "ok"}, 200)


@_operations.get("/readyz/")
def readyz() -> Response:
    """Return 200 when requests can be served, else 503; an operator's token is told the details.

    Without a database that can be read nobody is known to be an operator: the log tells the details then.
    """
    found = cast(Readiness, current_app.extensions[_READINESS]).found()
    status = {"status": "ok" if found.is_ready else "unavailable"}
    is_told = found.has_read and _is_operator()
    return _json(status | (found.details if is_told else {}), 200 if found.is_ready else 503)


def _is_operator() -> bool:
    """Tell whether an operator asks. No token, or a wrong one, is no error here: probes have none."""
    try:
        return caller().member.kind is Kind.OPERATOR
    except Refused:
        return False


def _json(value: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(value), status, content_type=JSON)
