"""Objects, versions and outcomes; decisions and the grounds of decisions (policy 1 to 8)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum, StrEnum
from operator import attrgetter
from typing import Any, Final, NamedTuple

from hub.model.forms import SUBMITTED, Form, Redaction, SourceHiding, redaction_for
from hub.model.people import Clearance, MemberId, NationCode, Reach, StixId, Tlp

# Types with one id used by many members (policy 1, "name").
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
# The observables of STIX 2.1 chapter 6. Custom types are left out: the meaning of such ids is unknown.
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


# Policy 1: a record is one id as one member submitted it, so the member is part of the key.
RecordKey = tuple[MemberId, StixId]


class Ground(NamedTuple):
    """One reason for the visibility of a row: for members of at least `clearance`, or for one `member`.

    `period` is None inside the origin nation, where no agreement is needed (policy 3).
    """

    period: int | None
    clearance: Clearance
    member: MemberId | None = None


Class = frozenset[Ground]  # an OR over grounds; empty: never
Justification = frozenset[Class]  # an AND over classes: the object's, and the classes of all references


@dataclass(frozen=True, slots=True)
class Release:
    """The decision: visible to a nation, from `clearance` up, by these grounds (policy 1)."""

    clearance: Clearance
    grounds: Class


class Obstacle(Enum):
    """The four words for an object kept at home, in the order shown (policy 5)."""

    MARKING = "marking"
    REFERENCE = "reference"
    CEILING = "ceiling"  # no agreement goes so far, or no agreement exists
    TYPE = "type"


class Reason(NamedTuple):
    """The sentence on a missing condition (policy 4), with the word for readers without agreements.

    The word (policy 5) is None where no agreement is in force.
    """

    sentence: str
    obstacle: Obstacle | None


@dataclass(frozen=True, slots=True)
class Withhold:
    """The opposite decision, with every reason, the most grave first (policy 4).

    `is_seen_otherwise`: only the form is withheld, because another form is released.
    """

    reasons: tuple[Reason, ...]
    is_seen_otherwise: bool = False

    @property
    def grounds(self) -> Class:
        """No ground: the empty class never holds."""
        return frozenset()


# A decision is one of two values, each with the cause: no third value and no bare True or False.
Decision = Release | Withhold


@dataclass(frozen=True, slots=True)
class Markings:
    """The markings of an object, as written in the object; `rules.marking` decides the effective marking.

    `tlp` is the strictest level of `object_marking_refs`; `raised` of labels and granular markings, which
    raise and never lower. `others` are marking references without TLP, `parts` those on a part of the object;
    `parts` are not kept after storing. `fault` says why a granular marking cannot be followed, and closes the
    object.
    """

    tlp: Tlp | None = None
    raised: Tlp | None = None
    others: frozenset[StixId] = frozenset()
    parts: frozenset[StixId] = frozenset()
    fault: str | None = None
    remark: str | None = None  # for the submitter: two levels that disagree


class EffectiveMarking(NamedTuple):
    """An effective marking: the level, the REL TO nations (None: no REL TO), and closure (policy 2, 6)."""

    tlp: Tlp
    rel_to: frozenset[NationCode] | None = None
    is_closed: bool = False


class Taken(NamedTuple):
    """The marking and limits taken over from other members' objects, decided once (policy 2.7 and 8).

    `effective` comes from colleagues' objects, None: from none; `limits` from allies' objects.
    """

    effective: EffectiveMarking | None = None
    limits: Reach | None = None


_NOTHING_TAKEN: Final = Taken()


class DefinitionKind(StrEnum):
    """The kinds of submitted marking-definitions (policy 2.2 and 2.6)."""

    TLP_COPY = "tlp-copy"  # a standard definition: accepted, not stored
    STATEMENT = "statement"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class StixObject:
    """One readable object of a submission, with the facts needed by the rules.

    `version` is `modified`, else `created`, exactly as submitted; None for an object with neither: the
    version is then the time of acceptance. `version_key` orders versions: the version without `Z` and
    trailing zeros, so that text order is time order. `body` is the object as compact JSON text, the submitted
    value unchanged; `digest` is SHA-256 over the RFC 8785 form.
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
    named_at: tuple[str, ...] = ()  # places of texts that name the submitting member
    has_id_keys: bool = False  # dictionary keys are ids: made ids there cannot be replaced


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts deciding on a version, without references (policy 3, 4 and 6 to 8).

    `closed` is the reason for staying in the nation. `rel_to` are the REL TO nations, None: no REL TO.
    `limits` are the nations and clearances allowed by referenced allies' objects, None: everywhere. `about`
    is the nation of the referenced originals behind made ids, None: no made id. `base` and `base_rel_to` are
    without granular markings, `redactions` are the removals of the redactions.
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
    """The way a row shows the version, and whether REL TO or limits bind it (policy 1, "shown")."""

    tlp: Tlp
    is_bound: bool
    rel_to: frozenset[NationCode] | None = None
    is_closed: bool = False  # or kept at home


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of a record, with the effective marking.

    `key` numbers stored versions from 1; a version not stored yet has a negative key. `is_contained`: no TLP
    of its own, the level came from a container or predecessor; for a name: the level is decided (policy 2.3),
    and `closed_by` are the containers, by id and version key, that gave the closure. `is_home`: unmarked, in
    a nation keeping such objects at home (policy 2.4). `rel_to` are the only nations to release to (policy
    6); None: no REL TO. `base` and `base_rel_to` are without granular markings and labels: the start of a
    redaction. `given` is the marking handed down by a container, without the marking `taken` over.
    `is_newest`: references to the record are judged by this version, the last not deleted, else the last.
    `content_id` and `size` (bytes of the body) are 0 before storing. A deleted version is served to no reader
    and restricts as before (policy 8). `about` is the nation of the originals behind made ids; empty: several
    nations. `listed`, of an accepted definition other than a statement, are the ids by which a configuration
    accepts the definition.
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
    # Every doubt closes: without a decided base a redaction would be RED.
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
        """Return the version with these values; without a change the same object, to save the copy."""
        for name, value in changes.items():
            if getattr(self, name) != value:
                # `dataclasses.replace` takes twice the time, and each new version is copied several times.
                return ObjectVersion(**dict(zip(_FIELDS, _values_of(self), strict=True), **changes))
        return self

    @property
    def record(self) -> RecordKey:
        """The key of the record: a record belongs to one member (policy 1)."""
        return self.member, self.id

    @property
    def rank(self) -> tuple[bool, str]:
        """The order of versions in a record: the greatest is the newest (policy 4)."""
        # INVARIANT: a deleted version is never the newest while another version is left (policy 8).
        return self.deleted_at is None, self.version_key

    def shown(self, form: Form = SUBMITTED) -> Shown:
        """Return the way a row in this form shows the version: a redaction at the level of the rest."""
        # Kept in the row: passing on asks later for the level shown then (policy 1, 8).
        is_limited, is_closed = self.taken.limits is not None, self.is_closed or self.is_home
        redaction = redaction_for(form, self.redactions)
        if redaction is None:
            return Shown(self.tlp, is_limited or self.rel_to is not None, self.rel_to, is_closed)
        level, rel_to = max(self.base, redaction.level or Tlp.CLEAR), self.base_rel_to
        return Shown(level, is_limited or rel_to is not None, rel_to, is_closed)


_FIELDS: Final = tuple(each.name for each in fields(ObjectVersion))
_values_of: Final = attrgetter(*_FIELDS)


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A release row for comparison with a new judgement.

    Not withdrawn, or withdrawn only because the version was deleted: then not served.
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
    """The changes of one recipient's ledger, with keys for versions and positions for rows.

    `delete` are rows of deleted versions, kept as justifications; `forget` are rows no longer needed for
    that. `replaced` are the withdrawn rows with a later version's row in place; `instead` is the position of
    the row replaced by an appended one, by version and form.
    """

    # INVARIANT: rows are marked and appended, never moved or removed: positions keep the meaning (I4).
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
        """Tell whether rows are withdrawn, deleted or justified anew: then some reader may see less."""
        return bool(self.withdraw or self.delete or self.forget or self.justify)

    @property
    def revises(self) -> bool:
        """Tell whether rows change in place, so that earlier reads of the ledger are outdated."""
        return self.hides or bool(self.show)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item outside valid STIX 2.1, with the sentence for the submitter."""

    id: str
    version: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one item, or of `count` equal items. `message` is None for a plain success."""

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
        """The number of items in the submission."""
        return sum(outcome.count for outcome in self.outcomes)
