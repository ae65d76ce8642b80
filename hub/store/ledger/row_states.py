"""The live rows of stored versions, read in bulk as values that can be compared."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, select

from hub.model import NationCode
from hub.store.database.prepared import Prepared, carried, is_among
from hub.store.ledger.releases import IS_LIVE, SHOWN
from hub.store.schema.tables import release

_C = release.c


class RowStates(NamedTuple):
    """The live rows of a version, in order of recipient.

    Versions with an equal `likeness` have equal rows but for the positions. `is_plain`: each row is served,
    as submitted, and the only one of its ledger.
    """

    likeness: tuple[Hashable, ...] = ()
    positions: tuple[tuple[NationCode, int], ...] = ()
    is_plain: bool = True

    def position(self, recipient: NationCode) -> int | None:
        """Return the position in this ledger; None: no row."""
        return next((position for code, position in self.positions if code == recipient), None)


def of(
    connection: Connection, versions: Collection[int], recipients: Collection[NationCode]
) -> dict[int, RowStates]:
    """Return the rows by which these versions are visible to these recipients, by key.

    Versions without rows are left out.
    """
    found: dict[int, RowStates] = {}
    if not versions:
        return found
    asked = {"keys": carried(connection, versions), "recipients": carried(connection, recipients)}
    for row in _states.rows(connection, **asked):
        key, position, is_plain, recipient = row[:4]
        likeness, place = row[3:], (NationCode(recipient), position)
        if (before := found.get(key)) is None:
            found[key] = RowStates((likeness,), (place,), bool(is_plain))
        else:
            # A second row of one ledger has another form.
            is_other = before.position(place[0]) is None
            likenesses, places = (*before.likeness, likeness), (*before.positions, place)
            found[key] = RowStates(likenesses, places, bool(is_plain) and is_other and before.is_plain)
    return found


def _reading(is_postgresql: bool) -> Select[Any]:
    is_plain = _C.withdrawn_at.is_(None) & _C.rendition.is_(None)
    query = select(
        *(_C.version_id, _C.position, is_plain, _C.recipient, _C.justification_id, _C.is_newest, *SHOWN)
    )
    return query.where(
        is_among(is_postgresql, _C.version_id, "keys"),
        is_among(is_postgresql, _C.recipient, "recipients"),
        IS_LIVE,
    ).order_by(_C.version_id, _C.recipient)


_states: Final = Prepared(_reading)
