"""The statements of a poll. Each is built and compiled once for all queries with the same filters.

To build a statement costs as much as to answer it. So a poll gives its values to a compiled text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    any_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from hub.model import Query, VersionFilter, to_microseconds
from hub.store.database import moments
from hub.store.ledger import disclosures
from hub.store.schema.tables import (
    content,
    hub_state,
    justification,
    ledger,
    member,
    release,
    token,
)

ROW: Final = ("position", "date_added", "stix_id", "version", "content_id", "size")
_C = release.c
_POSTGRESQL: Final = "postgresql"


class Shape(NamedTuple):
    """The filters that a query has: statements differ in these alone. Values are given each time."""

    is_postgresql: bool
    is_after: bool
    has_origin: bool
    has_ids: bool
    has_types: bool
    has_versions: bool
    selections: frozenset[VersionFilter]
    is_spec_version: bool

    @classmethod
    def of(cls, connection: Connection, query: Query) -> Shape:
        """Return the shape of a query."""
        return cls(
            connection.dialect.name == _POSTGRESQL,
            query.added_after is not None,
            query.origin is not None,
            bool(query.ids),
            bool(query.types),
            bool(query.versions),
            query.selections,
            "2.1" in query.spec_versions,
        )


def values(connection: Connection, query: Query, valid: Collection[int]) -> dict[str, Any]:
    """Return the values for a statement of the query's shape."""
    found: dict[str, Any] = {
        "nation": query.reader.nation,
        "member": query.reader.member,
        "origin": query.origin,
        "limit": query.limit,
        "after": None if query.added_after is None else to_microseconds(query.added_after),
    }
    # Any number of values is one parameter: no limit of a driver, and one text for all lengths.
    lists = (
        ("valid", valid),
        ("ids", sorted(query.ids)),
        ("types", sorted(query.types)),
        ("versions", sorted(query.versions)),
    )
    is_postgresql = connection.dialect.name == _POSTGRESQL
    return found | {name: listed(is_postgresql, one) for name, one in lists}


def listed(is_postgresql: bool, found: Collection[Any]) -> Any:
    """Return the one parameter that carries any number of values."""
    return list(found) if is_postgresql else orjson.dumps(list(found)).decode()


class Text:
    """A compiled statement: its text, and the names of its values in the order of the driver."""

    def __init__(self, connection: Connection, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=connection.dialect)
        self._text = str(compiled)
        self._own = compiled.params
        self._order: Sequence[str] | None = getattr(compiled, "positiontup", None)

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> Sequence[Any]:
        """Return the rows as the driver gives them."""
        known = {**self._own, **given}
        parameters: Any = {name: known[name] for name in self._own}
        if self._order is not None:
            parameters = tuple(known[name] for name in self._order)
        return connection.exec_driver_sql(self._text, parameters).all()


# Bounded: a shape has a few flags. Two threads may compile the same text; either is right.
_texts: dict[tuple[Any, ...], Text] = {}


def page(connection: Connection, query: Query, *, is_cut: bool, is_timed: bool) -> Text:
    """Return the statement that reads a page. On PostgreSQL the statement records the page too.

    `is_cut`: the bodies count, up to the value `max_bytes`. `is_timed`: the clock is the value `clock`.
    """
    shape = Shape.of(connection, query)
    key = ("page", shape, is_cut, is_timed)
    if key not in _texts:
        _texts[key] = Text(connection, _page(shape, is_cut=is_cut, is_timed=is_timed))
    return _texts[key]


def emptiness(connection: Connection, query: Query, *, is_timed: bool) -> Text:
    """Return the statement that says whether a page would have rows."""
    shape = Shape.of(connection, query)
    key = ("emptiness", shape, is_timed)
    if key not in _texts:
        moment = _moment(shape, is_timed=is_timed)
        is_there = exists(_found(shape, moment).limit(1).subquery().select())
        asked = select(moment.c.is_admitted, moment.c.is_current, is_there.label("is_there"))
        _texts[key] = Text(connection, asked)
    return _texts[key]


