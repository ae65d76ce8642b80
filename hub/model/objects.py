"""Objects, their versions and what became of them; decisions and the grounds they stand on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple

from hub.model.forms import SUBMITTED, Form, Redaction, SourceHiding
from hub.model.people import Clearance, MemberId, NationCode, Reach, StixId, Tlp

# What many write about under one id (policy 1, "name").
NAME_TYPES: Final = frozenset(
    {
        "attack-pattern",
        "course-of-action",
        "identity",
        "intrusion-set",
        "location",
        "malware",
        "threat-actor",
        "tool",
        "vulnerability",
    }
)
# The observables of STIX 2.1 chapter 6. A producer's own types are none: nobody knows what their ids mean.
OBSERVABLE_TYPES: Final = frozenset(
    {
        "artifact",
        "autonomous-system",
        "directory",
        "domain-name",
        "email-addr",
        "email-message",
        "file",
        "ipv4-addr",
        "ipv6-addr",
        "mac-addr",
        "mutex",
        "network-traffic",
        "process",
        "software",
        "url",
        "user-account",
        "windows-registry-key",
        "x509-certificate",
    }
)


RecordKey = tuple[MemberId, StixId]


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


class Obstacle(Enum):
    """By what an object stays at home, in the order in which it is told (policy 5)."""

    MARKING = "marking"
    REFERENCE = "reference"
    CEILING = "ceiling"  # agreements do not go as far; where there is none, they go nowhere
    TYPE = "type"


class Reason(NamedTuple):
    """What would have to change (policy 4), and the word that is told to who sees no agreements (policy 5).

    The word is None where no agreement is in force.
    """

    sentence: str
    obstacle: Obstacle | None


@dataclass(frozen=True, slots=True)
class Withhold:
    """The decision that it is not, with every reason, the most grave first (policy 4).

    `is_seen_otherwise`: nothing but its form stands against it, for it is released in another.
    """

    reasons: tuple[Reason, ...]
    is_seen_otherwise: bool = False

    @property
    def grounds(self) -> Class:
        """What it stands by: nothing."""
        return frozenset()


Decision = Release | Withhold


@dataclass(frozen=True, slots=True)
class Markings:
    """What an object says of its own handling, as read from it; what the hub makes of it is in `rules`.

    `tlp` is the strictest level of its `object_marking_refs`; `raised` of its labels and granular
    markings, which raise and never lower. `others` are marking references that are not TLP, `parts` those of
    them that stand on a part of the object; these are not kept once the object is stored.
    `fault` says why a granular marking cannot be followed, and closes the object.
    """

    tlp: Tlp | None = None
    raised: Tlp | None = None
    others: frozenset[StixId] = frozenset()
    parts: frozenset[StixId] = frozenset()
    fault: str | None = None
    remark: str | None = None  # for the submitter: two levels that disagree


class EffectiveMarking(NamedTuple):
    """How something is handled: its level, to whom alone it goes (None: no such), whether it is closed."""

    tlp: Tlp
    rel_to: frozenset[NationCode] | None = None
    is_closed: bool = False


class Taken(NamedTuple):
    """What a version takes over from others' objects that it refers to, decided once (policy 2.7 and 8).

    `effective` is that of colleagues' objects, None: of none; `limits` are where allies' objects let it go.
    """

    effective: EffectiveMarking | None = None
    limits: Reach | None = None


_NOTHING_TAKEN: Final = Taken()


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
    created: str | None = None  # as a version key
    same: bytes | None = None  # of a name: the digest without created, modified and created_by_ref
    definition: DefinitionKind | None = None
    definition_extensions: frozenset[StixId] = frozenset()
    redactions: tuple[Redaction, ...] = ()  # by rising ceiling
    source_hiding: SourceHiding = SourceHiding.RENAMED
    named_at: tuple[str, ...] = ()  # where a text in it tells of the submitting member
    has_id_keys: bool = False  # ids are keys of its dictionaries, where they cannot be put in others' place


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides over a version, references aside (policy 3, 4 and 6 to 8).

    `closed` is the reason for which it may not leave its nation. `rel_to` are the nations that its REL TO
    markings name, None: it carries none. `limits` are where, from which clearance up, allies' objects that it
    refers to let it go, None: everywhere. `about` is the nation to whose objects it refers by ids that the
    hub made for them, None: to no such. `base` and `base_rel_to` are without granular markings, `redactions`
    what redactions of it take away.
    """

    member: MemberId
    type: str
    tlp: Tlp
    submitted_at: datetime
    closed: str | None = None
    rel_to: frozenset[NationCode] | None = None
    limits: Reach | None = None
    source_hiding: SourceHiding = SourceHiding.RENAMED
    about: NationCode | None = None
    base: Tlp = Tlp.RED
    redactions: tuple[Redaction, ...] = ()
    base_rel_to: frozenset[NationCode] | None = None


