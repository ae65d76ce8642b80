"""A member's requests: bounded in time, repeated where safe, refused in one sentence.

A `Connection` has the form of taxii2-client's `conn` argument. taxii2-client's resources (ApiRoot,
Collection) work over a `Connection`, and so get time limits and repetition.
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
# Limits after decompression. A page follows the hub's `page_bytes`, by default 8 MB.
PAGE_BYTES: Final = 268_435_456  # (hub/README: answer-limits)
ANSWER_BYTES: Final = 16_777_216  # any answer but a page

_LONGEST_PAUSE_SECONDS: Final = 30.0
_LONGEST_RETRY_AFTER_SECONDS: Final = 120.0
_WORTH_REPEATING: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
# A proxy's answers while the hub restarts: the request may have been carried out.
_UNCERTAIN: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
# Answers of a hub that waits for its operator: seconds do not help.
_WAITS_FOR_OPERATOR: Final = frozenset({Closed.title, Reconfigured.title})
_LONGEST_REASON: Final = 2_000  # characters of the hub's reason
# Failures on the way. Other exceptions of requests and urllib3 concern the request itself.
_FAILED: Final = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, HTTPError, BrokenOff)


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits in seconds, and the number of attempts."""

    connect: float = 10.0
    silence: float = 120.0  # between two bytes of an answer
    whole: float = 1_800.0  # first byte sent to last byte received: 5 KB/s for a page of 8 MB
    attempts: int = 6


class Connection:
    """A session with one hub. Every method raises ClientError for an answer that is no success.

    A request has up to `attempts` attempts. After 429 and 503 it is repeated, unless the hub waits for its
    operator; after 502 and 504 only if it `is_repeatable`: a second execution changes nothing. Without an
    answer it is repeated only if the hub has answered before and repetition can help (`causes`); after a
    possible arrival only if it `is_repeatable`. Pauses double from 1 second to 30 seconds, or follow
    Retry-After; above two minutes the request ends. `tell` gets a sentence before each pause.

    `ca` is a file of certificates (PEM) to verify the hub's certificate, in place of the system's.
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
        """Return the JSON object at `url` (taxii2-client's `conn.get`)."""
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
        """Post `data` and return the JSON object of the answer (taxii2-client's `conn.post`).

        Repeatable by default: adding equal objects again changes nothing (policy 8).
        """
        request = requests.Request("POST", url, headers=dict(headers or {}), params=params, data=data)
        with self._uncertainty_reported(is_repeatable=is_repeatable):
            return read_json(self._send(request, is_repeatable=is_repeatable))

    def delete(
        self, url: str, headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None
    ) -> JsonObject:
        """Delete the object at `url` (taxii2-client's `conn.delete`). Not repeatable."""
        request = requests.Request("DELETE", url, headers=dict(headers or {}), params=params)
        # A second attempt after a success would get 404, and report a failure.
        with self._uncertainty_reported(is_repeatable=False):
            return read_json(self._send(request, is_repeatable=False))

    def fetch(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        most_bytes: int = ANSWER_BYTES,
    ) -> Answer:
        """Return the whole answer to a GET, with its headers; `most_bytes` raises the usual limit."""
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
                if is_last or not self._may_repeat(found, is_repeatable=is_repeatable):
                    raise self._unanswered(found)
                self._pause(attempt, found.sentence, None)
                continue
            # From now on a lost connection is an interruption, not a wrong address.
            self._has_answered = True
            seconds = _retry_after(found)
            if (
                is_last
                or not _asks_to_repeat(found, is_repeatable=is_repeatable)
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
        except (*_FAILED, OSError, ValueError) as error:  # exceptions of requests are OSErrors
            if self._transport.is_timed_out:
                return late(request.url, self._patience.whole)
            if not isinstance(error, _FAILED) or isinstance(error, LocationValueError):
                if self._transport.is_sent:  # the answer has an impossible header
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

    def _may_repeat(
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
    def _uncertainty_reported(self, *, is_repeatable: bool) -> Iterator[None]:
        """Add to an error that the request may have been carried out, unless an answer excludes it."""
        try:
            yield
        except ClientError as error:
            is_answered = error.status is not None and error.status not in _UNCERTAIN
            if is_repeatable or is_answered or not self._transport.is_sent:
                raise
            error.args = (f"{error}; whether it was done is not known: look before you do it again",)
            raise

    def _pause(self, attempt: int, why: str, retry_after: float | None) -> None:
        # Exponential, with a maximum.
        seconds = min(2.0 ** (attempt - 1), _LONGEST_PAUSE_SECONDS) if retry_after is None else retry_after
        self._tell(
            f"{why}: trying again in {seconds:g} s, attempt {attempt + 1} of {self._patience.attempts}"
        )
        self._sleep(seconds)


def origin(url: str) -> str:
    """Return scheme, host and port of `url`, without a final slash.

    Raises ClientError for another text than an http or https URL with a host, and for a URL with credentials.
    """
    try:
        parts = urlsplit(url.strip())
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # unmatched brackets, or a port above 65535
        is_whole = False
    if not is_whole or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        raise ClientError(f"{url!r} is no address of a hub: give scheme and host, as in https://hub.example")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def segment(id: str, otherwise: str) -> str:
    """Return an id for use as one path segment. No character of the id can lead elsewhere.

    Raises ClientError with the sentence part `otherwise`.
    """
    if not id or not all(c.isascii() and (c.isalnum() or c == "-") for c in id):
        raise ClientError(f"{id!r} is {otherwise}")
    return id


def read_json(answer: Answer) -> JsonObject:
    """Return the JSON object of an answer. Raises ClientError for other content."""
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
    """Return the name of a usable file of certificates. Raises ClientError otherwise."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError as error:
        raise ClientError(f"{file} holds no certificate: --ca (HUB_CA) takes PEM text") from error
    except OSError as error:
        raise ClientError(f"{file} cannot be read for --ca (HUB_CA): {error.strerror}") from error
    return str(file)


def _asks_to_repeat(answer: Answer, *, is_repeatable: bool) -> bool:
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and _title(answer) in _WAITS_FOR_OPERATOR:
        return False
    return answer.status in _WORTH_REPEATING or (is_repeatable and answer.status in _UNCERTAIN)


def _title(answer: Answer) -> str | None:
    try:
        return str(read_json(answer).get("title"))
    except ClientError:
        return None


def _retry_after(answer: Answer) -> float | None:
    """Return the seconds of Retry-After (RFC 9110 section 10.2.3), None without a readable value."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said)
    try:
        return max(0.0, math.ceil((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError, OverflowError):  # no date, or a date without an offset
        return None


def _accepted(answer: Answer, retry_after: float | None) -> Answer:
    """Return the answer if it is a success. Raises ClientError with its reason and status otherwise."""
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    # Never followed: token and signature are for one address.
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
    """Return the reason in a TAXII error (section 3.6.1) or an RFC 9457 problem."""
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
    # A hostile hub must not fill the terminal.
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"
