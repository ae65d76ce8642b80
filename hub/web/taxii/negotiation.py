"""What a request says of its own form: judged once, leniently, before medallion sees it.

medallion compares Accept and Content-Type as text and refuses what real clients send. Here they are
read as RFC 9110 means them, and medallion is handed the one spelling that it knows. The request as
received is kept before: its signature covers Content-Type (RFC 9421).
"""

from __future__ import annotations

import re
from typing import Final, cast
from urllib.parse import quote, urlsplit

from flask import g, request
from medallion.views import MEDIA_TYPE_TAXII_ANY, MEDIA_TYPE_TAXII_V21
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.http import parse_list_header, parse_options_header

from hub.errors import BadRequest, NotAcceptable, NotFound, TooLarge, UnsupportedMedia
from hub.model import Disclosed, HttpRequest
from hub.web.taxii.identity import caller, rate_limits, service

TAXII: Final[str] = MEDIA_TYPE_TAXII_V21
JSON: Final = "application/json"

_VERSION: Final = "2.1"
_STIX: Final = "application/stix+json"
# What has pages that `next` continues, by the views that answer it.
_WALKED: Final = {
    "objects.get_or_add_objects": Disclosed.OBJECTS,
    "objects.get_or_delete_object": Disclosed.OBJECTS,
    "objects.get_object_versions": Disclosed.VERSIONS,
    "manifest.get_object_manifest": Disclosed.MANIFEST,
}
_DISCOVERY: Final = "discovery.get_server_discovery"
_RANGES: Final = (TAXII, MEDIA_TYPE_TAXII_ANY, "application/*", "*/*")  # the most precise first
_LIMIT_DIGITS: Final = 18
_LONG_NUMBER: Final = re.compile(r"[1-9][0-9]{18,}")
_WEIGHT: Final = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")


def admit_taxii() -> None:
    """Let a request through to a TAXII view, or raise the Refused that answers it.

    1. Who asks, and whether so often, comes before everything else. 2. HEAD is served as GET: the body
    stays behind when it is sent. 3. The form of the answer, and of what is posted, whose bytes are kept
    and stay unread. 4. Only then is the request respelled for medallion: what was kept is what was signed.
    """
    _count_request()  # 1
    _refuse_unspeakable_path()
    if request.method == "HEAD":  # 2
        request.method = "GET"
    _require_acceptance()  # 3
    if request.method == "POST":
        _receive(MEDIA_TYPE_TAXII_ANY, _STIX, JSON)
    elif request.method == "DELETE":
        _receive_nothing()
    _respell()  # 4


def admit_json() -> None:
    """Let a request through to a view that speaks plain JSON: who asks first, then what is posted."""
    _count_request()
    _refuse_unspeakable_path()
    if request.method == "POST":
        _receive(JSON)


def received() -> HttpRequest:
    """Return the POST or DELETE as received. A RuntimeError where nothing was."""
    if "received" not in g:
        raise RuntimeError("nothing was received: admit the request first")
    return cast(HttpRequest, g.received)


def _count_request() -> None:
    """Let in who may ask now. Discovery is never counted; where pages are read, a walk begun goes on."""
    who = caller()
    walked = _WALKED.get(request.endpoint or "") if request.method in {"GET", "HEAD"} else None
    if walked is not None:
        rate_limits().admit(who, request.args.get("next"), walked)
    elif request.endpoint != _DISCOVERY:
        rate_limits().admit(who)


def _refuse_unspeakable_path() -> None:
    """Refuse, as naming nothing, a path with a character that no id has and no database stores."""
    if "\0" in request.path:
        raise NotFound("nothing has such a name")


def _require_acceptance() -> None:
    """Raise NotAcceptable where the client wants nothing that the hub answers.

    The most precise range that covers TAXII 2.1 decides, and its q=0 excludes (RFC 9110 section
    12.5.1). Plain `application/json` is taken at its word: what goes out is that as well.
    """
    ranges = parse_list_header(request.headers.get("Accept", ""))
    quality: dict[str, float] = {}
    for named, parameters in map(_media_type, ranges):
        media = "*/*" if named == "*" else named  # Java's own clients write it so
        if media == MEDIA_TYPE_TAXII_ANY and "version" in parameters:
            media += f";version={parameters['version']}"
        quality[media] = max(_quality(parameters.get("q")), quality.get(media, 0.0))
    precise = next((quality[one] for one in _RANGES if one in quality), 0.0)
    if ranges and not precise and not quality.get(JSON):
        raise NotAcceptable(f"this hub answers {TAXII}: name it in Accept, or leave Accept out")


def _quality(text: str | None) -> float:
    """Return the weight of a range: 1 where it has none, or one that cannot be read, as in `q=high`.

    Without the digits before or behind its point a number is still read, and above 1 it is 1. werkzeug's
    own reading drops the range instead, and with it all that a client accepts.
    """
    is_number = _WEIGHT.fullmatch(text or "")
    return min(float(is_number[0]), 1.0) if is_number else 1.0


def _respell() -> None:
    """Give medallion the spellings that it knows, and the length that a chunked body does not announce.

    Of a `limit` beyond any page it is given the first digits: int() refuses very long text.
    """
    request.environ["HTTP_ACCEPT"] = TAXII
    if _LONG_NUMBER.fullmatch(request.args.get("limit", "")):
        pairs = request.args.items(multi=True)
        request.args = ImmutableMultiDict(
            (name, value[:_LIMIT_DIGITS] if name == "limit" else value) for name, value in pairs
        )
    if request.method == "POST":
        request.environ["CONTENT_TYPE"] = TAXII
        request.environ["CONTENT_LENGTH"] = str(len(received().body))


def _media_type(text: str | None) -> tuple[str, dict[str, str]]:
    media, parameters = parse_options_header(text)
    return media.lower(), parameters


def _receive(*media_types: str) -> None:
    """Keep the POST as received, its body read in full and nothing of it interpreted.

    Raises UnsupportedMedia for a coding or a type that is none of `media_types`, TooLarge above
    `max_content_length` and never below (TAXII 2.1 section 4.2), BadRequest for an empty body.
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
    g.received = HttpRequest(request.method, _target_uri(), dict(request.headers), body)


def _receive_nothing() -> None:
    """Keep the DELETE as received. Raises BadRequest for one with a body, which would mean nothing."""
    if request.get_data():
        raise BadRequest("a DELETE has no body: name what is to be deleted in the URL")
    g.received = HttpRequest(request.method, _target_uri(), dict(request.headers))


def _target_uri() -> str:
    """Return what the client signed as @target-uri: our own origin, and path and query as sent.

    Never `Host` or a forwarded header. The servers that the hub runs under keep the raw request
    target; where one does not, it is spelled again from what was decoded.
    """
    environ = request.environ
    target: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or _respelled()
    if not target.startswith("/"):  # absolute-form (RFC 9112 section 3.2.2)
        parts = urlsplit(target)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return service().public_url.rstrip("/") + target


def _respelled() -> str:
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    query = request.query_string.decode("latin-1")
    return f"{path}?{query}" if query else path
