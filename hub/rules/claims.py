"""Which ids many may use for one thing, and what a record claims of its creator (policy 1 and 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from hub.model import (
    NAME_TYPES,
    OBSERVABLE_TYPES,
    Kind,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    OthersVersion,
    Registry,
    StixId,
    StixObject,
    as_of,
)

NAMES: Final = NAME_TYPES
OBSERVABLES: Final = OBSERVABLE_TYPES
DEFINITIONS: Final = frozenset({"marking-definition", "extension-definition"})
_UUID_VERSION_AT: Final = -22  # from the end of an id


def uuid_version(id: StixId) -> str:
    """Return the digit that tells how the UUID of a STIX id was made (RFC 9562 section 4.2)."""
    return id[_UUID_VERSION_AT : _UUID_VERSION_AT + 1]


def is_derived(id: StixId) -> bool:
    """Tell whether the id is derived from content: a UUID of version 3 or 5 (policy 1)."""
    return uuid_version(id) in ("3", "5")


def is_decided_once(obj: StixObject | ObjectVersion) -> bool:
    """Tell whether its handling is decided once: an unmarked name or derived observable (policy 2.3)."""
    if obj.markings.tlp is not None:
        return False
    return obj.type in NAMES or (obj.type in OBSERVABLES and uuid_version(obj.id) == "5")


def is_unmarked_name(version: ObjectVersion) -> bool:
    """Tell whether it is an unmarked name, for which no marked container is withheld (policy 2.7)."""
    return version.type in NAMES and version.markings.tlp is None


class Claim(IntEnum):
    """What a record says of its creator, from weak to strong."""

    RELAYED = 1  # a third party's
    BARE = 2  # nobody's
    NAMED = 3  # a registered identity that its submitter may use


@dataclass(frozen=True, slots=True)
class Registered:
    """The registered identities: which members may use each, and of which nation each is (policy 1 and 8).

    `public_sources` are never among them; `earlier_sources` were the public ones before, each until when.
    """

    users: Mapping[StixId, frozenset[MemberId]]
    nations: Mapping[StixId, NationCode]
    public_sources: frozenset[StixId]
    earlier_sources: tuple[tuple[datetime, frozenset[StixId]], ...] = ()

    @classmethod
    def of(cls, registry: Registry, members: Iterable[Member]) -> Registered:
        """Return what is registered (policy 1): a nation's own identity to its cert, others to their members.

        A nation's cert may use every identity of its nation.
        """
        known = list(members)
        nations = {nation.identity_id: nation.code for nation in registry.nations.values()}
        users: dict[StixId, set[MemberId]] = {id: set() for id in nations}
        for member in known:
            for id in {member.identity, *member.identities} - registry.public_sources:
                if member.nation is not None:
                    users.setdefault(id, set()).add(member.id)
                    nations.setdefault(id, member.nation)
        for id, code in nations.items():
            users[id] |= {m.id for m in known if m.kind is Kind.CERT and m.nation == code}
        found = {id: frozenset(named) for id, named in users.items()}
        earlier = tuple((until, one.public_sources) for until, one in registry.earlier)
        return cls(found, nations, registry.public_sources, earlier)

    # (hub/README: two-configurations)
    def is_public(self, creator: StixId | None, other: OthersVersion) -> bool:
        """Tell whether the creator is a public source, and was when the other was submitted (policy 1).

        Else an operator's later list would let be passed on what was not public when it was given.
        """
        then = as_of(self.earlier_sources, other.submitted_at, self.public_sources)
        return creator in self.public_sources and creator in then

    def may_use(self, member: MemberId, id: StixId | None) -> bool:
        """Tell whether the member speaks as this identity (policy 8)."""
        return id is not None and member in self.users.get(id, ())

    def claim(self, obj_id: StixId, creator: StixId | None, member: MemberId) -> Claim:
        """Return what a record of `member` claims, by what is registered now (policy 8)."""
        if self.may_use(member, obj_id) or self.may_use(member, creator):
            return Claim.NAMED
        return Claim.BARE if creator is None else Claim.RELAYED

    def claim_of(self, one: OthersVersion) -> Claim:
        return self.claim(one.id, one.creator, one.member)


def is_common(
    id: StixId, object_type: str, creator: StixId | None, other: OthersVersion, registered: Registered
) -> bool:
    """Tell whether the id is common for what is submitted and the record it is compared with (policy 1)."""
    if id in registered.nations:
        return False
    if object_type in OBSERVABLES or object_type in DEFINITIONS:
        return True
    if creator is not None and creator == other.creator and registered.is_public(creator, other):
        return True
    if object_type not in NAMES:
        return False
    return registered.claim_of(other) is not Claim.NAMED or is_derived(id)


def is_marked_name(other: OthersVersion) -> bool:
    """Tell whether it is a name that itself carries a level above GREEN, or REL TO (policy 2.7 and 8)."""
    is_high = other.carried is not None and other.carried.label not in ("clear", "green")
    return other.type in NAMES and (is_high or other.carries_rel_to)


def are_both_named(item: StixObject, member: MemberId, other: OthersVersion, registered: Registered) -> bool:
    """Tell whether both name their own under an id derived from content (policy 8).

    Two may then come to the same id.
    """
    mine = registered.claim(item.id, item.creator, member)
    return is_derived(item.id) and mine is Claim.NAMED and registered.claim_of(other) is Claim.NAMED
