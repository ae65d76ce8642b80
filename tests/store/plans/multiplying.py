"""Makes many stored objects of a few: copies rows with a handful of INSERT … SELECT statements.

Each copy has ids and positions of its own, and the facts, justifications and references of its model. So two
hundred thousand rows are there in seconds, and no rule has to run for each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    String,
    Table,
    case,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    table,
    text,
    update,
)

from hub.store.schema.disclosure_tables import disclosure
from hub.store.schema.tables import (
    content,
    ledger,
    object_version,
    reference,
    release,
    submission_item,
)

_NUMBERS = table("copy_numbers", column("k", BigInteger))
_K = _NUMBERS.c.k
_DIGITS = 12  # at the end of an id
_PAGE = 1_000


@dataclass
class Multiplier:
    """Copies objects within one database. `made` counts the copies of all calls: no two get one id."""

    made: int = 0

    def multiply(self, connection: Connection, ids: Collection[str], copies: int) -> None:
        """Copy every version with these STIX ids so many times, with rows in all ledgers.

        The copies come in turn: the first of each id, then the second of each. References between the ids
        lead from copy to copy; other references stay.
        """
        if not copies:
            return
        first, self.made = self.made, self.made + copies
        _number(connection, first, copies)
        models = select(object_version.c.id).where(object_version.c.stix_id.in_(sorted(ids)))
        bodies = select(object_version.c.content_id).where(object_version.c.id.in_(models))
        key, body = _shift(connection, object_version, first), _shift(connection, content, first)
        keys, contents = connection.scalars(models).all(), connection.scalars(bodies).all()
        c, v, r = content.c, object_version.c, reference.c
        _copy(connection, content, c.id.in_(contents), {c.id: body(c.id), c.digest: _digest(connection)})
        of_versions = {v.id: key(v.id), v.stix_id: _id(v.stix_id), v.content_id: body(v.content_id)}
        _copy(connection, object_version, v.id.in_(keys), of_versions)
        target = case((r.target.in_(sorted(ids)), _id(r.target)), else_=r.target)
        _copy(
            connection, reference, r.version_id.in_(keys), {r.version_id: key(r.version_id), r.target: target}
        )
        for recipient, position, last_date in connection.execute(select(ledger.c[:3])).all():
            _copy_rows(connection, (recipient, position, last_date), keys, (key, body), (first, copies))
        connection.execute(text("DROP TABLE copy_numbers"))


def add_disclosures(connection: Connection, members: Mapping[str, str], count: int) -> None:
    """Record so many pages of a thousand positions for each member, by its nation."""
    _number(connection, 0, count)
    d = disclosure.c
    for member, nation in members.items():
        start = _K * _PAGE + 1
        runs = cast(start, String).concat(f"+{_PAGE - 1}")
        values: dict[ColumnElement[Any], Any] = {d.member: literal(member), d.recipient: literal(nation)}
        values |= {d.at: _K + 1, d.kind: literal("objects"), d.revision: literal(0), d.generation: literal(0)}
        values |= {d.first_position: start, d.last_position: start + _PAGE - 1, d.runs: runs}
        chosen = select(*values.values()).select_from(_NUMBERS)
        names = [one.key for one in values]
        connection.execute(insert(disclosure).from_select(names, chosen, include_defaults=False))
    connection.execute(text("DROP TABLE copy_numbers"))


def add_outcomes(connection: Connection, count: int) -> None:
    """Give every submission so many further outcomes."""
    _number(connection, 0, count)
    i = submission_item.c
    values = {i.index: i.index + 100 * (_K + 1), i.id: _id(i.id)}
    _copy(connection, submission_item, i.index < 100, values)
    connection.execute(text("DROP TABLE copy_numbers"))


def _number(connection: Connection, first: int, count: int) -> None:
    """Make the table with a number for each copy."""
    made = "WITH RECURSIVE n(k) AS (SELECT CAST({} AS BIGINT) UNION ALL SELECT k + 1 FROM n WHERE k < {})"
    numbers = made.format(first, first + count - 1)
    connection.execute(text(f"CREATE TEMPORARY TABLE copy_numbers AS {numbers} SELECT k FROM n"))


def _shift(connection: Connection, of: Table, first: int) -> Any:
    """Return what makes the key of a copy: beyond all present keys, and another for each copy."""
    last = connection.scalar(select(func.max(of.c.id))) or 0
    return lambda key: literal(last, BigInteger) + (_K - first) * last + key


def _id(id: ColumnElement[str]) -> ColumnElement[str]:
    number = func.substr(cast(_K + 10**_DIGITS, String), 2)
    return func.substr(id, 1, func.length(id) - _DIGITS).concat(number)


def _digest(connection: Connection) -> ColumnElement[bytes]:
    if connection.dialect.name == "postgresql":
        return func.sha256(content.c.digest.op("||")(func.convert_to(cast(_K, String), "UTF8")))
    return text("CAST(hex(content.digest) || k AS BLOB)")


def _copy(
    connection: Connection, of: Table, condition: ColumnElement[bool], values: Mapping[Any, Any]
) -> None:
    chosen = [values.get(one, one) for one in of.c]
    query = select(*chosen).select_from(of.join(_NUMBERS, literal(value=True))).where(condition)
    connection.execute(insert(of).from_select([one.name for one in of.c], query, include_defaults=False))


def _copy_rows(
    connection: Connection,
    end: tuple[str, int, int],
    keys: Collection[int],
    shifts: tuple[Any, Any],
    numbers: tuple[int, int],
) -> None:
    """Append the rows of the copies to one ledger, which ends at this position and date."""
    (recipient, position, last_date), (key, body), (first, copies) = end, shifts, numbers
    r = release.c
    n = func.row_number().over(order_by=r.position).label("n")
    is_model = (r.recipient == recipient, r.version_id.in_(keys), r.withdrawn_at.is_(None))
    models = select(release, n).where(*is_model, r.rendition.is_(None)).subquery("models")
    count = connection.scalar(select(func.count()).select_from(models)) or 0
    m, place = models.c, (_K - first) * count + models.c.n
    values: dict[str, Any] = {
        "position": literal(position, BigInteger) + place,
        "date_added": literal(last_date, BigInteger) + place,
        "stix_id": _id(m.stix_id),
    }
    values |= {"version_id": key(m.version_id), "content_id": body(m.content_id)}
    chosen = [values.get(one.name, m[one.name]) for one in release.c]
    query = select(*chosen).select_from(models.join(_NUMBERS, literal(value=True))).order_by(_K, m.n)
    connection.execute(insert(release).from_select([one.name for one in r], query, include_defaults=False))
    more = count * copies
    changed = update(ledger).where(ledger.c.recipient == recipient)
    connection.execute(changed.values(position=position + more, last_date=last_date + more))
