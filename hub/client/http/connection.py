"""How a member's requests travel: bounded in time, tried again where that is safe, refused in one sentence.

A `Connection` has the shape that taxii2-client asks of its `conn` argument, so that its resources
(ApiRoot, Collection) work over it and get time limits and repetition, which they lack.
"""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, LocationValueError

from hub.client.errors import ClientError, Unreachable
from hub.client.http.causes import (
    Again,
    ConnectionCause,
    cause_of,
    late,
    no_http,
)
from hub.client.http.transport import Answer, BrokenOff, Transport
from hub.errors import Closed, Reconfigured
from hub.model import JsonObject

TAXII: Final = "application/taxii+json;version=2.1"
JSON: Final = "application/json"
# What an answer may hold once inflated. A page holds what `page_bytes` of the hub allows, by default 8 MB.
PAGE_BYTES: Final = 268_435_456  # (hub/README: answer-limits)
ANSWER_BYTES: Final = 16_777_216

_LONGEST_PAUSE_SECONDS: Final = 30.0
_LONGEST_RETRY_AFTER_SECONDS: Final = 120.0
_WORTH_REPEATING: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
# What a proxy answers while the hub restarts: the request may or may not have been carried out.
_UNCERTAIN: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
# What a hub says when it waits for its operator: that is no matter of seconds.
_WAITS_FOR_A_PERSON: Final = frozenset({Closed.title, Reconfigured.title})
_LONGEST_REASON: Final = 2_000  # characters of what a hub says
# On the way there or back; what else requests and urllib3 raise is about the request itself.
_FAILED: Final = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, HTTPError, BrokenOff)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds are waited for what, and how often a request is tried."""

    connect: float = 10.0
    silence: float = 120.0  # between two bytes of an answer
    whole: float = 1_800.0  # from the first byte sent to the last received: 5 KB/s for a page of 8 MB
    attempts: int = 6


class Connection:
    """A session with one hub. Every method raises ClientError for an answer that is no success.

    A request is tried up to `attempts` times: after 429 and 503, unless the hub waits for its operator; after
    502 and 504 only when it `is_repeatable`, that is when carrying it out twice changes nothing. Without an
    answer it is tried again only when the hub has answered an earlier one, and never where that cannot help
    (`causes`); when it may have arrived, only if it `is_repeatable`. Pauses double from one second up to 30,
    or are what Retry-After says; above two minutes that ends the request. `tell` is given a sentence before
    each pause.

    `ca` is a file of certificates (PEM) that a hub's is to be signed by, instead of the system's.
    """

    def __init__(
        self,
        auth: AuthBase,
        *,
        patience: Patience = Patience(),
        ca: str | Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._transport = Transport(auth, patience.whole)
        self._patience = patience
        self._ca = None if ca is None else _certificates(ca)
        self._sleep = sleep
        self._tell = tell or (lambda _sentence: None)
        self._has_answered = False

    def close(self) -> None:
        self._transport.close()

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None
    ) -> JsonObject:
        """Return the JSON object found at `url` (the `conn.get` of taxii2-client)."""
        return read_json(self.fetch(url, headers, params))

    def post(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        data: bytes,
        is_repeatable: bool = True,
    ) -> JsonObject:
        """Post `data` and return the JSON object answered (the `conn.post` of taxii2-client).

        Repeatable unless told otherwise: adding equal objects again changes nothing.
        """
        request = requests.Request("POST", url, headers=dict(headers or {}), params=params, data=data)
        with self._doubt(is_repeatable=is_repeatable):
            return read_json(self._send(request, is_repeatable=is_repeatable))

    def delete(
        self, url: str, headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None
    ) -> JsonObject:
        """Delete what is at `url` (the `conn.delete` of taxii2-client). Not repeatable: then it is gone."""
        request = requests.Request("DELETE", url, headers=dict(headers or {}), params=params)
        with self._doubt(is_repeatable=False):
            return read_json(self._send(request, is_repeatable=False))

    def fetch(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        most_bytes: int = ANSWER_BYTES,
    ) -> Answer:
        """Return the whole answer to a GET, for those who need its headers, or more bytes than usual."""
        request = requests.Request("GET", url, headers=dict(headers or {}), params=params)
        return self._send(request, is_repeatable=True, most_bytes=most_bytes)

    def _send(
        self, request: requests.Request, *, is_repeatable: bool, most_bytes: int = ANSWER_BYTES
    ) -> Answer:
        request.headers.setdefault("Accept", TAXII)
        for attempt in range(1, self._patience.attempts + 1):
            is_last = attempt == self._patience.attempts
            found = self._attempt(request, most_bytes, is_repeatable=is_repeatable)
            if isinstance(found, ConnectionCause):
                if is_last or not self._may_go_on(found, is_repeatable=is_repeatable):
                    raise self._unanswered(found)
                self._pause(attempt, found.sentence, None)
                continue
            self._has_answered = True
            seconds = _retry_after(found)
            if (
                is_last
                or not _is_worth_repeating(found, is_repeatable=is_repeatable)
                or (seconds or 0) > _LONGEST_RETRY_AFTER_SECONDS
            ):
                return _accepted(found, seconds)
            self._pause(attempt, f"the hub answers {found.status} ({_reason(found)})", seconds)
        raise RuntimeError("a connection makes at least one attempt")

    def _attempt(
        self, request: requests.Request, most_bytes: int, *, is_repeatable: bool
    ) -> Answer | ConnectionCause:
        timeouts = (self._patience.connect, self._patience.silence)
        began = time.monotonic()
        try:
            return self._transport.send(request, timeouts, self._ca, most_bytes)
        except (*_FAILED, OSError, ValueError) as error:  # what requests raises is an OSError
            if self._transport.is_late:
                return late(request.url, self._patience.whole)
            if not isinstance(error, _FAILED) or isinstance(error, LocationValueError):
                if self._transport.is_asked:  # a header of the answer that cannot be
                    return no_http(request.url)
                raise ClientError(f"the request to {request.url} could not be made: {error}") from error
            return cause_of(error, request.url, time.monotonic() - began, self._ca)
        except KeyboardInterrupt:
            if not is_repeatable:
                self._tell(
                    "interrupted before the hub answered: whether it was done is not known; look before you "
                    "do it again"
                )
            raise

    def _may_go_on(
        self, cause: ConnectionCause, *, is_repeatable: bool
    ) -> bool:  # (hub/README: client-waits)
        match cause.again:
            case Again.NEVER:
                return False
            case Again.NOT_SENT:
                return self._has_answered
            case Again.MAYBE_SENT:
                return self._has_answered and is_repeatable

    def _unanswered(self, cause: ConnectionCause) -> ClientError:
        parts = [cause.sentence]
        if cause.at_first and not self._has_answered:
            parts.append(cause.at_first)
        return (Unreachable if cause.is_away else ClientError)("; ".join(parts))

    @contextmanager
    def _doubt(self, *, is_repeatable: bool) -> Iterator[None]:
        """Say with what is raised that the request may have been carried out, unless an answer says of it."""
        try:
            yield
        except ClientError as error:
            is_answered = error.status is not None and error.status not in _UNCERTAIN
            if is_repeatable or is_answered or not self._transport.is_asked:
                raise
            error.args = (f"{error}; whether it was done is not known: look before you do it again",)
            raise

    def _pause(self, attempt: int, why: str, retry_after: float | None) -> None:
        seconds = min(2.0 ** (attempt - 1), _LONGEST_PAUSE_SECONDS) if retry_after is None else retry_after
        self._tell(
            f"{why}: trying again in {seconds:g} s, attempt {attempt + 1} of {self._patience.attempts}"
        )
        self._sleep(seconds)


def origin(url: str) -> str:
    """Return scheme and host (and port) of `url`, without a slash at the end.

    Raises ClientError when it is no http or https URL with a host, or carries a name and password.
    """
    try:
        parts = urlsplit(url.strip())
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets that do not match, a port beyond 65535
        is_whole = False
    if not is_whole or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        raise ClientError(f"{url!r} is no address of a hub: give scheme and host, as in https://hub.example")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def segment(id: str, otherwise: str) -> str:
    """Return an id that is to be a segment of a path: nothing in it may lead elsewhere.

    Raises ClientError, which says what it is `otherwise`.
    """
    if not id or not all(c.isascii() and (c.isalnum() or c == "-") for c in id):
        raise ClientError(f"{id!r} is {otherwise}")
    return id


def read_json(answer: Answer) -> JsonObject:
    """Return the JSON object that an answer holds, or raise ClientError."""
    try:
        value = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ClientError(
            f"{answer.url} did not answer with a JSON object: what answers there is no hub, or a proxy "
            "before it"
        )
    return value


def _certificates(file: str | Path) -> str:
    """Return the name of a file of certificates that can be used, or raise ClientError."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError as error:
        raise ClientError(f"{file} holds no certificate: --ca (HUB_CA) takes PEM text") from error
    except OSError as error:
        raise ClientError(f"{file} cannot be read for --ca (HUB_CA): {error.strerror}") from error
    return str(file)


