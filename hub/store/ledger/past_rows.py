"""Rows of the ledgers with all past justifications: who was given a version, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, select

from hub.model import Form, Justification, NationCode, StixId
from hub.store.database.batches import among, batches
from hub.store.database.prepared import Prepared, carried, values_of
from hub.store.ledger.justifications import decode
from hub.store.schema.tables import justification, rejustification, release

_C = release.c
_J = justification.c


@dataclass(frozen=True, slots=True)
class PastRow:
    """A row of a ledger, withdrawn or not, with its present and former justifications.

    `former` are the former justifications, each with the ledger revision that ended it, in order.
    """

    recipient: NationCode
    position: int
    origin: NationCode
    version: int  # ObjectVersion.key
    justification: Justification
    form: Form
    former: tuple[tuple[int, Justification], ...] = ()


def rows_of_versions(connection: Connection, versions: Collection[int]) -> list[PastRow]:
    """Return every row of these versions, past or present, in every ledger."""
    return [
        row
        for batch in batches(sorted(versions))
        for row in _past_rows(connection, [_C.version_id.in_(batch)])
    ]


def rows_from_abroad(connection: Connection, recipient: NationCode, id: StixId) -> list[PastRow]:
    """Return every row of other nations' records with this id in the recipient's ledger."""
    positions = positions_under(connection, recipient, [id])
    is_asked = (_C.recipient == recipient, among(connection, _C.position, positions))
    return _past_rows(connection, [*is_asked, _C.origin != recipient])


def positions_under(connection: Connection, recipient: NationCode, ids: Collection[StixId]) -> list[int]:
    """Return the positions of all rows with these ids in the recipient's ledger, served or not."""
    found = _under.scalars(connection, recipient=recipient, ids=carried(connection, ids))
    return [position for position in found if position is not None]


def _positions(is_postgresql: bool) -> Select[Any]:
    asked = values_of(is_postgresql, _C.stix_id, "ids").subquery()
    # An outer join: planners go from the ids to the index on ids, never through the ledger.
    is_asked = and_(_C.recipient == bindparam("recipient"), _C.stix_id == asked.c.value)
    return select(_C.position).select_from(asked.outerjoin(release, is_asked))


_under: Final = Prepared(_positions)


def _past_rows(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> list[PastRow]:
    columns = (_C.recipient, _C.position, _C.origin, _C.version_id, _J.classes, _C.rendition)
    # INVARIANT: rows are never removed, so this is complete. Withdrawn rows stay in the answer on purpose: an
    # ended agreement still explains past disclosures (I1).
    query = select(*columns).join(justification, _J.id == _C.justification_id).where(*conditions)
    # Ordered here: for the sake of that order SQLite would go through the whole ledger of a recipient.
    rows = sorted(connection.execute(query), key=lambda row: (row.recipient, row.position))
    # A disclosure holds a revision. The justification of that page is the first one that ended later.
    former = _former(connection, conditions)
    return [
        PastRow(
            NationCode(recipient),
            position,
            NationCode(origin),
            version,
            decode(classes),
            Form.of(form),
            tuple(former[recipient, position]),
        )
        for recipient, position, origin, version, classes, form in rows
    ]


def _former(
    connection: Connection, conditions: Sequence[ColumnElement[bool]]
) -> Mapping[tuple[str, int], list[tuple[int, Justification]]]:
    r = rejustification.c
    query = (
        select(r.recipient, r.position, r.revision, _J.classes)
        .join(release, and_(_C.recipient == r.recipient, _C.position == r.position))
        .join(justification, _J.id == r.justification_id)
        .where(*conditions)
        # By id, not by date: ids follow the revisions of the ledger, and a clock may step back. An
        # expression: no planner goes through all former justifications for the sake of this order.
        .order_by(r.id + 0)
    )
    found: dict[tuple[str, int], list[tuple[int, Justification]]] = defaultdict(list)
    for recipient, position, revision, classes in connection.execute(query):
        found[recipient, position].append((revision, decode(classes)))
    return found
