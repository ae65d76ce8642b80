"""Records and their versions: what the hub holds of an object is what the object says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import orjson

from hub.actions.checks import RESTORE, Fault, Inspection, named
from hub.model import (
    HUB,
    EffectiveMarking,
    Kind,
    MemberId,
    NationCode,
    ObjectVersion,
    SourceHiding,
    StixId,
    StixObject,
    Tlp,
    version_key,
)
from hub.proofs import canonical
from hub.rules.marking.containers import CONTAINERS
from hub.rules.marking.effective import names_creator
from hub.rules.marking.levels import (
    Accepted,
    accepted_as,
    accepted_by,
    is_accepted_definition,
    is_stricter,
    listed_as,
    narrower,
    releasable_to,
    unknown_markings,
    with_rel_to_on_parts,
)
from hub.rules.release.forms import names_of
from hub.stix import reading
from hub.store.checks import integrity
from hub.store.checks.integrity import Content
from hub.store.database.connection import Connection
from hub.store.records import marking_facts, objects

Versions = Mapping[int, ObjectVersion]
CreatorCounts = Counter[tuple[MemberId, StixId, Tlp]]

_IDS_AT_ONCE: Final = 1_000


# --- in parcels ---------------------------------------------------------------------------------


def parcels(connection: Connection, origin: NationCode) -> Iterator[list[StixId]]:
    """Give the ids of an origin in lists of about a thousand; what refers to each other stays together."""
    groups = _related(integrity.links(connection, origin))
    linked = {id for group in groups for id in group}
    alone = ([id] for id in integrity.ids(connection, origin) if id not in linked)
    parcel: list[StixId] = []
    for group in chain(groups, alone):
        parcel += group
        if len(parcel) >= _IDS_AT_ONCE:
            yield parcel
            parcel = []
    if parcel:
        yield parcel


def _related(links: Iterable[tuple[StixId, StixId]]) -> list[list[StixId]]:
    """Return the ids that are linked, directly or not, in one list each."""
    leaders: dict[StixId, StixId] = {}

    def leader(id: StixId) -> StixId:
        while leaders.setdefault(id, id) != id:
            leaders[id] = id = leaders[leaders[id]]
        return id

    for source, target in links:
        leaders[leader(source)] = leader(target)
    groups: dict[StixId, list[StixId]] = defaultdict(list)
    for id in leaders:
        groups[leader(id)].append(id)
    return list(groups.values())


def load(connection: Connection, origin: NationCode, ids: Sequence[StixId]) -> Versions:
    """Return every version of these records, as stored."""
    return {v.key: v for v in objects.versions_by_id(connection, origin, ids)}


# --- the newest ---------------------------------------------------------------------------------


def newest_faults(versions: Versions) -> Iterator[Fault]:
    """Give the records of which not exactly the right version is marked as the newest."""
    for record in _records(versions):
        right = max(record, key=lambda v: v.rank)
        if [v.key for v in record if v.is_newest] != [right.key]:
            what = "is the newest of its record, and not it alone is marked so"
            yield Fault(named(right), f"{what}; {RESTORE}")


def rightly_marked(versions: Versions) -> Versions:
    """Return the versions with the newest of each record marked, whatever is stored."""
    newest = {max(record, key=lambda v: v.rank).key for record in _records(versions)}
    return {key: replace(v, is_newest=key in newest) for key, v in versions.items()}


def _records(versions: Versions) -> Iterable[list[ObjectVersion]]:
    found: dict[tuple[MemberId, StixId], list[ObjectVersion]] = defaultdict(list)
    for version in versions.values():
        found[version.member, version.id].append(version)
    return found.values()


def count_creators(versions: Versions, counts: CreatorCounts) -> None:
    """Count anew who names which identity at which level (policy 2.4)."""
    for version in versions.values():
        if version.creator is not None and names_creator(version):
            counts[version.member, version.creator, version.tlp] += 1


def creator_faults(connection: Connection, counted: CreatorCounts) -> Iterator[Fault]:
    """Give the identities whose noted counts are not those that were counted."""
    noted = integrity.creator_counts(connection)
    for member, identity, tlp in sorted(noted.keys() | counted.keys()):
        key = member, identity, tlp
        if noted.get(key, 0) != counted[key]:
            what = (
                f"is noted to be named {noted.get(key, 0)} times at {tlp.label}, and is {counted[key]} times"
            )
            yield Fault(f"{identity} of {member}", f"{what}; {RESTORE}")


# --- bodies -------------------------------------------------------------------------------------


_LASTING_NAMES: Final = 2  # a member's id and name


def content_faults(inspection: Inspection, origin: NationCode, versions: Versions) -> Iterator[Fault]:
    """Give the contents that are not what was submitted, and the versions that are not what theirs say."""
    users: dict[int, list[ObjectVersion]] = defaultdict(list)
    for version in versions.values():
        users[version.content_id].append(version)
    for content in integrity.contents(inspection.connection, users.keys()):
        if fault := _content_fault(content, origin, users[content.id]):
            yield Fault(f"content {content.id}", fault)
        elif content.body and origin != HUB:
            for version in users[content.id]:
                said = _said(inspection, version, content)
                yield from _version_faults(inspection, version, said)


def _said(inspection: Inspection, version: ObjectVersion, content: Content) -> StixObject:
    """Return what the content says; names that its member's entry was given later count from then on only."""
    obj, names = orjson.loads(content.body), names_of(inspection.members[version.member])
    said = reading.understand(obj, content.body, canonical.digest, names)
    if said.source_hiding is version.source_hiding:
        return said
    return reading.understand(obj, content.body, canonical.digest, names[:_LASTING_NAMES])


