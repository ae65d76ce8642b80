"""TAXII 2.1: medallion's views over `actions`, and the code around these views.

A request passes `identity` (authentication), `negotiation` (media types), medallion's view, `filters`
(parameters) and `backend` (the act). `resources` gives the answer its form, `problems` each refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import medallion
from flask import Flask, Response

from hub.actions.service.service import Service
from hub.web.taxii import markings
from hub.web.taxii.backend import TaxiiBackend
from hub.web.taxii.identity import asked, caller
from hub.web.taxii.negotiation import admit_taxii
from hub.web.taxii.resources import BodyProvider

View = Callable[..., Any]

_BLUEPRINTS = frozenset({"collections", "discovery", "manifest", "markings", "objects"})


def install(app: Flask, service: Service) -> None:
    """Serve TAXII 2.1 from `app`: discovery at /taxii2/, the API root at /{api_root}/."""
    app.json = BodyProvider(app)  # medallion writes answers through it
    app.taxii_config = {"max_page_size": service.limits.page_objects}  # type: ignore[attr-defined]
    app.medallion_backend = TaxiiBackend(service)  # type: ignore[attr-defined]
    app.before_request(_admit)  # before medallion's own checks of headers
    medallion.register_blueprints(app)
    for name, view in list(app.view_functions.items()):
        app.view_functions[name] = _authenticated(view)
    markings.install(app, service)
    deleting = app.view_functions["objects.get_or_delete_object"]
    app.view_functions["objects.get_or_delete_object"] = _with_body(deleting)


def _authenticated(view: View) -> View:
    """Return medallion's `view` with the hub's authentication in place of medallion's decorator.

    The decorator reads Basic credentials and asks for a password, which this hub does not have.
    """
    inner: View = view.__wrapped__  # type: ignore[attr-defined] # set by functools.wraps

    def view_of_caller(**names: str) -> Response:
        # INVARIANT: no view runs without a caller, also if its admission were forgotten. Usually `_admit` has
        # authenticated the caller, and this call only finds the result.
        caller()
        response: Response = inner(**names)
        return response

    return view_of_caller


def _with_body(view: View) -> View:
    """Let `view` answer a DELETE with an empty object: clients read JSON from every response."""

    def answer(**names: str) -> Response:
        response: Response = view(**names)
        if asked().method == "DELETE":
            response.data = b"{}"
        return response

    return answer


def _admit() -> None:
    # Other addresses have rules of their own: hub.web.governance, hub.web.operations.
    if asked().blueprint in _BLUEPRINTS:
        admit_taxii()
