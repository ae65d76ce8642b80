"""Is it alive, is it ready: two addresses for whoever runs the hub, which tell a stranger one word each."""

from __future__ import annotations

from typing import Final

import orjson
from flask import Blueprint, Flask, Response

from hub.errors import Refused, Unavailable
from hub.model import Kind
from hub.web.taxii.identity import caller, house
from hub.web.taxii.negotiation import JSON

_operations = Blueprint("operations", __name__)

_READY: Final = {"database": "reachable", "schema": "current"}


def install(app: Flask) -> None:
    """Serve /healthz and /readyz from `app`."""
    app.register_blueprint(_operations)


@_operations.get("/healthz/")
def healthz() -> Response:
    """Return 200 while the process answers; nothing else is looked at."""
    return _json({"status": "ok"}, 200)


@_operations.get("/readyz/")
def readyz() -> Response:
    """Return 200 when requests can be served, else 503; an operator's token is told what is missing."""
    found = _look()
    is_ready = found == _READY
    status = {"status": "ok" if is_ready else "unavailable"}
    return _json(status | (found if _is_operator() else {}), 200 if is_ready else 503)


def _look() -> dict[str, str]:
    try:
        is_current = house().store.is_current()
    except Unavailable:
        return {"database": "unreachable", "schema": "unknown"}
    return _READY if is_current else {"database": "reachable", "schema": "not that of this version"}


def _is_operator() -> bool:
    """Tell whether an operator asks. No token, or a wrong one, is no error here: probes have none."""
    try:
        return caller().member.kind is Kind.OPERATOR
    except Refused:
        return False


def _json(value: dict[str, str], status: int) -> Response:
    return Response(orjson.dumps(value), status, content_type=JSON)
