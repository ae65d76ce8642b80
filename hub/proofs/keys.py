"""Keys of members: Ed25519 and ECDSA over P-256, read strictly and named by the RFC 7638 thumbprint.

`cryptography` accepts Ed25519 keys with one constant signature valid for every message. Such keys are refused
here, and so is every second spelling of a key: one key has one thumbprint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, Literal, TypeGuard

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from hub.errors import Unprocessable
from hub.model import RegisteredKey
from hub.proofs import base64url, canonical

ED25519: Final = "ed25519"  # RFC 9421 section 3.3.6
P256: Final = "ecdsa-p256-sha256"  # RFC 9421 section 3.3.4

MAX_KEY_BYTES: Final = 4_096
MAX_PASSPHRASE_BYTES: Final = 1_023  # the limit of cryptography
_COORDINATE_BYTES: Final = 32
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 section 6
_IS_PRIVATE: Final = "This is a private key: keep it to yourself and give its public half."

Resolve = Callable[[str], RegisteredKey | None]


@dataclass(frozen=True)
class PublicKey:
    """A public key after every check of this module. `jwk` holds the required members alone."""

    alg: str
    jwk: Mapping[str, str] = field(compare=False)
    thumbprint: str
    key: Ed25519PublicKey | EllipticCurvePublicKey = field(compare=False, repr=False)

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Return whether `signature` by this key is valid for `message`; for P-256: r ‖ s, 64 bytes."""
        try:
            if isinstance(self.key, Ed25519PublicKey):
                self.key.verify(signature, message)
            else:
                self.key.verify(_to_der(signature), message, ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class PrivateKey:
    """A private key of either algorithm, hidden in each repr."""

    key: Ed25519PrivateKey | EllipticCurvePrivateKey = field(repr=False)

    @cached_property
    def public(self) -> PublicKey:
        return _from_cryptography(self.key.public_key())

    @property
    def alg(self) -> str:
        return self.public.alg

    @property
    def thumbprint(self) -> str:
        return self.public.thumbprint


def generate(alg: Literal["ed25519", "p256"]) -> PrivateKey:
    """Return a new private key from the random source of `cryptography`."""
    if alg == "ed25519":
        return PrivateKey(Ed25519PrivateKey.generate())
    return PrivateKey(generate_private_key(SECP256R1()))


def private_pem(key: PrivateKey, passphrase: bytes | None = None) -> bytes:
    """Return `key` as PKCS #8 PEM (RFC 5958), encrypted if a passphrase is given.

    The caller writes the text to a file of mode 0600. Raises Unprocessable for an empty or too long
    passphrase.
    """
    if passphrase is None:
        return key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if not 0 < len(passphrase) <= MAX_PASSPHRASE_BYTES:
        raise Unprocessable(f"A passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes: give another.")
    return key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))


def read_private(data: bytes, passphrase: Callable[[], bytes] | None = None) -> PrivateKey:
    """Return the private key of a PEM file; `passphrase` is called for an encrypted key.

    Raises Unprocessable for any other text: a public key, a malformed key, another algorithm or curve, an
    encrypted key without its passphrase. Errors of `passphrase` pass through.
    """
    _check_size(data)
    try:
        key = _load(data, passphrase)
    except (ValueError, UnsupportedAlgorithm):
        remedy = "give the PEM file that `hub keygen` made, not *.pub.jwk"
        raise Unprocessable(f"The private key cannot be read: {remedy}.") from None
    if isinstance(key, Ed25519PrivateKey):
        return PrivateKey(key)
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return PrivateKey(key)
    raise Unprocessable("The private key is of another algorithm: use Ed25519 or ECDSA over P-256.")