def bodies(connection: Connection) -> Text:
    """Return the statement that reads bodies: id and body for each of the value `ids`."""
    key = ("bodies", connection.dialect.name)
    if key not in _texts:
        wanted = _any(connection.dialect.name == _POSTGRESQL, content.c.id, "ids")
        _texts[key] = Text(connection, select(content.c.id, content.c.body).where(wanted))
    return _texts[key]


def rows(shape: Shape, *columns: ColumnElement[Any]) -> Select[Any]:
    """Return the query for the rows of a reader's ledger that match the filters."""
    return select(*columns).where(*_visible(shape, release), *_filters(shape))


# --- parts ---------------------------------------------------------------------------------------


def _page(shape: Shape, *, is_cut: bool, is_timed: bool) -> Select[Any]:
    moment = _moment(shape, is_timed=is_timed)
    # One row more than the limit: its presence says that more rows follow (`more` of TAXII 2.1, 3.7).
    found = _found(shape, moment).limit(bindparam("limit", type_=BigInteger) + 1).cte("found")
    cut = _cut(found, is_cut=is_cut).cte("page")
    count = select(func.count()).select_from(found).scalar_subquery()
    columns = [moment.c.is_admitted, moment.c.is_current, moment.c.now, moment.c.revision, count.label("n")]
    columns += [cut.c[name] for name in ROW]
    statement = select(*columns).select_from(moment.outerjoin(cut, true())).order_by(cut.c.position)
    # INVARIANT: nothing stale leaves (I3). Admission, validity, rows and disclosure are one statement and so
    # one snapshot (storage.md). SQLite has one writer: there `BEGIN IMMEDIATE` gives the same.
    return statement.add_cte(disclosures.insertion(cut, moment)) if shape.is_postgresql else statement


def _moment(shape: Shape, *, is_timed: bool) -> CTE:
    """Return the CTE with the reader's admission and the validity of the process's memory, at one moment.

    Tokens are judged by the clock alone, agreements at the later of the clock and the last decision.
    """
    clock: ColumnElement[int] = bindparam("clock", type_=BigInteger)
    if not is_timed:
        clock = moments.primary_clock()
    read = select(clock.label("clock")).cte("clock")
    at = read.c.clock
    is_admitted = exists().where(
        token.c.public_id == bindparam("token"),
        token.c.member == member.c.id,
        token.c.revoked_at.is_(None),
        or_(token.c.expires_at.is_(None), token.c.expires_at > at),
        member.c.id == bindparam("member"),
        member.c.suspended_at.is_(None),
    )
    # INVARIANT: a page is judged no earlier than the last decision (I3, I4). Otherwise a clock that steps
    # back would make an expired period valid again.
    latest = func.greatest if shape.is_postgresql else func.max
    now = latest(at, ledger.c.decided_at, hub_state.c.changed_at)
    is_newer = (justification.c.recipient == bindparam("nation"), justification.c.id > bindparam("last"))
    # Each condition is a thing that the process remembers and others may have changed: epoch, agreements,
    # closing, the clock's limits, and new justifications. One that fails gives an empty page, and the caller
    # refreshes the memory.
    is_current = and_(
        hub_state.c.epoch == bindparam("epoch"),
        hub_state.c.generation == bindparam("generation"),
        hub_state.c.closed_at.is_(None),
        now >= bindparam("since", type_=BigInteger),
        now < bindparam("until", type_=BigInteger),
        ~exists().where(*is_newer),
    )
    columns = (
        now.label("now"),
        is_admitted.label("is_admitted"),
        is_current.label("is_current"),
        *(ledger.c.revision, hub_state.c.generation, hub_state.c.epoch),
    )
    is_readers = ledger.c.recipient == bindparam("nation")
    return select(*columns).select_from(read.join(hub_state, true()).join(ledger, is_readers)).cte("moment")


