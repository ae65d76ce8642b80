"""Members, identities and what others submitted, for the rules that look around (policy 1, 2.7 and 8)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hub.model import (
    SUBMITTED,
    Clearance,
    EffectiveMarking,
    Kind,
    Markings,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    OthersVersion,
    Shown,
    StixId,
    StixObject,
    Tlp,
)
from hub.rules.claims import Registered

KR, JP, AU = NationCode("KR"), NationCode("JP"), NationCode("AU")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = "2026-02-01T00:00:00"


def sid(kind: str, n: int = 1, uuid_version: int = 4) -> StixId:
    """The n-th id of a type, with a UUID of this version."""
    return StixId(f"{kind}--00000000-0000-{uuid_version}000-8000-{n:012}")


HUB_IDENTITY, REL_TO_KR = sid("identity", 1), sid("marking-definition", 2)
KR_NATION, KR_AGENCY_ID, KR_FIRM_ID, JP_NATION = (sid("identity", n) for n in range(3, 7))
VENDOR, MITRE, STRANGER = (sid("identity", n) for n in range(7, 10))


def member(id: str, kind: Kind, identity: StixId) -> Member:
    return Member(MemberId(id), NationCode(id[:2].upper()), kind, id, identity)


KR_CERT = member("kr-cert", Kind.CERT, sid("identity", 11))
KR_AGENCY = member("kr-agency", Kind.AGENCY, KR_AGENCY_ID)
KR_FIRM = member("kr-firm", Kind.PARTNER, KR_FIRM_ID)
JP_CERT = member("jp-cert", Kind.CERT, sid("identity", 12))
JP_AGENCY = member("jp-agency", Kind.AGENCY, sid("identity", 13))

_KR, _JP = frozenset({KR_CERT.id}), frozenset({JP_CERT.id})
REGISTERED = Registered(
    users={
        KR_NATION: _KR,
        KR_AGENCY_ID: _KR | {KR_AGENCY.id},
        KR_FIRM_ID: _KR | {KR_FIRM.id},
        JP_NATION: _JP,
        JP_AGENCY.identity: _JP | {JP_AGENCY.id},
    },
    nations={KR_NATION: KR, KR_AGENCY_ID: KR, KR_FIRM_ID: KR, JP_NATION: JP, JP_AGENCY.identity: JP},
    public_sources=frozenset({MITRE}),
)


def item(id: StixId, digest: bytes = b"one", **more: Any) -> StixObject:
    """An object as read; `key` is its version, None for what brings none."""
    key = more.pop("key", f"{DAY}.1")
    given: dict[str, Any] = {"created": DAY if key else None, **more}
    version = None if key is None else f"{key}Z"
    place = (id, id.partition("--")[0], version, key)
    revoked, markings = given.pop("revoked", False), given.pop("markings", Markings())
    return StixObject(*place, True, revoked, b"{}", digest, markings, **given)


def version(id: StixId, digest: bytes = b"one", **more: Any) -> ObjectVersion:
    """A version as stored."""
    key = more.pop("key", f"{DAY}.1")
    values: dict[str, Any] = {
        "key": 1,
        "member": KR_AGENCY.id,
        "id": id,
        "type": id.partition("--")[0],
        "version": f"{key}Z",
        "version_key": key,
        "submitted_at": NOW,
        "has_spec_version": True,
        "is_newest": True,
        "digest": digest,
        "markings": Markings(),
        "refers": frozenset(),
        "contains": frozenset(),
        "creator": None,
        "is_accepted_definition": False,
        "tlp": Tlp.AMBER,
        "is_closed": False,
        "is_contained": False,
        "created": DAY,
        **more,
    }
    return ObjectVersion(**values)


def others_version(
    id: StixId, of: Member = JP_AGENCY, digest: bytes = b"theirs", **more: Any
) -> OthersVersion:
    """Another member's version, GREEN and seen unless said otherwise."""
    tlp, is_bound = more.pop("tlp", Tlp.GREEN), more.pop("is_bound", False)
    assert of.nation is not None
    values: dict[str, Any] = {
        "id": id,
        "origin": of.nation,
        "member": of.id,
        "type": id.partition("--")[0],
        "version_key": f"{DAY}.1",
        "digest": digest,
        "creator": None,
        "submitted_at": NOW,
        "position": 1,
        "shown": Shown(tlp, is_bound),
        "is_seen": True,
        "carried": tlp,
        "carries_rel_to": False,
        "effective": EffectiveMarking(tlp),
        "limits": None,
        "version": 1,
        "form": SUBMITTED,
        "reach": frozenset({(of.nation, Clearance.PARTNER)}),
        **more,
    }
    return OthersVersion(**values)
