"""Checks ledgers: gapless positions, increasing dates, readable justifications and disclosures."""

from __future__ import annotations

from collections.abc import Iterator

from hub.actions.checks import RESTORE, Fault, Inspection
from hub.model import Disclosed, Justification
from hub.store.checks import evidence, integrity
from hub.store.checks.evidence import StoredDisclosure
from hub.store.checks.integrity import EncodedJustification
from hub.store.ledger import disclosures, justifications


def ledger_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield gaps and dates out of order: positions are 1, 2, 3 …, each with a later date (I4)."""
    connection = inspection.connection
    configured = set(inspection.registry.nations)
    states = integrity.ledger_states(connection)
    for state in states:
        place = f"ledger {state.recipient}"
        if state.recipient not in configured:
            yield Fault(place, "no such nation is configured; put it back into nations.toml")
        if state.last_row != state.position:
            what = f"says that its last position is {state.position}, and its last row is {state.last_row}"
            yield Fault(place, f"{what}; {RESTORE}")
        if state.last_row_date > state.last_date:
            yield Fault(place, f"has a row dated after the last date that it says it gave; {RESTORE}")
    for nation in sorted(configured - {state.recipient for state in states}):
        yield Fault(f"ledger {nation}", "is missing for a configured nation; run `hub init`")
    for recipient, position, is_gap in integrity.ledger_breaks(connection):
        what = "does not have the position after" if is_gap else "is not dated after"
        yield Fault(f"release {recipient}/{position}", f"{what} that of the row before it; {RESTORE}")


def read_justifications(inspection: Inspection) -> dict[int, Justification | None]:
    """Return every justification by id, None for an unreadable justification."""
    stored = integrity.justifications(inspection.connection)
    return {one.id: _decoded(one) for one in stored}


def justification_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield the unreadable and altered justifications, and grounds with an unknown period or member."""
    # Ended periods too: a row keeps its justification when a period ends.
    periods = {period.id for period in inspection.periods}
    for one in integrity.justifications(inspection.connection):
        place = f"justification {one.id} of {one.recipient}"
        value = _decoded(one)
        if value is None:
            yield Fault(place, f"cannot be read; {RESTORE}")
        # Justifications are interned by digest: with a changed text all rows of this one have other readers.
        elif justifications.digest_of(one.origin, one.classes) != bytes(one.digest):
            yield Fault(place, f"has another digest than its text; {RESTORE}")
        else:
            grounds = {ground for alternatives in value for ground in alternatives}
            for period in sorted({g.period for g in grounds if g.period is not None} - periods):
                yield Fault(place, f"names the period {period}, which never was; {RESTORE}")
            for member in sorted({g.member for g in grounds if g.member} - inspection.members.keys()):
                yield Fault(place, f"names the member {member}, who is not registered; {RESTORE}")
    # A page looks up the justifications of its own ledger alone: such a row would never be served.
    for recipient, position in integrity.borrowed_justifications(inspection.connection):
        yield Fault(f"release {recipient}/{position}", f"stands by another ledger's justification; {RESTORE}")
    # A page finds a submitter's own rows by these notes.
    for recipient, member, id in integrity.unnoted_own_justifications(inspection.connection):
        what = f"is not noted as one of the rows of {member}"
        yield Fault(f"justification {id} of {recipient}", f"{what}; {RESTORE}")


def disclosure_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield the unreadable disclosures, and disclosures of other ledgers or of unknown positions."""
    positions = {state.recipient: state.position for state in integrity.ledger_states(inspection.connection)}
    for one in evidence.disclosures(inspection.connection):
        member = inspection.members.get(one.member)
        place = f"disclosure {one.id} to {one.member}"
        if (given := _positions(one)) is None or one.kind not in set(Disclosed):
            yield Fault(place, f"cannot be read; {RESTORE}")
        # Recalls and explanations find disclosures by these two columns alone.
        elif (one.first_position, one.last_position) != (given[0], given[-1]):
            yield Fault(place, f"lists other positions than it is found by; {RESTORE}")
        elif given[-1] > positions.get(one.recipient, 0):
            yield Fault(place, f"tells of rows that the ledger {one.recipient} does not have; {RESTORE}")
        if member is not None and member.nation != one.recipient:
            yield Fault(
                place, f"is of the ledger {one.recipient}, which is not that of its nation; {RESTORE}"
            )


def _positions(stored: StoredDisclosure) -> tuple[int, ...] | None:
    try:
        return disclosures.decode(stored.runs)
    except ValueError:
        return None


def _decoded(stored: EncodedJustification) -> Justification | None:
    try:
        return justifications.decode(stored.classes)
    except (ValueError, TypeError):
        return None