def _found(shape: Shape, moment: CTE) -> Select[Any]:
    # INVARIANT: no admission or no validity gives no row. The condition is in the statement itself (I3).
    may_read = select(and_(moment.c.is_admitted, moment.c.is_current)).scalar_subquery()
    return rows(shape, *(_C[name] for name in ROW)).where(may_read).order_by(_C.position)


def _cut(found: CTE, *, is_cut: bool) -> Select[Any]:
    """Return the rows of a page: at most so many rows and bytes, but one row at least."""
    number = func.row_number().over(order_by=found.c.position).label("number")
    size = func.sum(found.c.size).over(order_by=found.c.position).label("total")
    counted = select(found, number, *([size] if is_cut else [])).subquery("counted")
    fits = [counted.c.number <= bindparam("limit")]
    if is_cut:
        fits.append(or_(counted.c.number == 1, counted.c.total <= bindparam("max_bytes", type_=BigInteger)))
    return select(*(counted.c[name] for name in ROW)).where(*fits)


def _any(is_postgresql: bool, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that `column` is among the values of one parameter (`listed`)."""
    kind = BigInteger if isinstance(column.type, BigInteger) or column.type.python_type is int else String
    if is_postgresql:
        return column == any_(bindparam(name, type_=ARRAY(kind)))
    return column.in_(select(func.json_each(bindparam(name, type_=String)).table_valued("value").c.value))


def _visible(shape: Shape, table: Any) -> Iterable[ColumnElement[bool]]:
    """Give the conditions for visible rows; a member's own submissions are always visible (policy 2.7)."""
    yield table.c.recipient == bindparam("nation")
    # Rows are marked, never removed: positions stay gapless and keep their meaning.
    yield table.c.withdrawn_at.is_(None)
    is_valid = _any(shape.is_postgresql, table.c.justification_id, "valid")
    yield or_(is_valid, table.c.member == bindparam("member"))


def _filters(shape: Shape) -> Iterable[ColumnElement[bool]]:
    # The hub holds STIX 2.1 alone.
    if not shape.is_spec_version:
        yield false()
    if shape.is_after:
        yield _C.position > _last_position()
    if shape.has_origin:
        yield _C.origin == bindparam("origin")
    if shape.has_ids:
        yield _any(shape.is_postgresql, _C.stix_id, "ids")
    if shape.has_types:
        yield _any(shape.is_postgresql, _C.type, "types")
    if VersionFilter.ALL not in shape.selections:
        yield or_(*_versions(shape))


def _last_position() -> ColumnElement[int]:
    """Return the last position whose date is not later than `after`."""
    # INVARIANT: dates strictly increase with positions. So a date names one position, and the page is a range
    # of the primary key. A poll by `added_after` misses nothing (I4).
    earlier = release.alias("earlier_row").c
    is_before = (
        earlier.recipient == bindparam("nation"),
        earlier.date_added <= bindparam("after", type_=BigInteger),
    )
    last = select(earlier.position).where(*is_before).order_by(earlier.date_added.desc()).limit(1)
    return func.coalesce(last.scalar_subquery(), 0)


def _versions(shape: Shape) -> Iterable[ColumnElement[bool]]:
    if VersionFilter.LAST in shape.selections:
        yield _C.is_newest.is_(True)
    if shape.has_versions:
        yield _any(shape.is_postgresql, _C.version_key, "versions")
    # (hub/README: first-incremental)
    if VersionFilter.FIRST in shape.selections:
        earlier = release.alias("earlier")
        # Among visible rows alone: `first` must not say that a hidden version exists (policy 9).
        same_record = (earlier.c.member == _C.member, earlier.c.stix_id == _C.stix_id)
        is_before = earlier.c.version_key < _C.version_key
        yield ~exists().where(*_visible(shape, earlier), *same_record, is_before)
