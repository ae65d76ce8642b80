"""Media types of a request: checked once and leniently, before medallion reads them.

medallion compares Accept and Content-Type as text, and refuses headers of real clients. This module reads
both by RFC 9110, and gives medallion the only spelling that medallion accepts. The original request is kept
before: its signature covers Content-Type (RFC 9421).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

from flask import Request
from medallion.views import MEDIA_TYPE_TAXII_ANY, MEDIA_TYPE_TAXII_V21
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.http import parse_list_header, parse_options_header

from hub.errors import BadRequest, NotAcceptable, NotFound, TooLarge, UnsupportedMedia
from hub.model import Disclosed, HttpRequest
from hub.web.taxii.identity import asked, begin_poll, caller, rate_limits, service

TAXII: Final[str] = MEDIA_TYPE_TAXII_V21
JSON: Final = "application/json"

_VERSION: Final = "2.1"
_STIX: Final = "application/stix+json"
# Resources with pages, by the view of each.
_PAGED: Final = {
    "objects.get_or_add_objects": Disclosed.OBJECTS,
    "objects.get_or_delete_object": Disclosed.OBJECTS,
    "objects.get_object_versions": Disclosed.VERSIONS,
    "manifest.get_object_manifest": Disclosed.MANIFEST,
}
_DISCOVERY: Final = "discovery.get_server_discovery"
_RANGES: Final = (TAXII, MEDIA_TYPE_TAXII_ANY, "application/*", "*/*")  # the most precise first
_RECEIVED: Final = "hub.received"
_TEXTS_KEPT: Final = 64  # of a header with its meaning: a client sends the same text each time
_CHARACTERS_KEPT: Final = 256  # of such a text, so that clients cannot fill the memory
_LIMIT_DIGITS: Final = 18  # more than any page has
_LONG_NUMBER: Final = re.compile(r"[1-9][0-9]{18,}")
_WEIGHT: Final = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")  # a digit on one side of the point is enough


def admit_taxii() -> None:
    """Admit a request to a TAXII view, or raise a Refused.

    1. Authentication and rate limit come first.
    2. HEAD is served like GET; the server sends no body.
    3. The media types are checked. A posted body is kept as bytes, unread.
    4. Only then are headers rewritten for medallion: the kept request is the signed request.
    """
    request = asked()
    _count_request(request)  # 1
    _refuse_nul_in_path(request)
    if request.method == "HEAD":  # 2
        request.method = "GET"
    _require_acceptance(request)  # 3
    if request.method == "POST":
        _receive(request, MEDIA_TYPE_TAXII_ANY, _STIX, JSON)
    elif request.method == "DELETE":
        _receive_nothing(request)
    _rewrite_for_medallion(request)  # 4


def admit_json() -> None:
    """Admit a request to a view of plain JSON: authentication first, then the posted body."""
    request = asked()
    _count_request(request)
    _refuse_nul_in_path(request)
    if request.method == "POST":
        _receive(request, JSON)


def received() -> HttpRequest:
    """Return the POST or DELETE as received. Raises RuntimeError if no request was kept."""
    found: HttpRequest | None = asked().environ.get(_RECEIVED)
    if found is None:
        raise RuntimeError("nothing was received: admit the request first")
    return found


def _count_request(request: Request) -> None:
    """Raise a Refused above the rate limit. Discovery never counts; a paging that has begun goes on."""
    paged = _PAGED.get(request.endpoint or "") if request.method in {"GET", "HEAD"} else None
    if paged is not None:
        rate_limits().admit(begin_poll(), request.args.get("next"), paged)
        return
    who = caller()
    if request.endpoint != _DISCOVERY:
        rate_limits().admit(who)


def _refuse_nul_in_path(request: Request) -> None:
    """Raise NotFound for a path with NUL: no id has this character, and no database stores it."""
    if "\0" in request.path:
        raise NotFound("nothing has such a name")


def _require_acceptance(request: Request) -> None:
    """Raise NotAcceptable if the client accepts no media type of this hub."""
    if not _is_accepted(request.environ.get("HTTP_ACCEPT", "")):
        raise NotAcceptable(f"this hub answers {TAXII}: name it in Accept, or leave Accept out")


def _is_accepted(accept: str) -> bool:
    """Return whether a header `Accept` admits an answer of this hub."""
    return (_known_acceptance if len(accept) <= _CHARACTERS_KEPT else _read_acceptance)(accept)


def _read_acceptance(accept: str) -> bool:
    """Return the same as `_is_accepted`, by reading the text.

    The most precise range for TAXII 2.1 decides, and q=0 excludes (RFC 9110 section 12.5.1). Plain
    `application/json` is accepted, because the answer is JSON as well.
    """
    ranges = parse_list_header(accept)
    quality: dict[str, float] = {}
    for named, parameters in map(_media_type, ranges):
        media = "*/*" if named == "*" else named  # Java's HTTP client sends a single asterisk
        if media == MEDIA_TYPE_TAXII_ANY and "version" in parameters:
            media += f";version={parameters['version']}"
        quality[media] = max(_quality(parameters.get("q")), quality.get(media, 0.0))
    precise = next((quality[one] for one in _RANGES if one in quality), 0.0)
    return not ranges or bool(precise or quality.get(JSON))


_known_acceptance: Final = lru_cache(_TEXTS_KEPT)(_read_acceptance)


def _quality(text: str | None) -> float:
    """Return the weight of a range (RFC 9110 section 12.4.2), 1 for an absent or unreadable weight.

    Digits on one side of the point are enough, and a weight above 1 is 1. werkzeug would drop such a range.
    """
    is_number = _WEIGHT.fullmatch(text or "")
    return min(float(is_number[0]), 1.0) if is_number else 1.0


def _rewrite_for_medallion(request: Request) -> None:
    """Rewrite headers for medallion, and set the length that a chunked body does not announce.

    A `limit` beyond any page is cut to its first digits, because int() refuses very long text.
    """
    request.environ["HTTP_ACCEPT"] = TAXII
    if "limit" in request.args and _LONG_NUMBER.fullmatch(request.args["limit"]):
        pairs = request.args.items(multi=True)
        request.args = ImmutableMultiDict(
            (name, value[:_LIMIT_DIGITS] if name == "limit" else value) for name, value in pairs
        )
    if request.method == "POST":
        request.environ["CONTENT_TYPE"] = TAXII
        request.environ["CONTENT_LENGTH"] = str(len(request.environ[_RECEIVED].body))


def _media_type(text: str | None) -> tuple[str, dict[str, str]]:
    media, parameters = parse_options_header(text)
    return media.lower(), parameters


def _receive(request: Request, *media_types: str) -> None:
    """Keep the POST as received. The body is read in full and not parsed.

    Raises UnsupportedMedia for a content coding or another type than `media_types`; TooLarge above
    `max_content_length`, never below (TAXII 2.1 section 4.2); BadRequest for an empty body.
    """
    if "Content-Encoding" in request.headers:
        raise UnsupportedMedia("Content-Encoding: send the body as it is; a coded one cannot be verified")
    media, parameters = _media_type(request.headers.get("Content-Type"))
    version = parameters.get("version", _VERSION)
    if media not in media_types or (media != JSON and version != _VERSION):
        raise UnsupportedMedia(f"Content-Type: send {TAXII if MEDIA_TYPE_TAXII_ANY in media_types else JSON}")
    limit_bytes = service().limits.max_body_bytes
    body = request.get_data()
    if len(body) > limit_bytes:
        raise TooLarge(f"the body is over {limit_bytes} bytes: send it in parts")
    if not body:
        raise BadRequest("the body is empty: send one JSON object")
    # INVARIANT: these bytes are verified first and parsed later, both in `actions` (RFC 9421).
    kept = HttpRequest(request.method, _target_uri(request), dict(request.headers), body)
    request.environ[_RECEIVED] = kept


def _receive_nothing(request: Request) -> None:
    """Keep the DELETE as received. Raises BadRequest for a body, which has no meaning there."""
    if request.get_data():
        raise BadRequest("a DELETE has no body: name what is to be deleted in the URL")
    kept = HttpRequest(request.method, _target_uri(request), dict(request.headers))
    request.environ[_RECEIVED] = kept


def _target_uri(request: Request) -> str:
    """Return the client's @target-uri (RFC 9421 section 2.2.2): the configured origin, raw path and query.

    The usual servers keep the raw request target. Without it, the target is encoded again.
    """
    # INVARIANT: never `Host` or a forwarded header. A signature for another server must not be valid here.
    environ: dict[str, Any] = request.environ
    target: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or _encoded_target(request)
    if not target.startswith("/"):  # absolute-form (RFC 9112 section 3.2.2)
        parts = urlsplit(target)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return service().public_url.rstrip("/") + target


def _encoded_target(request: Request) -> str:
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    query = request.query_string.decode("latin-1")
    return f"{path}?{query}" if query else path
