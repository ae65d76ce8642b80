"""What is asked of the hub, and what proves who asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.model.people import Caller, MemberId, NationCode, Purpose, Reader, StixId


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as received or about to be sent: what RFC 9421 signs.

    `url` is the absolute target URI, query included; header names are compared without case, and
    repeated lines are already joined by commas.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A public key of a member. `jwk` holds public members only."""

    thumbprint: str
    member: MemberId
    purpose: Purpose
    alg: str  # ed25519 | ecdsa-p256-sha256
    jwk: Mapping[str, str]
    registered_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an auditor needs to verify a signed request again, years later, without its body."""

    signature_base: str
    signature: bytes
    thumbprint: str
    nonce: str
    created: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """A POST of objects as received: nothing in it has been checked but the caller's token."""

    caller: Caller
    origin: NationCode
    request: HttpRequest


@dataclass(frozen=True, slots=True)
class VerifiedSubmission:
    """A submission whose signature was checked; `actions.submission.submit` alone makes one.

    `evidence` is None only where the configuration accepts unsigned requests (development).
    """

    caller: Caller
    origin: NationCode
    body: bytes
    evidence: Evidence | None


class VersionFilter(StrEnum):
    LAST = "last"
    FIRST = "first"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Deletion:
    """A DELETE of one object as received: of which versions, `versions` being version keys.

    Nothing of it has been checked but the caller's token.
    """

    caller: Caller
    origin: NationCode
    request: HttpRequest
    id: StixId
    spec_versions: frozenset[str] = frozenset({"2.1"})
    selections: frozenset[VersionFilter] = frozenset({VersionFilter.ALL})
    versions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Query:
    """What a reader asks of a collection: filters first, then a page of the rest.

    `origin` None is the aggregate collection. Empty filters match everything; `versions` are version keys.
    """

    reader: Reader
    origin: NationCode | None
    limit: int
    added_after: datetime | None = None
    ids: frozenset[StixId] = frozenset()
    types: frozenset[str] = frozenset()
    spec_versions: frozenset[str] = frozenset({"2.1"})
    selections: frozenset[VersionFilter] = frozenset({VersionFilter.LAST})
    versions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a reader's ledger, as a page gives it. `body` is empty in a manifest."""

    position: int
    date_added: datetime
    id: StixId
    version: str
    body: bytes = b""


class Disclosed(StrEnum):
    """What of the rows an answer held: the objects themselves, or what is said about them."""

    OBJECTS = "objects"
    MANIFEST = "manifest"
    VERSIONS = "versions"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """That a member was given rows of its nation's ledger. `positions` rise, and are never none.

    `revision` of the ledger and `generation` of the agreements are those of the snapshot that it was read
    from: whatever made a later one of either had not happened to it, whatever `at` and other clocks say. All
    of these mean something only within their `epoch`.
    """

    member: MemberId
    recipient: NationCode
    at: datetime
    kind: Disclosed
    positions: tuple[int, ...]
    revision: int
    generation: int
    epoch: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order of position, and whether more follow the last of them."""

    rows: tuple[Row, ...]
    more: bool
