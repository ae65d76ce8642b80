"""Nations, members and levels: the participants, and the range of an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any, Final, NewType, TypeVar

NationCode = NewType("NationCode", str)  # ISO 3166-1 alpha-2, or HUB
MemberId = NewType("MemberId", str)  # lower case, no colon
StixId = NewType("StixId", str)

HUB: Final = NationCode("hub")  # the origin of the hub's own objects (policy 1)

JsonObject = dict[str, Any]

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Tlp(IntEnum):
    """The levels of the Traffic Light Protocol 2.0, from the laxest to the strictest (policy 2).

    `hub.rules.release.deciding.clearance_for` decides the readers of each level.
    """

    # The order decides: `max` is the strictest level (policy 2). AMBER+STRICT lies between AMBER and RED.
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
        # An unknown word is None, never a level: the caller refuses (every doubt closes).
        return _TLP_LABELS.get(label)


_TLP_LABELS: Final = {level.label: level for level in Tlp} | {"white": Tlp.CLEAR}


class Clearance(IntEnum):
    """The kinds of reading members, as an order (policy 1).

    A release names the lowest clearance that sees the version. A higher lowest clearance means fewer readers.
    """

    # Inside one nation a higher clearance sees all that a lower one sees, members' own objects aside
    # (policy 3).
    PARTNER = 1
    AGENCY = 2
    CERT = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Kind(StrEnum):
    """The kind of a member. Auditors and operators belong to no nation and never read objects (policy 1)."""

    CERT = "cert"
    AGENCY = "agency"
    PARTNER = "partner"
    AUDITOR = "auditor"
    OPERATOR = "operator"

    @property
    def clearance(self) -> Clearance | None:
        # INVARIANT: auditors and operators have no clearance, so no rule can
        # show an object to them (policy 4).
        return _CLEARANCES.get(self)


_CLEARANCES: Final = {
    Kind.CERT: Clearance.CERT,
    Kind.AGENCY: Clearance.AGENCY,
    Kind.PARTNER: Clearance.PARTNER,
}


class Scope(StrEnum):
    """The permitted use of a token."""

    READ = "read"
    SUBMIT = "submit"
    GOVERN = "govern"


class Purpose(StrEnum):
    """The permitted signatures of a key."""

    SUBMIT = "submit"
    AGREEMENT = "agreement"
    WITNESS = "witness"


@dataclass(frozen=True, slots=True)
class Nation:
    """A member state, as described in `config/nations.toml`."""

    code: NationCode
    name: str
    collection_id: str
    identity_id: StixId
    rel_to_id: StixId
    default_tlp: Tlp = Tlp.AMBER
    unmarked_stays_home: bool = False  # objects at the default do not leave (policy 2.4)


_Configured = TypeVar("_Configured")


def as_of(
    earlier: Iterable[tuple[datetime, _Configured]], instant: datetime, now: _Configured
) -> _Configured:
    """Return the value configured at an instant: one of `earlier`, each with the end, or `now`.

    `earlier` is in order, the oldest first.
    """
    # Half-open: at the instant `until` the later configuration counts.
    return next((said for until, said in earlier if instant < until), now)


@dataclass(frozen=True, slots=True)
class Registry:
    """The nations and the hub's own ids: the content of `config/nations.toml`.

    `earlier` are the contents before, each with the end; the oldest first.
    """

    nations: Mapping[NationCode, Nation]
    hub_identity_id: StixId
    released_collection_id: str
    informative_markings: frozenset[StixId]
    public_sources: frozenset[StixId] = frozenset()  # whose objects many submit (policy 1)
    earlier: tuple[tuple[datetime, Registry], ...] = field(default=(), compare=False, repr=False)

    def at(self, instant: datetime) -> Registry:
        """Return the configuration at the submission of a version at this instant (policy 2.4)."""
        return as_of(self.earlier, instant, self)

    @property
    def recipients(self) -> list[NationCode]:
        """Every nation, in the order of the ledger locks."""
        # One order for all transactions: another order could deadlock (hub/README, order of locks).
        return sorted(self.nations)

    @property
    def rel_to(self) -> Mapping[StixId, NationCode]:
        """The nation named by each REL TO definition (policy 6)."""
        return {nation.rel_to_id: nation.code for nation in self.nations.values()}


# The only nations reached, each with the lowest clearance there (policy 8).
Reach = frozenset[tuple[NationCode, Clearance]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one request, and on the requests of one member in a minute (0: none)."""

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

    `identities` are further registered identities of the member, beside `identity` (policy 1). `short_names`
    and `domains` are other names of the member; these disclose the member as the name does (policy 7).
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
        """All names of the member in a text (policy 7)."""
        return (self.id, self.name, *self.short_names, *self.domains)

    @property
    def reader(self) -> Reader:
        """The member as a reader and submitter. A RuntimeError for auditors and operators."""
        # A wrong call, no bad input: so a RuntimeError outside the error tree.
        if self.nation is None or self.kind.clearance is None:
            raise RuntimeError(f"{self.id} belongs to no nation and neither reads nor submits objects")
        return Reader(self.id, self.nation, self.kind.clearance)


@dataclass(frozen=True, slots=True)
class Caller:
    """The member of this request, named by a valid token, and the permitted use of the token.

    `token` is the public id: each writing transaction checks the member again by `token`
    (`actions.access.authenticate.admit`). `at` is the instant of validity by the database's clock: the moment
    of the request.
    """

    member: Member
    scopes: frozenset[Scope]
    token: str = field(default="", compare=False)
    at: datetime = field(default=_NEVER, compare=False)


@dataclass(frozen=True, slots=True)
class Reader:
    """The part of a caller that decides on visible versions.

    `token` is the public id of the token of this request: without a valid token no page is served.
    """

    member: MemberId
    nation: NationCode
    clearance: Clearance
    # Not compared: two tokens of one member see the same (policy 9).
    token: str = field(default="", compare=False)
