"""Every refusal as HTTP: a TAXII error message below TAXII paths, an RFC 9457 problem elsewhere.

Of an error by Flask or medallion only the status reaches the client. Their texts repeat ids, and a withheld
object must give the same bytes as an absent object (policy 9).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson
from flask import Flask, Response, request
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize, NoMoreData, ParseException
from medallion.exceptions import MedallionError
from werkzeug.exceptions import HTTPException

from hub.errors import NotFound, Refused
from hub.web import request_log
from hub.web.taxii import identity
from hub.web.taxii.negotiation import TAXII

PROBLEM_JSON: Final = "application/problem+json"

_logger = logging.getLogger(__name__)

_REALM: Final = 'realm="hub", charset="UTF-8"'  # RFC 7617 section 2.1
_CHALLENGES: Final = (("WWW-Authenticate", f"Basic {_REALM}"), ("WWW-Authenticate", 'Bearer realm="hub"'))

_NOT_TAXII: Final = frozenset({"governance", "log", "healthz", "readyz", "metrics"})

# Sentences in place of texts that the hub did not write.
_SENTENCES: Final = {
    400: "The request cannot be understood",
    401: "Authenticate with a token of this hub",
    403: "This account's kind, nation or token does not allow that here",
    404: "Nothing is here that this account may see",
    405: "This address does not offer the method: see Allow",
    413: "The body is larger than this hub takes: send it in parts",
    500: "Internal error",
}
# medallion's only own refusal with 400: the backend reads all other parameters.
_MEDALLION: Final = _SENTENCES | {400: "limit: give a whole number from 1 up"}


@dataclass(frozen=True, slots=True)
class Problem:
    """The public part of an error."""

    status: int
    title: str
    detail: str
    headers: tuple[tuple[str, str], ...] = ()


def install(app: Flask) -> None:
    """Answer every error of `app` here, of any origin."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """Return the response for `error` in the form of its address, and note the refusal in the request log."""
    try:
        identity.confirm()
    except Refused as refusal:
        error = refusal
    problem = describe(error)
    request_log.refuse(problem.detail, _detail(error))
    return _response(problem, request.path)


def respond(error: Refused, path: str) -> Response:
    """Return the response for `error` to a request for `path`, without an application."""
    return _response(describe(error), path)


def _response(problem: Problem, path: str) -> Response:
    response = _taxii(problem) if is_taxii_path(path) else _problem_json(problem)
    for name, value in problem.headers:
        response.headers.add(name, value)
    return response


def is_taxii_path(path: str) -> bool:
    """Return whether an answer at `path` must be TAXII JSON: everywhere an API root could be."""
    return path.lstrip("/").partition("/")[0] not in _NOT_TAXII


def describe(error: Exception) -> Problem:
    """Return the public part of `error`. An unforeseen error is logged, and is 500 without detail."""
    match error:
        # INVARIANT: withheld and absent give the same bytes (policy 9): the error's own text is not sent.
        case NotFound():
            return Problem(404, error.title, _SENTENCES[404])
        case Refused():
            return Problem(error.status, error.title, str(error), _headers(error))
        case HTTPException() if error.code:
            headers = (("Allow", _in_order(value)) for name, value in error.get_headers() if name == "Allow")
            return _foreign(error.code, _SENTENCES, *headers)
        case ParseException() | InvalidChunkSize() | ChunkMissingTerminator() | NoMoreData():
            # gunicorn reads the chunks of a body on demand, so its errors arise in a view.
            return _foreign(400, _SENTENCES)
        case MedallionError():
            return _foreign(error.status, _MEDALLION)
        case _:
            _logger.error("unforeseen error: request %s", request_log.current(), exc_info=error)
            return _foreign(500, _SENTENCES)


def _detail(error: Exception) -> str:
    """Return the operator's detail; of foreign errors only the class name."""
    return error.in_full if isinstance(error, Refused) else type(error).__name__


def _in_order(methods: str) -> str:
    """Return the methods sorted: the order of the original set differs between worker processes."""
    return ", ".join(sorted(methods.split(", ")))


def _headers(error: Refused) -> tuple[tuple[str, str], ...]:
    # RFC 9110 section 11.6.1: a 401 must name the schemes.
    if error.status == HTTPStatus.UNAUTHORIZED:
        return _CHALLENGES
    if error.retry_after_seconds is not None:
        return (("Retry-After", str(error.retry_after_seconds)),)  # RFC 9110 section 10.2.3
    return ()


def _foreign(status: int, sentences: dict[int, str], *headers: tuple[str, str]) -> Problem:
    title = HTTPStatus(status).phrase.capitalize()
    return Problem(status, title, sentences.get(status, title), headers)


def _taxii(problem: Problem) -> Response:
    """Return the error message of TAXII 2.1 section 3.6.1; `http_status` is a text there."""
    body = {"title": problem.title, "description": problem.detail, "http_status": str(problem.status)}
    return Response(orjson.dumps(body), problem.status, content_type=TAXII)


def _problem_json(problem: Problem) -> Response:
    """Return the problem of RFC 9457; for `about:blank` the title is the status phrase (section 4.2.1)."""
    title = HTTPStatus(problem.status).phrase
    body = {"type": "about:blank", "title": title, "status": problem.status, "detail": problem.detail}
    return Response(orjson.dumps(body), problem.status, content_type=PROBLEM_JSON)
