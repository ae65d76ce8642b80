"""Authentication of requests: a bearer token on each request, and an RFC 9421 signature on each write."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from hub.client.errors import ClientError
from hub.client.input.reading import read_file
from hub.model import HttpRequest
from hub.proofs import keys, requests

_SIGNED_METHODS: Final = frozenset({"POST", "PUT", "DELETE"})
_NONCE_BYTES: Final = 24  # random bytes: no two requests of a member share a nonce
_LIFETIME_SECONDS: Final = 300  # the hub's maximum: a large body may be slow

Key = keys.PrivateKey | bytes | str | Path
Passphrase = str | bytes | Callable[[], str | bytes]


class HubAuth(AuthBase):
    """A `requests` auth class: any client acts as a member of the hub.

    `key` is a private key, its PEM text, or the path of a PEM file; `passphrase` opens an encrypted key.
    Without a key no request is signed, which is enough for reading. Each preparation of a request makes a new
    signature with a new nonce, so a second attempt by the application is no replay. Raises ClientError for a
    token that cannot be a header value, for a stream (it cannot be signed), and for a redirect of a signed
    request: the signature covers the original URL.
    """

    def __init__(self, token: str, key: Key | None = None, *, passphrase: Passphrase | None = None) -> None:
        # The token itself is not in the error: errors are printed and logged.
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ClientError("the token is empty or has characters that no token has: give it as issued")
        self._authorization = f"Bearer {token}"
        self._key = None if key is None else load_key(key, passphrase)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._authorization
        if self._key is not None and request.method in _SIGNED_METHODS:
            self._sign(request, self._key)
        return request

    def _sign(self, request: PreparedRequest, key: keys.PrivateKey) -> None:
        body = _signable_body(request)
        if (body or request.method != "DELETE") and "Content-Type" not in request.headers:
            raise ClientError("a signed request with content needs a Content-Type header")
        request.body = body or None  # INVARIANT: the signed bytes are the sent bytes
        message = HttpRequest(
            method=request.method or "",
            url=request.url or "",
            headers=dict(request.headers),
            body=body,
        )
        request.headers.update(
            requests.sign(
                message,
                key,
                created=datetime.now(UTC),
                nonce=secrets.token_urlsafe(_NONCE_BYTES),  # RFC 9421 section 2.3
                lifetime_seconds=_LIFETIME_SECONDS,
            )
        )
        request.hooks["response"] = [_refuse_redirect]


def load_key(key: Key, passphrase: Passphrase | None = None) -> keys.PrivateKey:
    """Return the private key that `key` is, contains as PEM, or names as a file.

    `passphrase` opens an encrypted key; a callable is called only then. Raises ClientError when the file
    cannot be read, and all errors of `keys.read_private`.
    """
    if isinstance(key, keys.PrivateKey):
        return key
    return keys.read_private(key if isinstance(key, bytes) else read_file(key), _secret(passphrase))


def _secret(passphrase: Passphrase | None) -> Callable[[], bytes] | None:
    if passphrase is None:
        return None

    def secret() -> bytes:
        given = passphrase() if callable(passphrase) else passphrase
        return given.encode() if isinstance(given, str) else given

    return secret


def _signable_body(request: PreparedRequest) -> bytes:
    match request.body:
        case None:
            return b""
        case bytes() as body:
            return body
        case str() as body:
            return body.encode()
        case _:
            raise ClientError("a stream cannot be signed: give the body as bytes, text or JSON")


def _refuse_redirect(response: Response, **_options: Any) -> None:
    # A redirect would send a signature for another URL, and the body, to an address that the answer chose.
    if response.is_redirect:
        response.close()
        raise ClientError(
            f"the hub redirected a signed request to {response.headers['Location']}: "
            "use that address in the first place",
            response.status_code,
        )
