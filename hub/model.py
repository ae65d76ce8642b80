"""The words of the hub, as values: read this page and the rest of the code reads itself.

Everything here is frozen and free of I/O. Times are aware UTC datetimes, intervals are half-open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any, Final, NamedTuple, NewType

NationCode = NewType("NationCode", str)  # ISO 3166-1 alpha-2, or HUB
MemberId = NewType("MemberId", str)  # lower case, no colon
StixId = NewType("StixId", str)

HUB: Final = NationCode("hub")  # the origin of what the hub itself publishes

JsonObject = dict[str, Any]


class Tlp(IntEnum):
    """The levels of the Traffic Light Protocol 2.0, from the laxest to the strictest."""

    CLEAR = 0
    GREEN = 1
    AMBER = 2
    AMBER_STRICT = 3
    RED = 4

    @property
    def label(self) -> str:
        """The level as agreements and configuration spell it: `amber+strict`."""
        return "amber+strict" if self is Tlp.AMBER_STRICT else self.name.lower()

    @classmethod
    def of(cls, label: str) -> Tlp | None:
        """Return the level that `label` spells in lower case (`white` is clear), or None."""
        return _TLP_LABELS.get(label)


_TLP_LABELS: Final = {level.label: level for level in Tlp} | {"white": Tlp.CLEAR}


class Clearance(IntEnum):
    """The kinds of member that read, as an order: a release names the lowest one that sees it."""

    PARTNER = 1
    AGENCY = 2
    CERT = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Kind(StrEnum):
    """What a member is. Auditors and operators belong to no nation and never read objects."""

    CERT = "cert"
    AGENCY = "agency"
    PARTNER = "partner"
    AUDITOR = "auditor"
    OPERATOR = "operator"

    @property
    def clearance(self) -> Clearance | None:
        return _CLEARANCES.get(self)


_CLEARANCES: Final = {
    Kind.CERT: Clearance.CERT,
    Kind.AGENCY: Clearance.AGENCY,
    Kind.PARTNER: Clearance.PARTNER,
}


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "read"
    SUBMIT = "submit"
    GOVERN = "govern"


class Purpose(StrEnum):
    """What a key may sign."""

    SUBMIT = "submit"
    AGREEMENT = "agreement"
    WITNESS = "witness"


@dataclass(frozen=True, slots=True)
class Nation:
    """A member state, as `config/nations.toml` describes it."""

    code: NationCode
    name: str
    collection_id: str
    identity_id: StixId
    rel_to_id: StixId
    default_tlp: Tlp = Tlp.AMBER


@dataclass(frozen=True, slots=True)
class Registry:
    """The nations and the ids that the hub itself owns: what `config/nations.toml` says."""

    nations: Mapping[NationCode, Nation]
    hub_identity_id: StixId
    released_collection_id: str
    informative_markings: frozenset[StixId]

    def by_collection(self, collection_id: str) -> Nation | None:
        """Return the nation whose collection has this id, or None."""
        return next((n for n in self.nations.values() if n.collection_id == collection_id), None)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one request may carry or fetch, in objects or bytes."""

    page_objects: int = 1_000
    page_bytes: int = 33_554_432
    max_body_bytes: int = 10_485_760
    max_object_bytes: int = 2_097_152
    max_objects: int = 50_000


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation with an account. `nation` is None for auditors and operators alone."""

    id: MemberId
    nation: NationCode | None
    kind: Kind
    name: str
    identity: StixId
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: the member that a valid token names, and what the token may be used for."""

    member: Member
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Reader:
    """The part of a caller that decides what it may see."""

    member: MemberId
    nation: NationCode
    clearance: Clearance


# --- agreements -------------------------------------------------------------------------------


class Granular(StrEnum):
    WITHHOLD = "withhold"
    REDACT = "redact"


class Anonymise(StrEnum):
    NONE = "none"
    AGENCY = "agency"


@dataclass(frozen=True, slots=True)
class Clause:
    """One direction of sharing: objects of `origin` up to `max_tlp` reach `recipients`."""

    origin: NationCode
    recipients: frozenset[NationCode]
    max_tlp: Tlp
    audience: Clearance = Clearance.AGENCY
    types: frozenset[str] | None = None  # None: every type
    history: bool = False
    granular: Granular = Granular.WITHHOLD
    anonymise: Anonymise = Anonymise.NONE


@dataclass(frozen=True, slots=True)
class Agreement:
    """What its parties sign. `document` is the JSON value that every signature covers whole."""

    id: str
    title: str
    parties: frozenset[NationCode]
    valid_from: datetime
    valid_until: datetime
    clauses: tuple[Clause, ...]
    document: JsonObject = field(compare=False)


class AgreementState(StrEnum):
    PROPOSED = "proposed"
    IN_FORCE = "in force"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Period:
    """An unbroken stretch of time [start, until) in which a clause is in force.

    `ended_at` is set when it was ended before its time; then it is over whatever the clock says.
    """

    id: int
    agreement_id: str
    clause_index: int
    clause: Clause
    start: datetime
    until: datetime
    ended_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        return self.ended_at is None and self.start <= now < self.until


