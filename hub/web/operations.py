"""Health and readiness: two addresses for the operator, which say one word to everybody else."""

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
    """Return 200 while the process answers. Nothing else is checked."""
    # The database is not asked: its failure is no reason to restart this process.
    return _json({"status": "ok"}, 200)


@_operations.get("/readyz/")
def readyz() -> Response:
    """Return 200 when requests can be served, otherwise 503; details go to an operator alone.

    Without a readable database no caller is known to be an operator: the details are then in the log.
    """
    found = cast(Readiness, current_app.extensions[_READINESS]).found()
    status = {"status": "ok" if found.is_ready else "unavailable"}
    # INVARIANT: an operator's token alone gets details; outsiders learn nothing (policy 9).
    has_details = found.has_read and _is_operator()
    return _json(status | (found.details if has_details else {}), 200 if found.is_ready else 503)


def _is_operator() -> bool:
    """Return whether an operator asks. No token, or a wrong token, is no error here: probes have none."""
    try:
        return caller().member.kind is Kind.OPERATOR
    except Refused:
        return False


def _json(value: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(value), status, content_type=JSON)
