"""The operator verifies the whole hub: that nothing is damaged, and nobody is shown what is not theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.actions.checks import (
    RESTORE,
    Fault,
    Inspection,
    ledgers,
    made,
    provenance,
    recalls,
    records,
    signatures,
)
from hub.actions.checks.records import CreatorCounts
from hub.actions.checks.rows import Justifications, RowCheck
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.errors import DamagedDatabase
from hub.model import HUB, NationCode
from hub.store.agreement import agreements
from hub.store.checks import integrity
from hub.store.database.connection import Connection
from hub.store.ledger import histories, releases
from hub.store.ledger.histories import HistoryKind
from hub.store.members import members

__all__ = ["DAMAGED", "Fault", "Report", "check"]

# What reading a damaged value may raise: a level that does not exist, JSON of another shape.
_UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Report:
    """How much was looked at, and every fault that was found; none: the hub is sound."""

    checked: Mapping[str, int]
    faults: Sequence[Fault]


_FILE: Final = "database file"
DAMAGED: Final = Report({}, [Fault(_FILE, f"cannot be read; {RESTORE}")])


def _silent(_part: str) -> None:
    """Tell nobody."""


def check(service: Service, tell: Callable[[str], None] = _silent) -> Report:
    """Verify everything in one snapshot, beside a hub that serves; nothing is changed.

    1. Schema and tables are this version's; the file is sound; no row refers to one that is not there.
    2. Ledgers are gapless and dated in order; justifications and disclosures can be read.
    3. Every object is what was submitted, is marked as it says by the configuration of its submission, and
       stands for exactly those readers for whom the rules release it now, decided from scratch with all that
       refers to it. Of a recall those alone are told who fetched it.
    4. Every signature holds: on submissions and deletions, and on agreements with what binds by them. What
       is stored is of the member, place and time that were signed.

    `tell` is given the name of each part before it is looked at.

    Memory: about 250 bytes per object that refers to another or is referred to, to keep such objects
    together, and about 5 KB for each version of a thousand objects at a time, or of the largest set of
    objects that hang together if that is more.
    """
    try:
        return _report(service, tell)
    except DamagedDatabase:
        return DAMAGED


def _report(service: Service, tell: Callable[[str], None]) -> Report:
    if (reason := service.store.outdated() or service.store.altered()) is not None:  # 1
        return Report({}, [Fault("database schema", reason)])
    with service.store.read(when_closed=True) as connection:
        tell("the database")
        if damage := integrity.structural_faults(connection):
            return Report({}, [Fault(_FILE, f"{line}; {RESTORE}") for line in damage])
        faults = [
            Fault(place, f"names {row}, which is missing") for place, row in integrity.orphans(connection)
        ]
        faults += _faults(service, connection, tell)
        return Report(integrity.counts(connection), faults)


def _faults(service: Service, connection: Connection, tell: Callable[[str], None]) -> Iterator[Fault]:
    if unreadable := list(_unreadable(connection)):
        yield from unreadable
        return
    inspection = _inspection(service, connection)
    tell("ledgers")
    yield from _readable("ledgers", ledgers.ledger_faults(inspection))  # 2
    yield from _readable("justifications", ledgers.justification_faults(inspection))
    misread = list(_readable("disclosures", ledgers.disclosure_faults(inspection)))
    yield from misread
    justifications = ledgers.read_justifications(inspection)
    counts: CreatorCounts = Counter()  # 3
    for origin in integrity.origins(connection):
        tell(f"objects of {origin}")
        yield from _readable(f"objects of {origin}", _origin(inspection, origin, justifications, counts))
    yield from _readable("creators", records.creator_faults(connection, counts))
    tell("recalls")
    yield from records.cross_record_faults(connection)
    if not misread:  # else the fetches are unknown, and no recall can be compared with them
        yield from _readable("recalls", recalls.recall_faults(inspection))
    tell("signatures")
    yield from _readable("submissions", signatures.submission_faults(inspection))  # 4
    yield from _readable("deletions", signatures.deletion_faults(inspection))
    yield from _readable("provenance", provenance.provenance_faults(inspection))
    yield from _readable("keys", signatures.key_faults(inspection))
    yield from _readable("agreements", signatures.agreement_faults(inspection))


def _unreadable(connection: Connection) -> Iterator[Fault]:
    """Give a fault for each part that cannot be read and by which every other is judged."""
    parts: Mapping[str, Callable[[Connection], object]] = {
        "members": members.members,
        "keys": members.keys,
        "agreements": agreements.every_period,
        "hub state": agreements.generation,
        "ledgers": releases.decided_at,
    }
    for part, read in parts.items():
        try:
            read(connection)
        except _UNREADABLE as error:
            yield _unread(part, error)


def _inspection(service: Service, connection: Connection) -> Inspection:
    ledgers_ = {state.recipient for state in integrity.ledger_states(connection)}
    return Inspection(
        connection=connection,
        registry=service.registry,
        require_signature=service.require_signature,
        members={member.id: member for member in members.members(connection)},
        keys={key.thumbprint: key for key in members.keys(connection)},
        periods=agreements.every_period(connection),
        recipients=[nation for nation in sorted(service.registry.nations) if nation in ledgers_],
        catching_up=frozenset(h.origin for h in histories.unfinished(connection, HistoryKind.APPEND)),
        now=present(service, connection),
    )


def _origin(
    inspection: Inspection, origin: NationCode, justifications: Justifications, counts: CreatorCounts
) -> Iterator[Fault]:
    rows = RowCheck.of(inspection, origin, justifications)
    for ids in records.parcels(inspection.connection, origin):
        stored = records.load(inspection.connection, origin, ids)
        yield from records.newest_faults(stored)
        versions = records.rightly_marked(stored)
        records.count_creators(versions, counts)
        yield from records.content_faults(inspection, origin, versions)
        if origin != HUB:
            yield from records.handling_faults(inspection, versions)
            yield from made.made_faults(inspection, origin, versions)
        yield from rows.faults(versions)


def _readable(part: str, faults: Iterator[Fault]) -> Iterator[Fault]:
    """Give `faults`, and one more where a value cannot even be read."""
    try:
        yield from faults
    except _UNREADABLE as error:
        yield _unread(part, error)


def _unread(part: str, error: Exception) -> Fault:
    return Fault(part, f"cannot be read: {' '.join(str(error).split())}; {RESTORE}")
