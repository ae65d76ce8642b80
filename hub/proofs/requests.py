"""Signed requests: RFC 9421 HTTP Message Signatures with RFC 9530 digests, in the hub's own profile.

The profile `taxii-hub-v1` fixes the covered components, the lifetime and the key of a signature. The library
builds the signature base and computes; the checks here run before the library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import http_sf
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    MappingKeyResolver,
)
from http_message_signatures import algorithms as rfc9421

from hub.errors import BadSignature
from hub.model import Evidence, HttpRequest, RegisteredKey
from hub.proofs import tokens
from hub.proofs.keys import ED25519, P256, PrivateKey, PublicKey, Resolve, is_thumbprint, look_up

TAG: Final = "taxii-hub-v1"
MAX_LIFETIME_SECONDS: Final = 300  # and so the store must keep a nonce for 360 s at most
SKEW_SECONDS: Final = 30
SKEW: Final = timedelta(seconds=SKEW_SECONDS)
MAX_FIELD_CHARACTERS: Final = 8_192  # of Signature-Input, and of Signature
NO_SUCH_KEY: Final = "The signature's keyid must be the RFC 7638 thumbprint of a registered key in use."
EXPIRED: Final = "The signature has expired: sign the request again, and check the machine's clock."
# INVARIANT: evidence holds no secret, because evidence is kept for ever and shown. These fields may carry a
# token or a session, so no signature may cover them.
SECRET_FIELDS: Final = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
    }
)

_LABEL: Final = "hub"
_ALGORITHMS: Final[dict[str, type[HTTPSignatureAlgorithm]]] = {
    ED25519: rfc9421.ED25519,
    P256: rfc9421.ECDSA_P256_SHA256,
}
# RFC 9421 section 7.2.1: the application must require a minimum of covered components.
_ALWAYS_COVERED: Final = ("@method", "@target-uri")
_COVERED_WITH_CONTENT: Final = (*_ALWAYS_COVERED, "content-type", "content-digest")
_METHODS_WITH_CONTENT: Final = frozenset({"POST", "PUT", "PATCH"})
_NONCE: Final = re.compile(r"[!-~]{16,128}")
_PARAMS_LINE: Final = '"@signature-params": '
_TARGET_LINE: Final = '"@target-uri": '


def sign(
    request: HttpRequest, key: PrivateKey, *, created: datetime, nonce: str, lifetime_seconds: int = 120
) -> dict[str, str]:
    """Return the header fields of `request` signed by `key`: two fields, and Content-Digest with content.

    The fields replace fields of the same name. `nonce` is 16 to 128 visible ASCII characters, never used
    before with this key; the lifetime is 1 to 300 seconds. Raises RuntimeError for values outside these
    bounds, or for a request unfit for a signature: content without Content-Type, a method in lower case, a
    URL not encoded.
    """
    if not (0 < lifetime_seconds <= MAX_LIFETIME_SECONDS and _NONCE.fullmatch(nonce) and created.tzinfo):
        raise RuntimeError("signing needs an aware time, a nonce of 16-128 visible ASCII characters, 1-300 s")
    added = ("Content-Digest", "Signature-Input", "Signature")
    kept = {n: v for n, v in request.headers.items() if n.lower() not in {a.lower() for a in added}}
    message = HttpRequest(request.method, request.url, kept, request.body)
    covered, public = _must_cover(request), key.public
    signer = HTTPMessageSigner(
        signature_algorithm=_ALGORITHMS[public.alg],
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={public.thumbprint: key.key}),
    )
    try:
        signer.sign(
            message,
            key_id=public.thumbprint,
            created=created,
            expires=created + timedelta(seconds=lifetime_seconds),
            nonce=nonce,
            label=_LABEL,
            tag=TAG,
            include_alg=False,  # the verifier knows the registered key's algorithm (RFC 9421 section 3.2)
            covered_component_ids=covered,
            body=request.body if covered == _COVERED_WITH_CONTENT else None,
        )
    except HTTPMessageSignaturesException as error:
        raise RuntimeError(f"the request cannot be signed: {error}") from error
    return {name: kept[name] for name in added if name in kept}


def verify(request: HttpRequest, resolve: Resolve, now: datetime) -> tuple[RegisteredKey, Evidence]:
    """Return the registered key of the signature on `request`, and the evidence.

    1. Exactly one signature has the tag. Other signatures must be well formed, and are not verified.
    2. The signature covers at least method and target URI, and with content its type and digest; never a
       secret.
    3. The nonce is well formed. The caller checks in its transaction that the nonce is new.
    4. `created` is at most 30 s after `now`, `expires` less than 30 s before; the lifetime is at most 300 s.
    5. The key is registered and in use, and a stated algorithm is that key's. `resolve` maps a thumbprint to
       the key. The caller decides whether purpose and member fit the request.
    6. The signature is valid over the received request; the target URI is `request.url`.
    7. The covered digest is that of the body.

    Raises BadSignature with the sentence of the first broken rule.
    """
    return verify_stated(read_stated(request), resolve, now)


def read_stated(request: HttpRequest) -> StatedSignature:
    """Return the signature on `request` as stated, by rules 1 to 3 of `verify`. Nothing is verified."""
    fields = _fields(request.headers)
    claim = _claim(fields)  # 1
    _check_coverage(claim, request, fields)  # 2
    nonce = claim.params.get("nonce")
    if not isinstance(nonce, str) or not _NONCE.fullmatch(nonce):  # 3
        raise BadSignature("The signature's nonce must be text of 16 to 128 visible ASCII characters.")
    return StatedSignature(request, fields, claim, nonce)


def verify_stated(stated: StatedSignature, resolve: Resolve, now: datetime) -> tuple[RegisteredKey, Evidence]:
    """Return the registered key of the signature and the evidence, by rules 4 to 7 of `verify`."""
    request, fields, claim = stated.request, stated.fields, stated.claim
    created, expires = _lifetime(claim.params, now)  # 4
    registered, key = _look_up(claim, resolve)  # 5
    base = _check_signature(request, key, now)  # 6
    if "content-digest" in fields:  # 7; where it is required, its presence was checked in 2
        _check_digest(fields["content-digest"], request.body)
    return registered, Evidence(base, claim.signature, key.thumbprint, stated.nonce, created, expires)


def reverify(evidence: Evidence, key: PublicKey) -> bool:
    """Return whether `evidence` alone proves a signature of `key`, and its fields are the signed fields.

    Needs neither body, clock nor register: nonce and times are compared with the signed text.
    """
    params = _params_of(evidence.signature_base)
    signed = [params.get(name) for name in ("tag", "keyid", "nonce", "created", "expires")]
    times = evidence.created.timestamp(), evidence.expires.timestamp()
    stated = [TAG, key.thumbprint, evidence.nonce, *times]
    if evidence.thumbprint != key.thumbprint or signed != stated:
        return False
    return key.holds(evidence.signature, evidence.signature_base.encode())


@dataclass(frozen=True, slots=True)
class _Claim:
    """The signature with the hub's tag, parsed but not verified.

    `covered` are the components without parameters, `named` all components: `"content-digest";sf` is named,
    but does not count as coverage.
    """

    covered: frozenset[str]
    named: frozenset[str]
    params: Mapping[str, object]
    signature: bytes


@dataclass(frozen=True, slots=True)
class StatedSignature:
    """A request with its one signature with the tag, well formed and of sufficient coverage, not verified."""

    request: HttpRequest
    fields: Mapping[str, str]
    claim: _Claim
    nonce: str

    @property
    def thumbprint(self) -> str:
        """The thumbprint that the signature names; empty: no thumbprint."""
        named = self.claim.params.get("keyid")
        return named if is_thumbprint(named) else ""


class _Verifier(HTTPMessageVerifier):
    """The library's verifier for one key, at a given time in place of the machine's clock."""

    def __init__(self, key: PublicKey, now: datetime) -> None:
        super().__init__(
            signature_algorithm=_ALGORITHMS[key.alg],
            key_resolver=MappingKeyResolver(public_keys={key.thumbprint: key.key}, private_keys={}),
        )
        self._now = now

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        del max_age  # the library's default is a day; here the lifetime bounds the age
        _lifetime(sig_input.params, self._now)


def _must_cover(request: HttpRequest) -> tuple[str, ...]:
    # Also for an empty body of a POST: the digest then proves that the signer sent no body.
    has_content = request.body or request.method in _METHODS_WITH_CONTENT
    return _COVERED_WITH_CONTENT if has_content else _ALWAYS_COVERED


def _fields(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the values by lower-case name; spellings of one name are joined (RFC 9110 section 5.3)."""
    lines: dict[str, list[str]] = {}
    for name, value in headers.items():
        lines.setdefault(name.lower(), []).append(value.strip(" \t"))
    return {name: ", ".join(values) for name, values in lines.items()}


