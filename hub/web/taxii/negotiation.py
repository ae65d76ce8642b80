"""What a request says of its own form: judged once, leniently, before medallion sees it.

medallion compares Accept and Content-Type as text and refuses what real clients send. Here they are
read as RFC 9110 means them, and medallion is handed the one spelling that it knows. The request as
received is kept before: its signature covers Content-Type (RFC 9421).
"""

from __future__ import annotations

from typing import Final, cast
from urllib.parse import quote, urlsplit

from flask import g, request
from medallion.views import MEDIA_TYPE_TAXII_ANY, MEDIA_TYPE_TAXII_V21
from werkzeug.http import parse_options_header

from hub.errors import BadRequest, NotAcceptable, NotFound, TooLarge, UnsupportedMedia
from hub.model import HttpRequest
from hub.web.taxii.identity import caller, house

TAXII: Final[str] = MEDIA_TYPE_TAXII_V21
JSON: Final = "application/json"

_VERSION: Final = "2.1"
_STIX: Final = "application/stix+json"
_RANGES: Final = ("*/*", "application/*", MEDIA_TYPE_TAXII_ANY)  # from the vaguest to the most precise


def admit_taxii() -> None:
    """Let a request through to a TAXII view, or raise the Refused that answers it.

    1. Who asks comes before everything else. 2. HEAD is served as GET: the body stays behind when it
    is sent. 3. The answer's form. 4. The form of what is posted; its bytes stay unread.
    """
    caller()  # 1
    refuse_unspeakable_path()
    if request.method == "HEAD":  # 2
        request.method = "GET"
    _accept()  # 3
    if request.method == "POST":  # 4
        receive(MEDIA_TYPE_TAXII_ANY, _STIX, JSON)
        # medallion asks for the length, which a chunked body does not announce, and for its own spelling.
        request.environ["CONTENT_LENGTH"] = str(len(received().body))
        request.environ["CONTENT_TYPE"] = TAXII


def admit_json() -> None:
    """Let a request through to a view that speaks plain JSON: who asks first, then what is posted."""
    caller()
    refuse_unspeakable_path()
    if request.method == "POST":
        receive(JSON)


def received() -> HttpRequest:
    """Return the POST as received. A RuntimeError where nothing was."""
    if "received" not in g:
        raise RuntimeError("no body was received: admit the request first")
    return cast(HttpRequest, g.received)


def refuse_unspeakable_path() -> None:
    """Refuse, as naming nothing, a path with a character that no id has and no database stores."""
    if "\0" in request.path:
        raise NotFound("nothing has such a name")


def _accept() -> None:
    """Hand medallion the Accept header it knows; raise NotAcceptable where the client wants none of ours.

    The most precise range that covers TAXII 2.1 decides, and its q=0 excludes (RFC 9110 section
    12.5.1). Plain `application/json` is taken at its word: what goes out is that as well.
    """
    quality: dict[str, float] = {}
    for value, q in request.accept_mimetypes:
        media, parameters = parse_options_header(value)
        if media != MEDIA_TYPE_TAXII_ANY or parameters.get("version", _VERSION) == _VERSION:
            rank = media if "version" not in parameters else TAXII
            quality[rank] = max(q, quality.get(rank, 0.0))
    precise = next((quality[r] for r in (TAXII, *reversed(_RANGES)) if r in quality), 0.0)
    if request.accept_mimetypes and not precise and not quality.get(JSON):
        raise NotAcceptable(f"this hub answers {TAXII}: name it in Accept, or leave Accept out")
    request.environ["HTTP_ACCEPT"] = TAXII


def receive(*media_types: str) -> None:
    """Keep the POST as received, its body read in full and nothing of it interpreted.

    Raises UnsupportedMedia for a coding or a type that is none of `media_types`, TooLarge above
    `max_content_length` and never below (TAXII 2.1 section 4.2), BadRequest for an empty body.
    """
    if "Content-Encoding" in request.headers:
        raise UnsupportedMedia("Content-Encoding: send the body as it is; a coded one cannot be verified")
    media, parameters = parse_options_header(request.headers.get("Content-Type"))
    version = parameters.get("version", _VERSION)
    if media not in media_types or (media != JSON and version != _VERSION):
        raise UnsupportedMedia(f"Content-Type: send {TAXII if MEDIA_TYPE_TAXII_ANY in media_types else JSON}")
    limit_bytes = house().limits.max_body_bytes
    body = request.get_data()
    if len(body) > limit_bytes:
        raise TooLarge(f"the body is over {limit_bytes} bytes: send it in parts")
    if not body:
        raise BadRequest("the body is empty: send one JSON object")
    g.received = HttpRequest(request.method, _target_uri(), dict(request.headers), body)


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
    return house().public_url.rstrip("/") + target


def _respelled() -> str:
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    query = request.query_string.decode("latin-1")
    return f"{path}?{query}" if query else path
