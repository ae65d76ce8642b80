"""TAXII 2.1: medallion's views over `actions`, and the code around these views.

A request passes `identity` (authentication), `negotiation` (media types), medallion's view, `filters`
(parameters) and `backend` (the act). `resources` gives the answer its form, `problems` each refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import medallion
from flask import Flask, Response, request

from hub.actions.service.service import Service
from hub.web.taxii import markings
from hub.web.taxii.backend import TaxiiBackend
from hub.web.taxii.negotiation import admit_taxii
from hub.web.taxii.resources import BodyProvider

_BLUEPRINTS = frozenset({"collections", "discovery", "manifest", "markings", "objects"})


def install(app: Flask, service: Service) -> None:
    """Serve TAXII 2.1 from `app`: discovery at /taxii2/, the API root at /{api_root}/."""
    app.json = BodyProvider(app)  # medallion writes answers through it
    app.taxii_config = {"max_page_size": service.limits.page_objects}  # type: ignore[attr-defined]
    app.medallion_backend = TaxiiBackend(service)  # type: ignore[attr-defined]
    app.before_request(_admit)  # before medallion's own checks of headers
    medallion.register_blueprints(app)
    markings.install(app, service)
    view: Callable[..., Any] = app.view_functions["objects.get_or_delete_object"]
    app.view_functions["objects.get_or_delete_object"] = _with_body(view)


def _with_body(view: Callable[..., Any]) -> Callable[..., Response]:
    """Let `view` answer a DELETE with an empty object: clients read JSON from every response."""

    def answer(**names: str) -> Response:
        response: Response = view(**names)
        if request.method == "DELETE":
            response.data = b"{}"
        return response

    return answer


def _admit() -> None:
    # Other addresses have rules of their own: hub.web.governance, hub.web.operations.
    if request.blueprint in _BLUEPRINTS:
        admit_taxii()
