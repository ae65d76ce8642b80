"""Nations, members and levels: who takes part, and how far something may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any, Final, NewType, TypeVar

NationCode = NewType("NationCode", str)  # ISO 3166-1 alpha-2, or HUB
MemberId = NewType("MemberId", str)  # lower case, no colon
StixId = NewType("StixId", str)

HUB: Final = NationCode("hub")  # the origin of what the hub itself publishes

JsonObject = dict[str, Any]

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


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
    unmarked_stays_home: bool = False  # what would get the default does not leave (policy 2.4)


_Said = TypeVar("_Said")


def as_of(earlier: Iterable[tuple[datetime, _Said]], instant: datetime, now: _Said) -> _Said:
    """Return what was configured at an instant: of `earlier`, each until when, oldest first, or `now`."""
    return next((said for until, said in earlier if instant < until), now)


@dataclass(frozen=True, slots=True)
class Registry:
    """The nations and the ids that the hub itself owns: what `config/nations.toml` says.

    `earlier` is what it said before, each until when; the oldest first.
    """

    nations: Mapping[NationCode, Nation]
    hub_identity_id: StixId
    released_collection_id: str
    informative_markings: frozenset[StixId]
    public_sources: frozenset[StixId] = frozenset()  # whose objects many submit (policy 1)
    earlier: tuple[tuple[datetime, Registry], ...] = field(default=(), compare=False, repr=False)

    def at(self, instant: datetime) -> Registry:
        """Return what was configured when something was submitted at this instant."""
        return as_of(self.earlier, instant, self)

    @property
    def recipients(self) -> list[NationCode]:
        """Every nation, in the order in which their ledgers are locked."""
        return sorted(self.nations)

    @property
    def rel_to(self) -> Mapping[StixId, NationCode]:
        """The nation that each REL TO definition names (policy 6)."""
        return {nation.rel_to_id: nation.code for nation in self.nations.values()}


# To which nations alone something goes, and there from which clearance up (policy 8).
Reach = frozenset[tuple[NationCode, Clearance]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one request may carry or fetch, and on what one member may in a minute (0: none)."""

    page_objects: int = 1_000
    page_bytes: int = 8_388_608
    max_body_bytes: int = 10_485_760
    max_object_bytes: int = 2_097_152
    max_objects: int = 10_000
    requests_per_minute: int = 0
    objects_per_minute: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation with an account. `nation` is None for auditors and operators alone.

    `identities` are the further registered identities that it speaks as, beside `identity` (policy 1).
    `short_names` and `domains` are what people call it, too; they tell of it as its name does (policy 7).
    """

    id: MemberId
    nation: NationCode | None
    kind: Kind
    name: str
    identity: StixId
    is_suspended: bool = False
    identities: frozenset[StixId] = frozenset()
    short_names: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All that names it in a text."""
        return (self.id, self.name, *self.short_names, *self.domains)

    @property
    def reader(self) -> Reader:
        """The member as one that reads and submits. Auditors and operators are none: a RuntimeError."""
        if self.nation is None or self.kind.clearance is None:
            raise RuntimeError(f"{self.id} belongs to no nation and neither reads nor submits objects")
        return Reader(self.id, self.nation, self.kind.clearance)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: the member that a valid token names, and what the token may be used for.

    `token` is its public id: whoever writes is looked at again by it (`actions.access.authenticate.admit`).
    `at` is when it was found valid, by the database's clock: the moment of the request.
    """

    member: Member
    scopes: frozenset[Scope]
    token: str = field(default="", compare=False)
    at: datetime = field(default=_NEVER, compare=False)


@dataclass(frozen=True, slots=True)
class Reader:
    """The part of a caller that decides what it may see.

    `token` is the public id of the token that it asks with: without one that is good nobody is given a page.
    """

    member: MemberId
    nation: NationCode
    clearance: Clearance
    token: str = field(default="", compare=False)