def _content_fault(content: Content, origin: NationCode, users: Sequence[ObjectVersion]) -> str | None:
    living = [version for version in users if version.deleted_at is None]
    if content.origin != origin:
        return f"of {content.origin} is used by a version of {origin}; {RESTORE}"
    if content.is_erased:
        if content.body:
            return f"is marked as erased and is still there; {RESTORE}"
        return f"is erased, and {named(living[0])}, is not deleted; {RESTORE}" if living else None
    if not living:
        return "is not erased, though every version of it is deleted; let its member delete them again"
    if len(content.body) != content.size or _digest(content.body) != content.digest:
        return f"of {named(living[0])}, is not what its digest and size say; {RESTORE}"
    return None


def _digest(body: bytes) -> bytes:
    try:
        return canonical.digest(orjson.loads(body))
    except ValueError:
        return b""


def _version_faults(inspection: Inspection, version: ObjectVersion, said: StixObject) -> Iterator[Fault]:
    if differing := sorted(_differing(inspection, version, said)):
        what = f"is noted with another {', '.join(differing)} than its content has"
        yield Fault(named(version), f"{what}; {RESTORE}")


def _differing(inspection: Inspection, version: ObjectVersion, said: StixObject) -> Iterator[str]:
    registry = inspection.registry.at(version.submitted_at)
    markings = with_rel_to_on_parts(said.markings, registry.rel_to)
    definition = said.id, said.definition, said.definition_extensions, registry.informative_markings
    # A cert is not hidden: its source hiding tells whether it names others, as was found when it submitted.
    is_masked = (
        inspection.members[version.member].kind is not Kind.CERT
        and version.source_hiding is not SourceHiding.NONE
    )
    is_dated = said.version is None  # its version is the time at which its content was accepted
    pairs = {
        "id": (version.id, said.id),
        "type": (version.type, said.type),
        "version": (version.version, version.version if is_dated else said.version),
        "version key": (version.version_key, version_key(version.version)),
        "spec_version": (version.has_spec_version, said.has_spec_version),
        "references": (version.refers, said.refers),
        "contents": (version.contains, said.contains),
        "creator": (version.creator, said.creator),
        "created": (version.created, said.created),
        "revoked": (version.revoked, said.revoked),
        "text of a name": (version.same, said.same if version.same is not None else None),
        "TLP": (version.markings.tlp, said.markings.tlp),
        "labels": (version.markings.raised, said.markings.raised),
        "markings": (version.markings.others, markings.others),
        "fault": (version.markings.fault, markings.fault),
        "acceptance": (version.is_accepted_definition, is_accepted_definition(*definition)),
        "list of informative markings": (version.listed, listed_as(*definition)),
        "redactions": (version.redactions, said.redactions),
        "guise": (version.source_hiding, said.source_hiding if is_masked else version.source_hiding),
    }
    return (name for name, (stored, right) in pairs.items() if stored != right)


# --- handling -----------------------------------------------------------------------------------