def _claim(fields: Mapping[str, str]) -> _Claim:
    inputs = _dictionary(fields, "Signature-Input")
    signatures = _dictionary(fields, "Signature")
    ours = [label for label, (_, params) in inputs.items() if params.get("tag") == TAG]
    if len(ours) != 1:
        raise BadSignature(f'The request must carry exactly one signature with tag="{TAG}", not {len(ours)}.')
    components, params = inputs[ours[0]]
    signature, _ = signatures.get(ours[0], (None, {}))
    if not isinstance(signature, bytes):
        raise BadSignature(f"Signature needs a byte sequence under the label {ours[0]} of Signature-Input.")
    if not isinstance(components, list) or not all(isinstance(name, str) for name, _ in components):
        raise BadSignature("Signature-Input must list the covered components as quoted names in parentheses.")
    covered = frozenset(name for name, parameters in components if not parameters)
    return _Claim(covered, frozenset(name for name, _ in components), params, signature)


def _dictionary(fields: Mapping[str, str], name: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    def refuse(key: str, context: str) -> None:
        if context == "dictionary":
            raise BadSignature(f"{name} has the label {key} twice: give each signature its own.")

    text = fields.get(name.lower(), "")
    if not text or len(text) > MAX_FIELD_CHARACTERS:
        raise BadSignature(f"The request needs {name} (RFC 9421), at most {MAX_FIELD_CHARACTERS} characters.")
    try:
        parsed = http_sf.parse(text.encode("ascii"), tltype="dictionary", on_duplicate_key=refuse)
    except (ValueError, TypeError):
        raise BadSignature(f"{name} is not a dictionary of structured fields (RFC 9651).") from None
    return cast("dict[str, tuple[Any, dict[str, Any]]]", parsed)


def _check_coverage(claim: _Claim, request: HttpRequest, fields: Mapping[str, str]) -> None:
    if secret := _secrets(claim, request, fields):
        raise BadSignature(f"The signature must not cover {min(secret)}: evidence is kept, without secrets.")
    for name in _must_cover(request):
        if name not in claim.covered:
            raise BadSignature(f'The signature must cover "{name}", without parameters.')
    for name in sorted(claim.named):
        if not name.startswith("@") and name not in fields:
            raise BadSignature(f'The signature covers "{name}", which the request does not carry.')


def _secrets(claim: _Claim, request: HttpRequest, fields: Mapping[str, str]) -> list[str]:
    """Return the covered parts with a secret: by their name, or by a token in the value."""
    # The signature base repeats covered fields, URL and parameters word for word (RFC 9421 section 2.5).
    stated = [value for value in claim.params.values() if isinstance(value, str)]
    carried = {name: fields.get(name.lower(), "") for name in claim.named} | {
        "a URL that holds a token": request.url,
        "a parameter that holds a token": " ".join(stated),
    }
    secret = [name for name in claim.named if name.lower() in SECRET_FIELDS]
    return secret + tokens.that_hold_one(carried)


def _look_up(claim: _Claim, resolve: Resolve) -> tuple[RegisteredKey, PublicKey]:
    found = look_up(resolve, claim.params.get("keyid"))
    if found is None:
        raise BadSignature(NO_SUCH_KEY)
    registered, key = found
    alg = claim.params.get("alg", key.alg)
    # RFC 9421 section 3.2: a stated algorithm must agree with the key's. A token of structured fields (RFC
    # 9651) equals its text, but is no string.
    if not isinstance(alg, str) or alg != key.alg:
        raise BadSignature("The signature's alg is not that of its key: leave the parameter out.")
    return registered, key


def _lifetime(params: Mapping[str, object], now: datetime) -> tuple[datetime, datetime]:
    """Return created and expires; raises BadSignature unless now is in [created - 30 s, expires + 30 s)."""
    created, expires = params.get("created"), params.get("expires")
    if type(created) is not int or type(expires) is not int:  # a Boolean is an int to isinstance
        raise BadSignature("The signature needs created and expires, both integers in seconds.")
    if not 0 < expires - created <= MAX_LIFETIME_SECONDS:
        raise BadSignature(f"The signature must expire 1 to {MAX_LIFETIME_SECONDS} s after it was created.")
    if created - SKEW_SECONDS > now.timestamp():
        raise BadSignature(
            "The signature was created in the future: set the clock of the machine that signs."
        )
    if now.timestamp() >= expires + SKEW_SECONDS:
        raise BadSignature(EXPIRED)
    return datetime.fromtimestamp(created, UTC), datetime.fromtimestamp(expires, UTC)


def _check_signature(request: HttpRequest, key: PublicKey, now: datetime) -> str:
    """Return the signature base of the valid tagged signature."""
    try:
        (result,) = _Verifier(key, now).verify(request, max_age=None, expect_tag=TAG)
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise BadSignature(
            "The signature does not hold: sign the method, target URI and header fields exactly as sent, "
            "with the key that keyid names, and no other parameters than those of RFC 9421."
        ) from error
    return "\n".join(f"{name}: {value}" for name, value in result.covered_components.items())


def _check_digest(field: str, body: bytes) -> None:
    """Accept only digests of the body, all of them; the library refuses algorithms other than these two."""
    try:
        ContentDigest.verify(field, body)
    except (HTTPMessageSignaturesException, ValueError):
        raise BadSignature(
            "Content-Digest is not the sha-256 or sha-512 of the body as sent, or lists another (RFC 9530)."
        ) from None


def target_of(evidence: Evidence) -> str:
    """Return the signed address (RFC 9421 section 2.2.2), or an empty text without one."""
    lines = evidence.signature_base.splitlines()
    found = [line.removeprefix(_TARGET_LINE) for line in lines if line.startswith(_TARGET_LINE)]
    return found[0] if len(found) == 1 else ""


def _params_of(signature_base: str) -> dict[str, Any]:
    """Return the signature parameters in the last line of a base (RFC 9421 section 2.5), or no parameters."""
    line = signature_base.rpartition("\n")[2]
    try:
        ((_, params),) = cast(
            "list[tuple[Any, dict[str, Any]]]",
            http_sf.parse(line.removeprefix(_PARAMS_LINE).encode("ascii"), tltype="list"),
        )
    except (ValueError, TypeError):
        return {}
    return params
