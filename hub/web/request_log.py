"""One log line for each request, after its answer: member, endpoint, status, size and duration.

    request id=… member=us-cert method=GET endpoint=/allied/collections/us/objects/ status=200 bytes=812 ms=9

The endpoint is the URL rule with the collection's alias: no object id, no query, no cursor. For a POST of
objects `accepted` and `refused` count the objects. A refusal has the `reason` given to the client, and the
`detail` for the operator alone. `sent=part` marks an answer that did not leave whole. Probes (/healthz,
/readyz) are logged at level DEBUG, so usually not at all.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Flask, Request, Response, g, has_request_context, request

from hub.actions.service.service import Service
from hub.model import Receipt
from hub.web import logs
from hub.web.taxii.identity import service

_logger = logging.getLogger(__name__)

_FACTS: Final = "hub.request_log"
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
    id: str = field(default_factory=lambda: secrets.token_hex(_ID_BYTES))
    member: str = _UNKNOWN
    endpoint: str = _UNKNOWN
    status: str = _UNKNOWN
    is_probe: bool = False
    more: dict[str, object] = field(default_factory=dict)


def install(app: Flask) -> None:
    """Log every request to `app`."""
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
    named = {"id": _facts().id, "method": request.environ["REQUEST_METHOD"], "endpoint": endpoint(request)}
    return logs.pairs(named)


def endpoint(asked: Request) -> str:
    """Return the URL rule of the request, with the alias of its collection."""
    # INVARIANT: the rule, never the address: a path holds object ids, and a query holds cursors.
    if asked.url_rule is None:
        return _UNKNOWN
    given = asked.view_args or {}
    named = _PARAMETER.sub(
        lambda found: _shown(service(), found[1], given.get(found[1])), asked.url_rule.rule
    )
    return named if named.endswith("/") else f"{named}/"


def _shown(hub: Service, parameter: str, value: object) -> str:
    if parameter == "api_root" and value == hub.api_root:
        return hub.api_root
    # Only known names are shown: any other text is the client's own choice.
    if parameter == "collection_id":
        names = {nation.collection_id: nation.code.lower() for nation in hub.registry.nations.values()}
        names[hub.registry.released_collection_id] = "released"
        if value in names.values():
            return str(value)
        if value in names:
            return names[str(value)]
    return f"{{{parameter}}}"


def _facts() -> _Facts:
    """Return the facts of the current request; unused facts where no request is logged."""
    found = request.environ.get(_FACTS) if has_request_context() else None
    return found if isinstance(found, _Facts) else _Facts(0.0)


def _note(response: Response) -> Response:
    facts = _facts()
    facts.endpoint = endpoint(request)
    facts.is_probe = request.blueprint == _PROBES
    if "caller" in g:
        facts.member = g.caller.member.id
    return response


class _RequestLog:
    """The application, with a log line for each request when its answer is closed."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        facts = environ[_FACTS] = _Facts(time.monotonic())  # monotonic: the clock may be set meanwhile

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
        facts = self._facts
        facts_logged = {
            "id": facts.id,
            "member": facts.member,
            "method": self._method,
            "endpoint": facts.endpoint,
            "status": facts.status,
            "bytes": self._sent,
            "ms": round((time.monotonic() - facts.began) * 1_000),
            **({} if self._is_whole else {"sent": "part"}),
            **facts.more,
        }
        _log(facts, facts_logged)


def _log(facts: _Facts, facts_logged: dict[str, object]) -> None:
    level = logging.WARNING if facts.status.startswith("5") else logging.INFO
    _logger.log(logging.DEBUG if facts.is_probe else level, "request %s", logs.pairs(facts_logged))