def handling_faults(inspection: Inspection, versions: Versions) -> Iterator[Fault]:
    """Give the versions that are handled more laxly than their own markings say (policy 2.1 to 2.6)."""
    by_member: dict[MemberId, list[ObjectVersion]] = defaultdict(list)
    for version in versions.values():
        by_member[version.member].append(version)
    for member, own in by_member.items():
        others = {ref for version in own for ref in version.markings.others}
        accepted = accepted_as(marking_facts.accepted(inspection.connection, member, others))
        for version in own:
            lowest = _lowest_level(version)
            if version.tlp < lowest:
                what = f"is handled as {version.tlp.label}, and says {lowest.label}"
                yield Fault(named(version), f"{what}; {RESTORE}")
            named_nations = _named_nations(inspection, version)
            if version.rel_to != narrower(version.rel_to, named_nations):
                yield Fault(named(version), f"is released more widely than its REL TO says; {RESTORE}")
            yield from _column_faults(inspection, version, accepted)
            if reason := _reason_to_close(inspection, version, accepted):
                what = f"is open, and must be closed for {reason}"
                yield Fault(named(version), f"{what}; {RESTORE}, or list the marking in nations.toml")


def _named_nations(inspection: Inspection, version: ObjectVersion) -> frozenset[NationCode] | None:
    registry = inspection.registry.at(version.submitted_at)
    return releasable_to(version.markings.others, registry.rel_to)


def _column_faults(inspection: Inspection, version: ObjectVersion, accepted: Accepted) -> Iterator[Fault]:
    """Give where what was taken over, is handed down or stays at home is not what the version says."""
    effective = EffectiveMarking(version.tlp, version.rel_to, version.is_closed)
    taken = version.taken.effective
    if taken is not None and is_stricter(taken, effective):
        yield Fault(named(version), f"is handled more laxly than what it took over; {RESTORE}")
    if version.base > version.tlp:
        yield Fault(named(version), f"is handled as {version.tlp.label}, and a part as more; {RESTORE}")
    if version.is_home and version.markings.tlp is not None:
        yield Fault(named(version), f"is kept at home as unmarked, and is marked; {RESTORE}")
    if version.type not in CONTAINERS or version.member == MemberId(HUB) or version.deleted_at is not None:
        return
    given, lowest = version.given, _lowest_level(version)
    if given is None:
        yield Fault(named(version), f"hands nothing down to what it contains; {RESTORE}")
    elif (
        given.tlp < lowest
        or given.rel_to != narrower(given.rel_to, _named_nations(inspection, version))
        or (not given.is_closed and _must_close(inspection, version, accepted))
    ):
        yield Fault(named(version), f"hands down less than its own markings say; {RESTORE}")


def _lowest_level(version: ObjectVersion) -> Tlp:
    markings = version.markings
    unmarked = Tlp.CLEAR if version.is_contained else Tlp.GREEN  # unmarked never means public (policy 2.4)
    own = unmarked if markings.tlp is None else markings.tlp
    return max(own, markings.raised or own)


def _reason_to_close(inspection: Inspection, version: ObjectVersion, accepted: Accepted) -> str | None:
    return None if version.is_closed else _must_close(inspection, version, accepted)


def _must_close(inspection: Inspection, version: ObjectVersion, accepted: Accepted) -> str | None:
    registry = inspection.registry.at(version.submitted_at)
    known = registry.informative_markings | registry.rel_to.keys()
    unknown = unknown_markings(version.markings, accepted_by(accepted, registry.informative_markings), known)
    return version.markings.fault or (f"its marking {min(unknown)}" if unknown else None)


def cross_record_faults(connection: Connection) -> Iterator[Fault]:
    """Yield versions laxer than their container, and references and contents without an owner."""
    # By single statements over the whole database: a container and its objects may be in different batches.
    for inner, container in integrity.looser_than_containers(connection):
        what = f"is handled more laxly than version {container}, which contains it"
        yield Fault(f"version {inner}", f"{what}; {RESTORE}")
    for key in integrity.foreign_references(connection):
        yield Fault(f"version {key}", f"has references that are noted as another member's; {RESTORE}")
    for key in integrity.unused_contents(connection):
        yield Fault(f"content {key}", f"belongs to no version; {RESTORE}")
    for key in integrity.unerased(connection):
        what = (
            "is not erased, though all of which it was made are deleted; let their members delete them again"
        )
        yield Fault(f"content {key}", what)
