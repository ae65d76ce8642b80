"""Documents signed by members: compact JWS (RFC 7515) over canonical JSON (RFC 8785).

The protected header has exactly `alg`, `kid` and `typ`: no other member can bring a key or change the reading
of the payload. `typ` keeps a signature to one purpose (RFC 8725 section 3.11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from hub.errors import Unprocessable
from hub.model import RegisteredKey
from hub.proofs.canonical import canonical
from hub.proofs.keys import ED25519, P256, PrivateKey, PublicKey, Resolve, look_up, public_from_jwk

MAX_DOCUMENT_BYTES: Final = 262_144  # of the JWS text
AGREEMENT_TYPE: Final = "hub-agreement+jws"
ENDORSEMENT_TYPE: Final = "hub-endorsement+jws"
RECOVERY_TYPE: Final = "hub-recovery+jws"

_JOSE_ALGS: Final = {ED25519: "Ed25519", P256: "ES256"}  # RFC 9864 section 2.2, RFC 7518 section 3.4
_HEADER_MEMBERS: Final = {"alg", "kid", "typ"}


# INVARIANT: no `none`, no HMAC, no RSA: `alg` is compared with the registered key, never chosen by the header
# (RFC 8725 section 3.1).
class _Registry(jws.JWSRegistry):
    max_payload_length = MAX_DOCUMENT_BYTES  # the library stops at 128,000


_REGISTRY: Final = _Registry(algorithms=list(_JOSE_ALGS.values()))


def sign_document(payload: Mapping[str, object], key: PrivateKey) -> str:
    """Return the compact JWS of `key` over the canonical form of `payload`.

    Raises Unprocessable for a payload without canonical form, or for a JWS above 256 KB.
    """
    return _sign(payload, key, AGREEMENT_TYPE)


def verify_document(text: str, resolve: Resolve) -> tuple[dict[str, Any], RegisteredKey]:
    """Return the payload of a JWS and the registered key of its valid signature.

    Raises Unprocessable, with one sentence for unknown and revoked keys. The caller decides whether the
    member and the purpose of this key permit this document.
    """
    return _verify(text, AGREEMENT_TYPE, resolve)


def sign_recovery(statement: Mapping[str, object], key: PrivateKey) -> str:
    """Return a JWS by `key` in confirmation of another nation's new key; raises as `sign_document`."""
    return _sign(statement, key, RECOVERY_TYPE)


def verify_recovery(text: str, resolve: Resolve) -> tuple[dict[str, Any], RegisteredKey]:
    """Return the statement of a JWS and the registered key of its valid signature; as `verify_document`."""
    return _verify(text, RECOVERY_TYPE, resolve)


def endorse(new_jwk: Mapping[str, object], key: PrivateKey) -> str:
    """Return a JWS by `key` over the thumbprint of its successor.

    Raises Unprocessable for a `new_jwk` unfit for registration.
    """
    return _sign(_endorsement(public_from_jwk(new_jwk)), key, ENDORSEMENT_TYPE)


def verify_endorsement(text: str, new: PublicKey, previous: RegisteredKey) -> None:
    """Return if the unrevoked `previous` key endorsed exactly `new`; else raises Unprocessable."""
    payload, _ = _verify(text, ENDORSEMENT_TYPE, {previous.thumbprint: previous}.get)
    if payload != _endorsement(new):
        raise Unprocessable("The signature endorses another key than the one to register.")


def _endorsement(new: PublicKey) -> dict[str, str]:
    return {"thumbprint": new.thumbprint, "typ": "endorse"}


def _sign(payload: Mapping[str, object], key: PrivateKey, typ: str) -> str:
    try:
        body = canonical(dict(payload))
    except ValueError as error:
        raise Unprocessable(f"The document has no canonical JSON form: {error}.") from None
    # No `jwk`, `jku` or `x5c`: a verifier takes the key from the register alone.
    header = {"alg": _JOSE_ALGS[key.alg], "kid": key.thumbprint, "typ": typ}
    text = jws.serialize_compact(header, body, _jose(key), registry=_REGISTRY)
    if len(text) > MAX_DOCUMENT_BYTES:
        raise Unprocessable(f"The signed document is larger than {MAX_DOCUMENT_BYTES} bytes: shorten it.")
    return text


def _verify(text: str, typ: str, resolve: Resolve) -> tuple[dict[str, Any], RegisteredKey]:
    """1. Read the three parts. 2. Accept the header. 3. Find the key. 4. Verify. 5. Read the payload."""
    signed = _read(text)  # 1
    header = signed.protected
    if header.keys() != _HEADER_MEMBERS or header["typ"] != typ:  # 2
        raise Unprocessable(f"The signature's header must have alg, kid and typ alone, with typ {typ}.")
    found = look_up(resolve, header["kid"])  # 3
    if found is None:  # unknown and revoked keys give one sentence: nobody can test for keys
        raise Unprocessable("The signature names a key that is not registered or not in use: check kid.")
    registered, key = found
    if header["alg"] != _JOSE_ALGS[key.alg]:
        raise Unprocessable(f"The signature's alg must be that of its key, {_JOSE_ALGS[key.alg]}.")
    if not jws.validate_compact(signed, _jose(key), registry=_REGISTRY):  # 4
        raise Unprocessable("The signature does not hold: sign the document with the key that kid names.")
    return _payload(signed.payload), registered  # 5


def _read(text: str) -> jws.CompactSignature:
    if len(text) > MAX_DOCUMENT_BYTES:
        raise Unprocessable(f"The signature is larger than {MAX_DOCUMENT_BYTES} bytes with its document.")
    try:
        signed = jws.extract_compact(text.encode("ascii"), registry=_REGISTRY)
        is_object = isinstance(signed.protected, dict)
    except (JoseError, ValueError, TypeError, RecursionError):
        is_object = False
    if not is_object:
        raise Unprocessable("The signature is not a compact JWS of three base64url parts.")
    return signed


def _payload(body: bytes) -> dict[str, Any]:
    # INVARIANT: payload bytes are the canonical bytes. Two texts of one document would have two digests.
    try:
        payload = orjson.loads(body)
        is_canonical = isinstance(payload, dict) and canonical(payload) == body
    except ValueError:
        is_canonical = False
    if not is_canonical:
        raise Unprocessable("The signature covers other text than a canonical JSON object (RFC 8785).")
    return dict(payload)


def _jose(key: PublicKey | PrivateKey) -> OKPKey | ECKey:
    if isinstance(key.key, Ed25519PublicKey | Ed25519PrivateKey):
        return OKPKey.import_key(key.key)
    return ECKey.import_key(key.key)
