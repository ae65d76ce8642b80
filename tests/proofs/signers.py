"""Fixed keys, and a signer of requests that shares no code with the hub: RFC 9421 by hand."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from hub.model import HttpRequest, MemberId, Purpose, RegisteredKey
from hub.proofs.keys import PrivateKey

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CREATED = int(NOW.timestamp())
NONCE = "0123456789abcdef"
URL = "https://hub.example/api1/collections/c1/objects/?match%5Btype%5D=a"
BODY = b'{"objects":[]}'

EDWARDS = PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
NIST = PrivateKey(ec.derive_private_key(2**200 + 7, ec.SECP256R1()))

CONTENT = ('"@method"', '"@target-uri"', '"content-type"', '"content-digest"')


def registered(key: PrivateKey, **changes: object) -> RegisteredKey:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    entry = RegisteredKey(key.thumbprint, MemberId("at-cert"), Purpose.SUBMIT, key.alg, key.public.jwk, since)
    return replace(entry, **changes)


def register(*keys: PrivateKey) -> Callable[[str], RegisteredKey | None]:
    return {key.thumbprint: registered(key) for key in keys}.get


def wrapped(raw: bytes) -> str:
    """Return `raw` as a structured field byte sequence."""
    return f":{base64.b64encode(raw).decode()}:"


def sha256(body: bytes) -> str:
    return "sha-256=" + wrapped(hashlib.sha256(body).digest())


def raw_signature(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key.key, Ed25519PrivateKey):
        return key.key.sign(message)
    r, s = decode_dss_signature(key.key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def parameters(**changes: str | None) -> dict[str, str]:
    """Return the parameters of a good signature as they are written; None leaves one out."""
    good = {
        "created": str(CREATED),
        "expires": str(CREATED + 120),
        "nonce": f'"{NONCE}"',
        "keyid": f'"{EDWARDS.thumbprint}"',
        "tag": '"taxii-hub-v1"',
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(
    *,
    key: PrivateKey = EDWARDS,
    method: str = "POST",
    body: bytes = BODY,
    headers: Mapping[str, str] | None = None,
    covered: tuple[str, ...] = CONTENT,
    params: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    written: Callable[[str], str] = str,
) -> HttpRequest:
    """Return a request signed by hand; `values` are those of components that are not plain.

    `written` respells Signature-Input as sent, in ways that mean the same.
    """
    fields = {"Content-Type": "application/taxii+json;version=2.1", "Content-Digest": sha256(body)}
    fields |= headers or {}
    known = {f'"{name.lower()}"': value for name, value in fields.items()}
    known |= {'"@method"': method, '"@target-uri"': URL} | dict(values or {})
    suffix = "".join(f";{name}={value}" for name, value in (params or parameters()).items())
    inner = f"({' '.join(covered)}){suffix}"
    lines = [f"{name}: {known[name]}" for name in covered] + [f'"@signature-params": {inner}']
    signature = wrapped(raw_signature(key, "\n".join(lines).encode("utf-8", "surrogatepass")))
    fields |= {"Signature-Input": f"one={written(inner)}", "Signature": f"one={signature}"}
    return HttpRequest(method, URL, fields, body)


def altered(request: HttpRequest, **headers: str | None) -> HttpRequest:
    """Return `request` with header fields replaced (underscores are hyphens), or left out for None."""
    changes = {name.replace("_", "-"): value for name, value in headers.items()}
    merged = {**request.headers, **changes}
    return replace(request, headers={name: value for name, value in merged.items() if value is not None})
