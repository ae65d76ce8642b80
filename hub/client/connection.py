"""How a member's requests travel: bounded in time, tried again where that is safe, refused in one sentence.

A `Connection` has the shape that taxii2-client asks of its `conn` argument, so that its resources
(ApiRoot, Collection) work over it and get time limits and repetition, which they lack.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import requests
from requests.auth import AuthBase

from hub.client.errors import ClientError, Unreachable
from hub.model import JsonObject

TAXII: Final = "application/taxii+json;version=2.1"
JSON: Final = "application/json"

_TIMEOUT_SECONDS: Final = (10.0, 120.0)  # to connect; between two bytes of an answer
_ATTEMPTS: Final = 6
_LONGEST_PAUSE_SECONDS: Final = 30.0
_WORTH_REPEATING: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
# What a proxy answers while the hub restarts: the request may or may not have been carried out.
_UNCERTAIN: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_BROKEN: Final = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


class Connection:
    """A session with one hub. Every method raises ClientError for an answer that is no success.

    A request is tried up to `attempts` times: after 429 and 503 always; after a broken connection,
    502 and 504 only when it `is_repeatable`, that is when carrying it out twice changes nothing.
    Pauses double from one second, or follow Retry-After, and are never above 30 seconds.
    """

    def __init__(
        self, auth: AuthBase, *, attempts: int = _ATTEMPTS, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._session = requests.Session()
        self._session.auth = auth
        self._attempts = attempts
        self._sleep = sleep

    def close(self) -> None:
        self._session.close()

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
        return read_json(self._send(request, is_repeatable=is_repeatable))

    def delete(
        self, url: str, headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None
    ) -> JsonObject:
        """Delete what is at `url` (the `conn.delete` of taxii2-client). Not repeatable: then it is gone."""
        request = requests.Request("DELETE", url, headers=dict(headers or {}), params=params)
        return read_json(self._send(request, is_repeatable=False))

    def fetch(
        self, url: str, headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None
    ) -> requests.Response:
        """Return the whole answer to a GET, for those who need its headers."""
        request = requests.Request("GET", url, headers=dict(headers or {}), params=params)
        return self._send(request, is_repeatable=True)

    def _send(self, request: requests.Request, *, is_repeatable: bool) -> requests.Response:
        request.headers.setdefault("Accept", TAXII)
        for attempt in range(1, self._attempts + 1):
            try:
                response = self._send_once(request)
            except _BROKEN as error:
                if attempt == self._attempts or not is_repeatable:
                    raise _unreachable(request.url, error, is_repeatable=is_repeatable) from error
                self._sleep(_pause(attempt, None))
                continue
            except requests.exceptions.RequestException as error:
                raise ClientError(f"the request to {request.url} could not be made: {error}") from error
            if attempt == self._attempts or not _is_worth_repeating(response, is_repeatable=is_repeatable):
                return _accepted(response)
            self._sleep(_pause(attempt, response.headers.get("Retry-After")))
        raise RuntimeError("a connection makes at least one attempt")

    def _send_once(self, request: requests.Request) -> requests.Response:
        # Prepared for every attempt: a second one carries its own nonce and is no replay.
        prepared = self._session.prepare_request(request)
        ambient = self._session.merge_environment_settings(prepared.url, {}, None, None, None)
        return self._session.send(prepared, timeout=_TIMEOUT_SECONDS, allow_redirects=False, **ambient)


def origin(url: str) -> str:
    """Return scheme and host (and port) of `url`, without a slash at the end.

    Raises ClientError when it is no http or https URL with a host, or carries a name and password.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ClientError(f"{url!r} is no address of a hub: give scheme and host, as in https://hub.example")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def read_json(response: requests.Response) -> JsonObject:
    """Return the JSON object that an answer holds, or raise ClientError."""
    try:
        value = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ClientError(f"{response.url} did not answer with a JSON object: is this the address of a hub?")
    return value


def _is_worth_repeating(response: requests.Response, *, is_repeatable: bool) -> bool:
    status = response.status_code
    return status in _WORTH_REPEATING or (is_repeatable and status in _UNCERTAIN)


def _pause(attempt: int, retry_after: str | None) -> float:
    if retry_after is not None and retry_after.strip().isdecimal():
        return min(float(retry_after), _LONGEST_PAUSE_SECONDS)
    return min(2.0 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)


def _accepted(response: requests.Response) -> requests.Response:
    """Return the response if it is a success, or raise it as one sentence with its status."""
    status = response.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return response
    if response.is_redirect:
        target = response.headers.get("Location")
        raise ClientError(f"{response.url} redirects to {target}: use that address instead", status)
    kind = Unreachable if status in _WORTH_REPEATING | _UNCERTAIN else ClientError
    raise kind(f"{_reason(response)} (HTTP {status})", status)


def _reason(response: requests.Response) -> str:
    """Return what a TAXII error (section 3.6.1) or an RFC 9457 problem says."""
    try:
        said = read_json(response)
    except ClientError:
        return f"{response.url} refused without saying why"
    title = str(said.get("title") or "Refused")
    detail = said.get("detail") or said.get("description")
    return f"{title}: {detail}" if detail else title


def _unreachable(url: str, error: Exception, *, is_repeatable: bool) -> Unreachable:
    remedy = "try again" if is_repeatable else "look whether it was done before trying again"
    what = "timed out" if isinstance(error, requests.exceptions.Timeout) else "failed"
    return Unreachable(f"the connection to {origin(url)} {what}: check the address and the network, {remedy}")