def _is_worth_repeating(answer: Answer, *, is_repeatable: bool) -> bool:
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and _title(answer) in _WAITS_FOR_A_PERSON:
        return False
    return answer.status in _WORTH_REPEATING or (is_repeatable and answer.status in _UNCERTAIN)


def _title(answer: Answer) -> str | None:
    try:
        return str(read_json(answer).get("title"))
    except ClientError:
        return None


def _retry_after(answer: Answer) -> float | None:
    """Return for how many seconds an answer asks to wait (RFC 9110 section 10.2.3), None for none."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said)
    try:
        return max(0.0, math.ceil((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError, OverflowError):  # no date, or one without an offset
        return None


def _accepted(answer: Answer, retry_after: float | None) -> Answer:
    """Return the answer if it is a success, or raise it as one sentence with its status."""
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    if "Location" in answer.headers and status < HTTPStatus.BAD_REQUEST:
        target = answer.headers["Location"]
        raise ClientError(f"{answer.url} redirects to {target}: use that address instead", status)
    sentence = f"{_reason(answer)} (HTTP {status})"
    if status not in _WORTH_REPEATING | _UNCERTAIN:
        raise ClientError(sentence, status)
    if retry_after is not None:
        sentence += f"; it asks to wait {retry_after:.0f} s: try again after that"
    raise Unreachable(sentence, status, retry_after)


def _reason(answer: Answer) -> str:
    """Return what a TAXII error (section 3.6.1) or an RFC 9457 problem says."""
    try:
        said = read_json(answer)
    except ClientError:
        return (
            f"{answer.url} refuses without a reason in JSON, as a hub gives it: what answers there is no "
            "hub, or a proxy before it"
        )
    title = str(said.get("title") or "Refused")
    detail = said.get("detail") or said.get("description")
    reason = f"{title}: {detail}" if detail else title
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"
