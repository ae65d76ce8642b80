"""May this member submit this object, and as which version? (policy 2.2, 6 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.model import NationCode, StixId, StixObject, format_instant


@dataclass(frozen=True, slots=True)
class Known:
    """What the hub holds of the record already, by version key; `newest_key` is of what is not deleted."""

    digests: Mapping[str, bytes]
    versions: Mapping[str, str]
    newest_key: str | None
    deleted: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accept:
    """A new version of the record, to be stored."""

    version: str
    version_key: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Equal to what the hub holds: a success that changes nothing and moves no date."""

    version: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """A failure of this object alone."""

    version: str | None
    message: str
    is_deleted: bool = False  # because this version was deleted


Verdict = Accept | Unchanged | Refuse


@dataclass(frozen=True, slots=True)
class Reserved:
    """The ids that belong to the hub: its own objects, and the REL TO definitions by nation."""

    own: frozenset[StixId]
    rel_to: Mapping[StixId, NationCode]


def accept(
    obj: StixObject,
    known: Known,
    *,
    received_from: NationCode | None,
    reserved: Reserved,
    accepted_as: tuple[str, str] | None,
) -> Verdict:
    """Decide what becomes of a readable object.

    `received_from` is the nation from which the submitter can already see this id above GREEN.
    `accepted_as` is the version, as text and key, for an object that brings none; None: no time is left.
    """
    if obj.id in reserved.own or obj.id in reserved.rel_to:
        return Refuse(
            obj.version, "this id belongs to the hub, which serves its own copy; leave the object out."
        )
    verdict = _version_verdict(obj, known, accepted_as)
    # What the member holds of its own stays its own: another nation's later copy of an id blocks nothing.
    # Observables are aside: who sees the same address derives the same id.
    is_observable = obj.version is None
    if isinstance(verdict, Accept) and received_from is not None and not known.digests and not is_observable:
        return Refuse(obj.version, f"received from {received_from}; only {received_from} may share it.")
    return verdict


def _version_verdict(obj: StixObject, known: Known, accepted_as: tuple[str, str] | None) -> Verdict:
    if obj.version is None or obj.version_key is None:
        return _content_verdict(obj, known, accepted_as)
    if obj.version_key in known.deleted:
        at = format_instant(known.deleted[obj.version_key])
        message = f"deleted on {at}; submit a new version, with a later modified."
        return Refuse(obj.version, message, is_deleted=True)
    held = known.digests.get(obj.version_key)
    if held is None:
        return Accept(obj.version, obj.version_key)
    if held == obj.digest:
        return Unchanged(obj.version)
    return Refuse(
        obj.version,
        "the hub holds different content under this id and version; "
        "submit a changed object with a later modified.",
    )


def _content_verdict(obj: StixObject, known: Known, accepted_as: tuple[str, str] | None) -> Verdict:
    """Decide on an object with neither `modified` nor `created`: its version is when it came."""
    if known.newest_key is not None and known.digests[known.newest_key] == obj.digest:
        return Unchanged(known.versions[known.newest_key])
    if accepted_as is None:
        return Refuse(None, "no time is left after the version that the hub holds; use another id.")
    return Accept(*accepted_as)