# --- decisions --------------------------------------------------------------------------------


class Ground(NamedTuple):
    """One way in which a row may stand: for members of at least `clearance`, or for one `member`.

    `period` is None inside the origin nation, where nothing needs to be in force.
    """

    period: int | None
    clearance: Clearance
    member: MemberId | None = None


Class = frozenset[Ground]  # an OR over grounds; empty: never
Justification = frozenset[Class]  # an AND over classes: the object's and those of all it refers to


@dataclass(frozen=True, slots=True)
class Release:
    """The decision that a version is visible to a nation, from `clearance` up, and by which grounds."""

    clearance: Clearance
    grounds: Class


@dataclass(frozen=True, slots=True)
class Withhold:
    """The decision that it is not, with the reason that would have to change."""

    reason: str


Decision = Release | Withhold


# --- objects ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Markings:
    """What an object says of its own handling, as read from it; what the hub makes of it is in `rules`.

    `tlp` is the strictest level of its `object_marking_refs`; `raised` of its labels and granular
    markings, which raise and never lower. `others` are marking references that are not TLP.
    `fault` says why a granular marking cannot be followed, and closes the object.
    """

    tlp: Tlp | None = None
    raised: Tlp | None = None
    others: frozenset[StixId] = frozenset()
    fault: str | None = None
    remark: str | None = None  # for the submitter: two levels that disagree


class DefinitionKind(StrEnum):
    """What a submitted marking-definition is (policy 2.2 and 2.6)."""

    TLP_COPY = "tlp-copy"  # a standard definition: accepted, not stored
    STATEMENT = "statement"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class StixObject:
    """One object of a submission that could be read, with what the rules need to know of it.

    `version` is `modified`, else `created`, exactly as submitted; None for an object with neither,
    whose version is the time its content was accepted. `version_key` orders versions: it is the
    version without `Z` and trailing zeros, so that text order is time order. `body` is the object as
    compact JSON text, the submitted value unchanged; `digest` is SHA-256 over its RFC 8785 form.
    """

    id: StixId
    type: str
    version: str | None
    version_key: str | None
    has_spec_version: bool
    revoked: bool
    body: bytes
    digest: bytes
    markings: Markings
    refers: frozenset[StixId] = frozenset()  # policy 2.7
    contains: frozenset[StixId] = frozenset()  # a report's or grouping's object_refs
    creator: StixId | None = None
    definition: DefinitionKind | None = None
    definition_extensions: frozenset[StixId] = frozenset()


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of a record, with what the hub makes of its markings.

    `key` numbers stored versions from 1; a version that is about to be stored has a negative one.
    `is_contained`: it has no TLP of its own, and its level came from a container or predecessor.
    `content_id` and `size` (bytes of the body) are 0 until it is stored.
    """

    key: int
    member: MemberId
    id: StixId
    type: str
    version: str
    version_key: str
    submitted_at: datetime
    has_spec_version: bool
    is_newest: bool
    digest: bytes
    markings: Markings
    refers: frozenset[StixId]
    contains: frozenset[StixId]
    creator: StixId | None
    is_accepted_definition: bool
    tlp: Tlp
    is_closed: bool
    is_contained: bool
    content_id: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A release row that is not withdrawn, as a new judgement is compared with it."""

    recipient: NationCode
    position: int
    version: int  # ObjectVersion.key
    justification: Justification
    is_newest: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of a submission that cannot be accepted as STIX 2.1, and the sentence that says why."""

    id: str
    version: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item of a submission. `message` is None for a plain success."""

    id: str
    version: str
    succeeded: bool
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The status resource of a submission (TAXII 2.1 section 4.3.1)."""

    id: str
    requested_at: datetime
    outcomes: tuple[Outcome, ...]


# --- requests ---------------------------------------------------------------------------------


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
    """A submission whose signature was checked; `actions.submit` alone makes one.

    `evidence` is None only where the configuration accepts unsigned requests (development).
    """

    caller: Caller
    origin: NationCode
    body: bytes
    evidence: Evidence | None


# --- reading ----------------------------------------------------------------------------------


class VersionFilter(StrEnum):
    LAST = "last"
    FIRST = "first"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Query:
    """What a reader asks of a collection: filters first, then a page of the rest.

    `origin` None is the aggregate collection. `after_position` comes from a cursor and wins over
    `added_after`. Empty filters match everything; `versions` are version keys.
    """

    reader: Reader
    origin: NationCode | None
    limit: int
    added_after: datetime | None = None
    after_position: int | None = None
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


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order of position, and whether more follow the last of them."""

    rows: tuple[Row, ...]
    more: bool


# --- instants ---------------------------------------------------------------------------------

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(instant: datetime) -> int:
    """Return whole microseconds since 1970, exactly (no float on the way)."""
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """Return the aware UTC instant that `to_microseconds` gave this number for."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def format_instant(instant: datetime) -> str:
    """Return the RFC 3339 text with six fractional digits and `Z` (TAXII 2.1 section 1.6.4)."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
