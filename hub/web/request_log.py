"""One log line for each request, after its answer: member, endpoint, status, size and duration.

    request id=… member=us-cert method=GET endpoint=/allied/collections/us/objects/ status=200 bytes=812 ms=9

The endpoint is the URL rule with the collection's alias: no object id, no query, no cursor. For a POST of
objects `accepted` and `refused` count the objects. A refusal has the `reason` given to the client, and the
`detail` for the operator alone. `sent=part` marks an answer that did not leave whole. Probes (/healthz,
/readyz) are logged at level DEBUG, so usually not at all.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Flask, Request, Response, current_app, has_request_context

from hub.actions.service.service import Service
from hub.model import Receipt
from hub.web import logs
from hub.web.taxii.identity import asked, authenticated, service_of

_logger = logging.getLogger(__name__)

_FACTS: Final = "hub.request_log"
_ENDPOINTS: Final = "hub.endpoints"
_ID_BYTES: Final = 4  # enough to find a line; not a secret
_MOST_CHARACTERS: Final = 500  # of a reason
_PROBES: Final = "operations"  # the blueprint of hub.web.operations
_PARAMETER: Final = re.compile(r"<(?:[^<>:]*:)?([^<>]*)>")  # a parameter in a rule of werkzeug
_UNKNOWN: Final = "-"

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(slots=True)
class _Facts:
    """The facts of a request, collected during its service."""

    began: float
    id: str
    member: str = _UNKNOWN
    endpoint: str = _UNKNOWN
    status: str = _UNKNOWN
    is_probe: bool = False
    more: dict[str, object] = field(default_factory=dict)


def install(app: Flask) -> None:
    """Log every request to `app`."""
    app.extensions[_ENDPOINTS] = _Endpoints(service_of(app))
    # Two places: view and caller are known inside the application, the sent bytes outside.
    app.after_request(_note)
    app.wsgi_app = _RequestLog(app.wsgi_app)  # type: ignore[method-assign]


def count(receipt: Receipt) -> None:
    """Note the numbers of accepted and refused objects of the current request."""
    accepted = sum(one.count for one in receipt.outcomes if one.succeeded)
    _facts().more |= {"accepted": accepted, "refused": receipt.total - accepted}


def refuse(reason: str, detail: str) -> None:
    """Note a refusal of the current request: the client's sentence and the operator's."""
    more = _facts().more
    more["reason"] = _logged_text(reason)
    if detail and detail != reason:
        more["detail"] = _logged_text(detail)


def _logged_text(text: str) -> str:
    # INVARIANT: masked before the cut: half a secret would not be recognised, and would be logged.
    return logs.without_secrets(text)[:_MOST_CHARACTERS]


def current() -> str:
    """Return the current request's id, method and endpoint, as in its line."""
    request = asked()
    endpoints: _Endpoints = current_app.extensions[_ENDPOINTS]
    method, endpoint = request.environ["REQUEST_METHOD"], endpoints.of(request)
    return logs.pairs({"id": _facts().id, "method": method, "endpoint": endpoint})


class _Endpoints:
    """The URL rules as they are logged, each with the aliases of collections. Texts are made once."""

    def __init__(self, hub: Service) -> None:
        self._root = hub.api_root
        nations = hub.registry.nations.values()
        ids = {nation.collection_id: nation.code.lower() for nation in nations}
        ids[hub.registry.released_collection_id] = "released"
        # Only known names are shown: any other text is the client's own choice.
        self._aliases = ids | {alias: alias for alias in ids.values()}
        self._texts: dict[tuple[str, bool, str | None], str] = {}

    def of(self, request: Request) -> str:
        """Return the URL rule of the request, with the alias of its collection."""
        # INVARIANT: the rule, never the address: a path holds object ids, and a query holds cursors.
        if request.url_rule is None:
            return _UNKNOWN
        given = request.view_args or {}
        is_root = given.get("api_root") == self._root
        # Bounded: the key has no text of the client's choice.
        key = request.url_rule.rule, is_root, self._aliases.get(given.get("collection_id", ""))
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._text(*key)
        return text

    def _text(self, rule: str, is_root: bool, alias: str | None) -> str:
        known = {"api_root": self._root if is_root else None, "collection_id": alias}
        named = _PARAMETER.sub(lambda found: known.get(found[1]) or f"{{{found[1]}}}", rule)
        return named if named.endswith("/") else f"{named}/"


def _facts() -> _Facts:
    """Return the facts of the current request; unused facts where no request is logged."""
    found = asked().environ.get(_FACTS) if has_request_context() else None
    return found if isinstance(found, _Facts) else _Facts(0.0, _UNKNOWN)


def _note(response: Response) -> Response:
    request = asked()
    facts = request.environ.get(_FACTS)
    if isinstance(facts, _Facts):
        endpoints: _Endpoints = current_app.extensions[_ENDPOINTS]
        facts.endpoint = endpoints.of(request)
        facts.is_probe = request.blueprint == _PROBES
        if (caller := authenticated(request.environ)) is not None:
            facts.member = caller.member.id
    return response


class _RequestLog:
    """The application, with a log line for each request when its answer is closed."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # monotonic: the clock may be set meanwhile
        facts = environ[_FACTS] = _Facts(time.monotonic(), os.urandom(_ID_BYTES).hex())

        def start(status: str, *rest: Any) -> Any:
            facts.status = status.partition(" ")[0]
            return start_response(status, *rest)

        return _LoggedAnswer(self._app(environ, start), environ["REQUEST_METHOD"], facts)


class _LoggedAnswer:
    """An answer that counts the sent bytes, and writes its log line when closed."""

    def __init__(self, parts: Iterable[bytes], method: str, facts: _Facts) -> None:
        self._parts, self._method, self._facts = parts, method, facts
        self._sent = 0
        self._is_whole = False

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self._sent += len(part)
            yield part
        self._is_whole = True

    def close(self) -> None:
        """Close the application's answer, and write the log line."""
        try:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()
        finally:  # also after an error of close()
            self._write()

    def _write(self) -> None:
        facts, value = self._facts, logs.value
        milliseconds = round((time.monotonic() - facts.began) * 1_000)
        line = (
            f"id={facts.id} member={value(facts.member)} method={value(self._method)}"
            f" endpoint={value(facts.endpoint)} status={value(facts.status)}"
            f" bytes={self._sent} ms={milliseconds}"
        )
        if not self._is_whole:
            line += " sent=part"
        if facts.more:
            line += f" {logs.pairs(facts.more)}"
        level = logging.WARNING if facts.status.startswith("5") else logging.INFO
        _logger.log(logging.DEBUG if facts.is_probe else level, "request %s", line)
