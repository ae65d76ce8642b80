"""The operator verifies the whole hub: no data is damaged, and each reader sees exactly its releases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from hub.actions.checks import (
    RESTORE,
    Fault,
    Inspection,
    derived_objects,
    fact_sets,
    ledgers,
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
from hub.store.ledger import ends, histories
from hub.store.ledger.histories import HistoryKind
from hub.store.members import members

__all__ = ["DAMAGED", "Fault", "Report", "check"]

# Exceptions of a damaged value: a level that does not exist, JSON of another shape.
_UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of checked rows by table, and every fault. No fault: the hub is sound."""

    checked: Mapping[str, int]
    faults: Sequence[Fault]


_FILE: Final = "database file"
DAMAGED: Final = Report({}, [Fault(_FILE, f"cannot be read; {RESTORE}")])


def _silent(_part: str) -> None:
    """Report no progress."""


def check(service: Service, tell: Callable[[str], None] = _silent) -> Report:
    """Verify the whole hub in one snapshot, beside a serving hub, and return the faults; change nothing.

    1. Schema and tables are of this version; the database file is sound; no row refers to a missing row.
    2. Ledgers are gapless with increasing dates; justifications and disclosures are readable.
    3. Every object equals the submitted object, and its marking follows from the object and the configuration
       of that time. Its rows make the object visible to exactly the readers of a new decision by the rules.
       A recall names exactly members with a disclosure of the recalled versions.
    4. Every signature is valid: of submissions, deletions and agreements. Periods follow from the signed
       events. Stored versions are of the signed member, collection and time.

    `tell` gets the name of each part before the part runs.

    Memory: about 250 bytes for each object with a reference to or from another object. Also about 5 KB for
    each version of a thousand objects, or of the largest group of linked objects.
    """
    try:
        return _report(service, tell)
    except DamagedDatabase:
        return DAMAGED


def _report(service: Service, tell: Callable[[str], None]) -> Report:
    # Another schema first: no statement of the other parts fits it.
    if (reason := service.store.outdated() or service.store.altered()) is not None:  # 1
        return Report({}, [Fault("database schema", reason)])
    # Also while the hub is closed: after a restore the operator checks before opening.
    with service.store.read(when_closed=True) as connection:
        tell("the database")
        # A damaged file may give wrong rows in any query, so no other part runs on it.
        if damage := integrity.structural_faults(connection):
            return Report({}, [Fault(_FILE, f"{line}; {RESTORE}") for line in damage])
        faults = [
            Fault(place, f"names {row}, which is missing") for place, row in integrity.orphans(connection)
        ]
        faults += _faults(service, connection, tell)
        return Report(integrity.counts(connection), faults)


def _faults(service: Service, connection: Connection, tell: Callable[[str], None]) -> Iterator[Fault]:
    # Every other part judges by these values; with one unreadable each row would be a fault.
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
    """Yield a fault for each unreadable part of the `Inspection`."""
    parts: Mapping[str, Callable[[Connection], object]] = {
        "members": members.members,
        "keys": members.keys,
        "agreements": agreements.every_period,
        "hub state": agreements.generation,
        "ledgers": ends.decided_at,
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
    for ids in records.batches(inspection.connection, origin):
        stored = records.load(inspection.connection, origin, ids)
        # A wrong mark is one fault: the rows are judged as if the mark were right.
        versions = records.with_newest_marked(stored)
        records.count_creators(versions, counts)
        parts = [records.newest_faults(stored), records.content_faults(inspection, origin, versions)]
        if origin != HUB:
            parts.append(records.handling_faults(inspection, versions))
            parts.append(derived_objects.derived_object_faults(inspection, origin, versions))
        is_sound = True
        for fault in chain.from_iterable(parts):
            is_sound = False
            yield fault
        # Facts follow from versions: a wrong version is one fault.
        if is_sound and origin != HUB:
            yield from fact_sets.fact_faults(inspection, origin, versions)
        yield from rows.faults(versions)


def _readable(part: str, faults: Iterator[Fault]) -> Iterator[Fault]:
    """Yield `faults`, and a last fault for a value that nobody can read."""
    try:
        yield from faults
    except _UNREADABLE as error:
        yield _unread(part, error)


def _unread(part: str, error: Exception) -> Fault:
    return Fault(part, f"cannot be read: {' '.join(str(error).split())}; {RESTORE}")
