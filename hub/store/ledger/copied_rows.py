"""Rows of stored versions as submitted, appended in bulk: the database copies the values of the versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    Connection,
    Insert,
    String,
    bindparam,
    case,
    column,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from hub.model import Justification, MemberId, NationCode
from hub.store.database.prepared import Prepared, carried
from hub.store.schema.tables import content, object_version, release

_V = object_version.c
_CARRIED: Final = ("keys", "justifications", "numbers")


class CopiedRow(NamedTuple):
    """A row to append for a stored version as submitted. `version` is the key of the version."""

    version: int
    member: MemberId
    justification: Justification


def insert_rows(
    connection: Connection,
    recipient: NationCode,
    begin: tuple[int, int],
    rows: Sequence[tuple[int, int, int]],
) -> None:
    """Insert a row for each version: by its key, the id of its justification, and the number of the row.

    `begin` has the position and the date of the row with the number 0. The caller has reserved these
    (`ends.take`).
    """
    if not rows:
        return
    place = {"recipient": recipient, "position": begin[0], "date": begin[1]}
    if connection.dialect.name == "postgresql":
        lists = zip(_CARRIED, zip(*rows, strict=True), strict=True)
        _insertion.run(connection, **place, **{name: carried(connection, some) for name, some in lists})
    else:
        _insertion.run(connection, **place, rows=orjson.dumps(rows).decode())


def _inserting(is_postgresql: bool) -> Insert:
    rows: Any
    if is_postgresql:
        lists = (bindparam(name, type_=ARRAY(BigInteger)) for name in _CARRIED)
        columns = (column(name, BigInteger) for name in _CARRIED)
        rows = func.unnest(*lists).table_valued(*columns).render_derived()
        key, justification_id, number = rows.c
    else:
        rows = func.json_each(bindparam("rows", type_=String)).table_valued("value")
        values = (func.json_extract(rows.c.value, f"$[{at}]") for at in range(len(_CARRIED)))
        key, justification_id, number = values
    date = bindparam("date", type_=BigInteger) + number
    withdrawn_at = case((_V.deleted_at.is_not(None), date))
    # The same values as `releases._row` gives.
    row = {
        "recipient": bindparam("recipient", type_=String),
        # INVARIANT: positions gapless, dates strictly increasing: both grow by one a row (I4).
        "position": bindparam("position", type_=BigInteger) + number,
        "date_added": date,
        **{name: _V[name] for name in ("origin", "member", "stix_id", "type", "version", "version_key")},
        "version_id": _V.id,
        "is_newest": _V.is_newest,
        "justification_id": justification_id,
        "content_id": _V.content_id,
        "size": content.c.size,
        # As `ObjectVersion.shown` (hub/README: shown-by-rows).
        "shown_tlp": _V.effective_tlp,
        "is_bound": or_(_V.limits.is_not(None), _V.rel_to.is_not(None)),
        "shown_rel_to": _V.rel_to,
        "shown_closed": or_(_V.is_closed, _V.is_home),
        "withdrawn_at": withdrawn_at,
        "deleted_at": withdrawn_at,
    }
    versions = rows.join(object_version, key == _V.id).join(content, content.c.id == _V.content_id)
    return insert(release).from_select([*row], select(*row.values()).select_from(versions))


_insertion: Final = Prepared(_inserting)