class Shown(NamedTuple):
    """How a row shows its version, and whether REL TO or limits bind it (policy 1, "shown")."""

    tlp: Tlp
    is_bound: bool
    rel_to: frozenset[NationCode] | None = None
    is_closed: bool = False  # or kept at home


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of a record, with what the hub makes of its markings.

    `key` numbers stored versions from 1; a version that is about to be stored has a negative one.
    `is_contained`: it has no TLP of its own, and its level came from a container or predecessor; of a name,
    that its level is decided (policy 2.3), then `closed_by` are the containers, by id and version key, whose
    closure it has. `is_home`: unmarked, in a nation that keeps such objects (policy 2.4).
    `rel_to` are the nations to which alone it is releasable (policy 6); None: no such.
    `base` and `base_rel_to` are without granular markings and labels: what a redaction may have. `given` is
    what a container hands down, without what is `taken` from others.
    `is_newest`: it is the one by which the record is judged, the last that is not deleted, else the last.
    `content_id` and `size` (bytes of the body) are 0 until it is stored. A deleted version is served to
    nobody and goes on restricting as it stood (policy 8). `about` is the nation to whose objects it refers by
    ids that the hub made; empty: several nations. `listed` are, of an accepted definition that is no
    statement, the ids by which a configuration accepts it.
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
    rel_to: frozenset[NationCode] | None = None
    content_id: int = 0
    size: int = 0
    deleted_at: datetime | None = None
    base: Tlp = Tlp.RED
    redactions: tuple[Redaction, ...] = ()
    source_hiding: SourceHiding = SourceHiding.RENAMED
    about: NationCode | None = None
    created: str | None = None
    same: bytes | None = None
    revoked: bool = False
    is_home: bool = False
    is_copy: bool = False  # equal to another member's object, and submitted as that (policy 8)
    base_rel_to: frozenset[NationCode] | None = None
    given: EffectiveMarking | None = None
    taken: Taken = _NOTHING_TAKEN
    closed_by: frozenset[tuple[StixId, str]] = frozenset()
    listed: frozenset[StixId] = frozenset()

    def altered(self, **changes: Any) -> ObjectVersion:
        """Return the version with these values; itself if it has them, for a copy costs far more to make."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return self
        return replace(self, **changes)

    @property
    def record(self) -> RecordKey:
        """Whose version it is of what: a record is one member's."""
        return self.member, self.id

    @property
    def rank(self) -> tuple[bool, str]:
        """What orders the versions of a record by how well they stand for it: the greatest is the newest."""
        return self.deleted_at is None, self.version_key

    def shown(self, form: Form = SUBMITTED) -> Shown:
        """Return how a row in this form shows it: a redaction at the level of what is left."""
        is_limited, is_closed = self.taken.limits is not None, self.is_closed or self.is_home
        redaction = next(
            (redaction for redaction in self.redactions if redaction.ceiling is form.ceiling), None
        )
        if redaction is None:
            return Shown(self.tlp, is_limited or self.rel_to is not None, self.rel_to, is_closed)
        level, rel_to = max(self.base, redaction.level or Tlp.CLEAR), self.base_rel_to
        return Shown(level, is_limited or rel_to is not None, rel_to, is_closed)


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A release row as a new judgement is compared with it.

    It is not withdrawn, or only because its version was deleted: then it is not served.
    """

    recipient: NationCode
    position: int
    version: int  # ObjectVersion.key
    justification: Justification
    is_newest: bool
    is_served: bool = True
    form: Form = SUBMITTED
    shown: Shown | None = None  # None: it was written before levels were kept


@dataclass(slots=True)
class RowChanges:
    """What happens to one recipient's ledger. Versions are named by key, rows by position.

    `delete`d are the rows of deleted versions, which go on telling for whom these stood, and `forget` those
    that tell it no longer. `replaced` are those of the withdrawn in whose place a later version's is shown;
    `instead` has the position of the row that an appended one replaces, by version and form.
    """

    append: list[tuple[int, Form, Justification]] = field(default_factory=list)
    withdraw: list[int] = field(default_factory=list)
    delete: list[int] = field(default_factory=list)
    forget: list[int] = field(default_factory=list)
    justify: dict[Justification, list[int]] = field(default_factory=dict)
    supersede: list[int] = field(default_factory=list)
    show: dict[Shown, list[int]] = field(default_factory=dict)
    replaced: set[int] = field(default_factory=set)
    instead: dict[tuple[int, Form], int] = field(default_factory=dict)

    @property
    def hides(self) -> bool:
        """Tell whether rows are withdrawn, deleted, or stand by something else: then some may see less."""
        return bool(self.withdraw or self.delete or self.forget or self.justify)

    @property
    def revises(self) -> bool:
        """Tell whether rows are altered where they are, so that what was read of the ledger is over."""
        return self.hides or bool(self.show)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of a submission that cannot be accepted as STIX 2.1, and the sentence that says why."""

    id: str
    version: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item of a submission, or of `count` alike. `message` is None for a plain success."""

    id: str
    version: str
    succeeded: bool
    message: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """The status resource of a submission (TAXII 2.1 section 4.3.1)."""

    id: str
    requested_at: datetime
    outcomes: tuple[Outcome, ...]

    @property
    def total(self) -> int:
        """How many items the submission has."""
        return sum(outcome.count for outcome in self.outcomes)