def _load(data: bytes, passphrase: Callable[[], bytes] | None) -> object:
    try:
        return load_pem_private_key(data, password=None)
    except TypeError:  # the library's sign of an encrypted key
        if passphrase is None:
            raise Unprocessable("The private key is encrypted: give its passphrase.") from None
    secret = passphrase()
    if len(secret) > MAX_PASSPHRASE_BYTES:
        raise Unprocessable(f"A passphrase has at most {MAX_PASSPHRASE_BYTES} bytes.")
    try:
        return load_pem_private_key(data, password=secret)
    except (TypeError, ValueError):
        raise Unprocessable("The passphrase is not that of the private key.") from None


def read_public(data: bytes) -> PublicKey:
    """Return the public key of a JWK (RFC 7517) or of a PEM file.

    Raises Unprocessable for private keys, more than one key, other algorithms and curves, points off the
    curve, weak or non-canonical keys, malformed text, and more than 4 KB.
    """
    _check_size(data)
    if not data.lstrip().startswith(b"{"):
        return _from_pem(data)
    try:
        jwk = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Unprocessable("The key is not JSON: give a JWK or a PEM file.") from None
    return public_from_jwk(jwk)


def public_from_jwk(jwk: Mapping[str, object]) -> PublicKey:
    """Return the key of a JWK's `kty`, `crv`, `x` and `y`; other public members are ignored (RFC 7517).

    Raises Unprocessable as `read_public` does.
    """
    # `use`, `key_ops` and `alg` of a JWK are not read: the register keeps the purpose of each key.
    if _PRIVATE_MEMBERS & jwk.keys():
        raise Unprocessable(_IS_PRIVATE)
    match jwk.get("kty"), jwk.get("crv"):
        case "OKP", "Ed25519":
            return _read_ed25519(_text(jwk, "x"))
        case "EC", "P-256":
            return _read_p256(_text(jwk, "x"), _text(jwk, "y"))
        case _:
            raise Unprocessable("The key has another kty or crv: use OKP with Ed25519, or EC with P-256.")


def usable(registered: RegisteredKey | None, thumbprint: str) -> PublicKey | None:
    """Return the public key of a registered, unrevoked and consistent entry, or None.

    An entry is damaged, and never used, if its `jwk` has another thumbprint or algorithm than the entry. The
    purpose is not checked here: only the caller knows the signed object.
    """
    if registered is None or registered.revoked_at is not None:
        return None
    try:
        key = public_from_jwk(registered.jwk)
    except Unprocessable:
        return None
    named = (registered.thumbprint, registered.alg)
    return key if named == (key.thumbprint, key.alg) and key.thumbprint == thumbprint else None


def look_up(resolve: Resolve, thumbprint: object) -> tuple[RegisteredKey, PublicKey] | None:
    """Return the usable key of this thumbprint, as registered by `resolve` and in a form for verification.

    None for an unusable key, or for a malformed `thumbprint`.
    """
    if not is_thumbprint(thumbprint):
        return None
    registered = resolve(thumbprint)
    key = usable(registered, thumbprint)
    return None if registered is None or key is None else (registered, key)


def is_thumbprint(value: object) -> TypeGuard[str]:
    """Return whether `value` is text in the form of an RFC 7638 SHA-256 thumbprint."""
    return isinstance(value, str) and _THUMBPRINT.fullmatch(value) is not None


def _check_size(data: bytes) -> None:
    if len(data) > MAX_KEY_BYTES:
        raise Unprocessable(f"The key is larger than {MAX_KEY_BYTES} bytes: give one key alone.")


def _from_pem(data: bytes) -> PublicKey:
    if b"PRIVATE KEY" in data:
        raise Unprocessable(_IS_PRIVATE)
    if data.count(b"-----BEGIN ") != 1:
        raise Unprocessable("The key is neither a JWK nor PEM with exactly one block.")
    try:
        key = load_pem_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unprocessable("The key is not a PEM public key (SubjectPublicKeyInfo) on its curve.") from None
    if isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    ):
        return _from_cryptography(key)
    raise Unprocessable("The key is of another algorithm: use Ed25519 or ECDSA over P-256.")


