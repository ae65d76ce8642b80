"""Decides which ids are common, and the claim of a record on its creator (policy 1 and 8)."""

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

# Policy 1 lists these types; `hub.model` has the lists because `stix` reads by the same.
NAMES: Final = NAME_TYPES
OBSERVABLES: Final = OBSERVABLE_TYPES
DEFINITIONS: Final = frozenset({"marking-definition", "extension-definition"})
_UUID_VERSION_AT: Final = -22  # from the end of an id


def uuid_version(id: StixId) -> str:
    """Return the digit for the version of the UUID in a STIX id (RFC 9562 section 4.2)."""
    return id[_UUID_VERSION_AT : _UUID_VERSION_AT + 1]


def is_derived(id: StixId) -> bool:
    """Tell whether the id is derived from content: a UUID of version 3 or 5 (policy 1)."""
    return uuid_version(id) in ("3", "5")


def is_decided_once(obj: StixObject | ObjectVersion) -> bool:
    """Tell whether the marking is decided once: of an unmarked name or derived observable (policy 2.3)."""
    if obj.markings.tlp is not None:
        return False
    # Version 5 alone: of observables, policy 2.3 names ids that follow from the value.
    return obj.type in NAMES or (obj.type in OBSERVABLES and uuid_version(obj.id) == "5")


def is_unmarked_name(version: ObjectVersion) -> bool:
    """Tell whether the version is an unmarked name: these hold back no marked container (policy 2.7)."""
    return version.type in NAMES and version.markings.tlp is None


class Claim(IntEnum):
    """The claim of a record on its creator, from weak to strong (policy 8)."""

    # The order is compared with `<` and `max`: a stronger claim wins (policy 2.7, 8).
    RELAYED = 1  # a third party's
    BARE = 2  # nobody's
    NAMED = 3  # a registered identity that its submitter may use


@dataclass(frozen=True, slots=True)
class Registered:
    """The registered identities: the members that may use each, and the nation of each (policy 1 and 8).

    `public_sources` are never registered; `earlier_sources` were public before, each with the end.
    """

    users: Mapping[StixId, frozenset[MemberId]]
    nations: Mapping[StixId, NationCode]
    public_sources: frozenset[StixId]
    earlier_sources: tuple[tuple[datetime, frozenset[StixId]], ...] = ()

    @classmethod
    def of(cls, registry: Registry, members: Iterable[Member]) -> Registered:
        """Return the registered identities: a nation's own for the cert, others for the members (policy 1).

        A nation's cert may use every identity of the nation.
        """
        known = list(members)
        nations = {nation.identity_id: nation.code for nation in registry.nations.values()}
        users: dict[StixId, set[MemberId]] = {id: set() for id in nations}
        for member in known:
            # Policy 1: a public source is never registered, else no member
            # could submit that source's objects.
            for id in {member.identity, *member.identities} - registry.public_sources:
                if member.nation is not None:
                    users.setdefault(id, set()).add(member.id)
                    nations.setdefault(id, member.nation)
        certs: dict[NationCode | None, set[MemberId]] = {}
        for member in known:
            if member.kind is Kind.CERT:
                certs.setdefault(member.nation, set()).add(member.id)
        for id, code in nations.items():
            # Policy 8: "those it is registered to and their nation's cert".
            users[id] |= certs.get(code, set())
        found = {id: frozenset(named) for id, named in users.items()}
        earlier = tuple((until, one.public_sources) for until, one in registry.earlier)
        return cls(found, nations, registry.public_sources, earlier)

    # (hub/README: two-configurations)
    def is_public(self, creator: StixId | None, other: OthersVersion) -> bool:
        """Tell whether the creator is a public source, now and at the submission of `other` (policy 1).

        Otherwise a later list of the operator would permit passing on an object that was not public when
        given.
        """
        then = as_of(self.earlier_sources, other.submitted_at, self.public_sources)
        # INVARIANT: both configurations must agree; every doubt closes (policy 8).
        return creator in self.public_sources and creator in then

    def may_use(self, member: MemberId, id: StixId | None) -> bool:
        """Tell whether the member may speak as this identity (policy 8)."""
        return id is not None and member in self.users.get(id, ())

    def claim(self, obj_id: StixId, creator: StixId | None, member: MemberId) -> Claim:
        """Return the claim of a record of `member`, by the present registration (policy 8)."""
        # An identity object names itself: its own id counts like `created_by_ref` (policy 8).
        if self.may_use(member, obj_id) or self.may_use(member, creator):
            return Claim.NAMED
        return Claim.BARE if creator is None else Claim.RELAYED

    def claim_of(self, one: OthersVersion) -> Claim:
        return self.claim(one.id, one.creator, one.member)


def is_common(
    id: StixId, object_type: str, creator: StixId | None, other: OthersVersion, registered: Registered
) -> bool:
    """Tell whether the id is common to the submitted object and the compared record (policy 1)."""
    # A registered identity is never common, whatever its type (policy 1).
    if id in registered.nations:
        return False
    if object_type in OBSERVABLES or object_type in DEFINITIONS:
        return True
    # Policy 1: the same public source "in the record compared as in what is submitted".
    if creator is not None and creator == other.creator and registered.is_public(creator, other):
        return True
    if object_type not in NAMES:
        return False
    # Policy 1: a name is not common where the other submitter names it as own, unless the id is derived.
    return registered.claim_of(other) is not Claim.NAMED or is_derived(id)


def is_marked_name(other: OthersVersion) -> bool:
    """Tell whether the name itself carries a level above GREEN, or REL TO (policy 2.7 and 8)."""
    # The carried level, not the effective one: a container's level does not bind a common name (policy 2.7).
    is_high = other.carried is not None and other.carried.label not in ("clear", "green")
    return other.type in NAMES and (is_high or other.carries_rel_to)


def are_both_named(item: StixObject, member: MemberId, other: OthersVersion, registered: Registered) -> bool:
    """Tell whether both submitters name the object as own, under an id derived from content (policy 8).

    Two members may then arrive at the same id.
    """
    mine = registered.claim(item.id, item.creator, member)
    return is_derived(item.id) and mine is Claim.NAMED and registered.claim_of(other) is Claim.NAMED
