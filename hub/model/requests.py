"""Requests to the hub, and the proof of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from hub.model.people import Caller, MemberId, NationCode, Purpose, Reader, StixId


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as received or to be sent: the input of RFC 9421 signatures.

    `url` is the absolute target URI, query included; header names are compared without case, and repeated
    lines are joined by commas already.
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
    # A private member here would reach logs and answers.
    jwk: Mapping[str, str]
    registered_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The data for an auditor to verify a signed request again, years later, without the body."""

    # The base itself, not the request: the body is erased with the last of the objects (policy 8).
    signature_base: str
    signature: bytes
    thumbprint: str
    nonce: str
    created: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """A POST of objects as received: only the caller's token has been checked."""

    caller: Caller
    origin: NationCode
    request: HttpRequest


@dataclass(frozen=True, slots=True)
class VerifiedSubmission:
    """A submission with a checked signature; `actions.submission.submit` alone makes such a value.

    `evidence` is None only where the configuration accepts unsigned requests (development).
    """

    caller: Caller
    origin: NationCode
    # Bytes, not objects: parsing begins only after the signature is checked.
    body: bytes

    evidence: Evidence | None


# `last` is the record's newest version, `first` the first that the reader may see (policy 4).
class VersionFilter(StrEnum):
    """The values of `match[version]` beside timestamps (TAXII 2.1 section 3.4)."""

    LAST = "last"
    FIRST = "first"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Deletion:
    """A DELETE of one object as received, with the selected versions; `versions` are version keys.

    Only the caller's token has been checked.
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
    """A reader's request for a collection: filters first, then a page of the rest.

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


class Disclosed(StrEnum):
    """The content of an answer: the objects, or data about the objects."""

    OBJECTS = "objects"
    MANIFEST = "manifest"
    VERSIONS = "versions"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """The record of a page served to a member. `positions` rise, and are never empty.

    `revision` of the ledger and `generation` of the agreements belong to the snapshot read: a change with a
    later number came after the page, whatever `at` and other clocks say. All numbers are valid only within
    `epoch`.
    """

    member: MemberId
    recipient: NationCode
    at: datetime
    kind: Disclosed
    # INVARIANT: exact positions, so that "who received this version" is exact (policy 8, recall).
    positions: tuple[int, ...]
    revision: int
    generation: int
    epoch: str = field(default="", compare=False)


class RowNames(NamedTuple):
    """The STIX id and the version of a row, as TAXII names the row."""

    id: StixId
    version: str


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page by columns, in order of position, and whether more rows follow.

    `dates` are in microseconds since 1970. A page of objects has bodies and the numbers of their contents in
    this `epoch`, any other page names.
    """

    # Columns, not rows: a page has a thousand rows, and most answers need two of the dates.
    positions: Sequence[int]
    dates: Sequence[int]
    more: bool
    epoch: str
    names: Sequence[RowNames] = ()
    contents: Sequence[int] = ()
    bodies: Sequence[bytes] = ()