def _from_cryptography(key: Ed25519PublicKey | EllipticCurvePublicKey) -> PublicKey:
    if isinstance(key, Ed25519PublicKey):
        return _from_ed25519(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    numbers = key.public_numbers()
    x, y = (n.to_bytes(_COORDINATE_BYTES, "big") for n in (numbers.x, numbers.y))
    return _from_p256(x, y)


def _text(jwk: Mapping[str, object], name: str) -> str:
    value = jwk.get(name)
    return value if isinstance(value, str) else ""


# Each request with the same key asks again, so keys are kept. Refusals are not kept.
@lru_cache(maxsize=1_024)
def _read_ed25519(x: str) -> PublicKey:
    return _from_ed25519(_coordinate("x", x))


@lru_cache(maxsize=1_024)
def _read_p256(x: str, y: str) -> PublicKey:
    return _from_p256(_coordinate("x", x), _coordinate("y", y))


def _coordinate(name: str, text: str) -> bytes:
    try:
        raw = base64url.decode(text)
    except ValueError:
        raise Unprocessable(f"The key's {name} is not base64url without padding.") from None
    if len(raw) != _COORDINATE_BYTES:
        raise Unprocessable(f"The key's {name} is not base64url text of {_COORDINATE_BYTES} bytes.")
    return raw


def _from_p256(x: bytes, y: bytes) -> PublicKey:
    numbers = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1())
    # P-256 has cofactor 1: a point on the curve is enough, and no point has a small order.
    try:
        key = numbers.public_key()
    except ValueError:
        raise Unprocessable("The key's point is not on the curve P-256.") from None
    jwk = {"crv": "P-256", "kty": "EC", "x": base64url.encode(x), "y": base64url.encode(y)}
    return PublicKey(P256, jwk, _thumbprint(jwk), key)


def _from_ed25519(raw: bytes) -> PublicKey:
    if fault := ed25519_fault(raw):
        raise Unprocessable(f"The key {fault}: generate another.")
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(raw)}
    return PublicKey(ED25519, jwk, _thumbprint(jwk), Ed25519PublicKey.from_public_bytes(raw))


def _thumbprint(jwk: Mapping[str, str]) -> str:
    # RFC 7638 section 3 hashes the required members sorted and without space: RFC 8785 gives those bytes.
    return base64url.encode(canonical.digest(jwk))


def _to_der(signature: bytes) -> bytes:
    if len(signature) != 2 * _COORDINATE_BYTES:
        raise ValueError("an ECDSA P-256 signature has 64 bytes")
    # RFC 9421 section 3.3.4 and RFC 7518 section 3.4 write r ‖ s; `cryptography` takes DER alone.
    r, s = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


# --- the points of Ed25519 --------------------------------------------------------------------------

# The curve is -x² + y² = 1 + d x² y² modulo p (RFC 8032 section 5.1). The checks need y alone.
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SIGN_OF_X: Final = 1 << 255


def ed25519_fault(raw: bytes) -> str | None:
    """Return why these 32 bytes are no safe Ed25519 key, or None (RFC 8032 section 5.1.3)."""
    y = int.from_bytes(raw, "little") % _SIGN_OF_X
    if y >= _P:
        return "is not in canonical form"
    if pow(_x_squared(y), (_P - 1) // 2, _P) not in (0, 1):
        return "is not a point of Ed25519"
    # The order divides 8 exactly when three doublings reach the neutral point (y = 1). Both signs of x are
    # covered, and so are the two forbidden spellings of x = 0.
    return "is of small order" if _doubled(_doubled(_doubled(y))) == 1 else None


def _x_squared(y: int) -> int:
    return (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P


def _doubled(y: int) -> int:
    """Return the y of twice a point: the affine formula needs x squared alone."""
    x_squared = _x_squared(y)
    return (y * y + x_squared) * pow(2 + x_squared - y * y, -1, _P) % _P
