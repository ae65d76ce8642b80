"""A restore on PostgreSQL, under a lock that every transaction of the hub needs first.

All is one transaction. The migrations of this version make the copy from temporary tables. Only rows come
from the archive; none of its statements is executed. Then `hub_state` is locked. Every transaction reads it
first, so a waiting transaction holds nothing. No later lock can be held by another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Integer, text, update
from sqlalchemy.exc import DBAPIError

from hub.errors import InDoubt, Unavailable
from hub.store.backup import archives, losses, restorable
from hub.store.backup.archives import Rows
from hub.store.backup.losses import Places
from hub.store.backup.restorable import Compared
from hub.store.database import (
    causes,
    commits,
    engines,
    epochs,
    moments,
)
from hub.store.database.engines import Place
from hub.store.database.moments import Clock
from hub.store.schema import schemas
from hub.store.schema.tables import hub_state, metadata

_COPY: Final = "pg_temp"
_IN_USE: Final = ("55P03", "57014", "40P01")  # no lock in time, cancelled, deadlock
_NOT_ITS_ROWS: Final = ("22", "23", "42703")  # values, constraints, columns
_IN_DOUBT: Final = (
    "The backup may be in the database without being on a standby, or nothing was done: `hub epoch show` "
    "says which. To restore once more is harmless."
)


def restore(database_url: str, file: Path, clock: Clock | None = None) -> Sequence[str]:
    """Put the backup in place of the database. Return the known loss."""
    revision = restorable.check_revision(file, archives.revisions(file))
    engine = engines.engine_at(database_url, 1)
    try:
        with _said(engines.place(engine.url)), engine.connect() as connection:
            connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin() as transaction:
                schema = _prepare(connection)
                _take(connection, file, revision)
                loss = _enter(connection, schema, clock)
                commits.commit(connection, transaction, time.monotonic())
            return loss
    finally:
        engine.dispose()


@contextmanager
def _said(place: Place) -> Iterator[None]:
    """Raise Unavailable with the reason, if the database cannot be written."""
    try:
        yield
    except InDoubt as error:
        raise InDoubt(_IN_DOUBT) from error
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        held = ", for somebody holds a part of it" if getattr(cause, "sqlstate", None) in _IN_USE else ""
        said = causes.of(error, place).sentence
        refusal = f"The database cannot be restored{held}; nothing of it was changed: {said}"
        raise Unavailable(refusal) from error


def _prepare(connection: Connection) -> str:
    """Return the schema of the hub's tables. They exist then, in this version."""
    connection.execute(text("SELECT set_config('statement_timeout', '0', true)"))
    schema = str(connection.execute(text("SELECT current_schema()")).scalar_one())
    if revisions := schemas.of(connection):
        restorable.check_present(revisions)
    else:
        schemas.migrate(connection)
    return schema


@contextmanager
def _searching_in(connection: Connection, schema: str) -> Iterator[None]:
    """Let names without a schema mean the tables of this one, for this transaction."""
    path = connection.execute(text("SELECT current_setting('search_path')")).scalar_one()
    setting = text("SELECT set_config('search_path', :path, true)")
    quoted = sql.Identifier(schema).as_string(None)
    # PostgreSQL searches temporary tables first, unless the path names them last.
    connection.execute(setting, {"path": quoted if schema == _COPY else f"{quoted}, {_COPY}"})
    yield  # an error ends the transaction, and the setting with it
    connection.execute(setting, {"path": path})


@contextmanager
def _without_references(connection: Connection) -> Iterator[None]:
    """Let rows come in any order. Their foreign keys are checked at the end, all at once."""
    found = connection.execute(text(_REFERENCES)).all()
    for table, name, _ in found:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for table, name, definition in found:
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


_REFERENCES: Final = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'f' AND pg_table_is_visible(conrelid) ORDER BY conname
"""
_TEMPORARY: Final = """
    SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = ANY(:kinds)
"""


# --- the copy -----------------------------------------------------------------------------------


def _take(connection: Connection, file: Path, revision: str) -> None:
    """Make a copy in temporary tables, in this version's schema."""
    with _searching_in(connection, _COPY):
        schemas.migrate(connection, revision)
        connection.exec_driver_sql("DELETE FROM alembic_version")
        try:
            with _without_references(connection):
                _load(connection, file)
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if str(getattr(cause, "sqlstate", None) or "").startswith(_NOT_ITS_ROWS):
                raise restorable.no_backup(file, causes.named(error)) from error
            raise
        schemas.migrate(connection)
        restorable.check_initialised(file, connection)
        connection.exec_driver_sql(f"ANALYZE {', '.join(_names(metadata.tables))}")


def _load(connection: Connection, file: Path) -> None:
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    tables = set(connection.execute(text(_TEMPORARY), {"kinds": ["r"]}).scalars())
    sequences = set(connection.execute(text(_TEMPORARY), {"kinds": ["S"]}).scalars())
    with driver.cursor() as cursor, archives.parts(file) as parts:
        for part in parts:
            if isinstance(part, Rows):
                if part.table in tables:  # others are not of the hub
                    statement = f'COPY {_COPY}."{part.table}" ({part.columns}) FROM STDIN'
                    with cursor.copy(statement.encode()) as copy:
                        for line in part.lines:
                            copy.write(line)
            elif part.sequence in sequences:
                place = f'{_COPY}."{part.sequence}"'
                cursor.execute("SELECT setval(%s, %s, %s)", (place, part.number, part.is_given))


# --- into the database --------------------------------------------------------------------------


def _enter(connection: Connection, schema: str, clock: Clock | None) -> Sequence[str]:
    """Replace the rows of the present tables with the rows of the copy, in another epoch, closed."""
    # INVARIANT: from here on nobody else reads or writes: every transaction of the hub reads this table
    # first.
    place = sql.Identifier(schema, hub_state.name).as_string(None)
    connection.exec_driver_sql(f"LOCK TABLE {place} IN ACCESS EXCLUSIVE MODE")
    now = moments.now(connection, clock)
    with _searching_in(connection, _COPY):
        state = epochs.read_state(connection)
        compared = _compared(connection, schema, now)
        loss = restorable.begin_anew(connection, now, *compared)
        # The timeline of this server, not that of the backup: else the next transaction would see a
        # promotion.
        server = {"timeline": state.timeline, "standby_names": state.standby_names}
        connection.execute(update(hub_state).values(**server))
    with _searching_in(connection, schema):
        names = ", ".join(_names(metadata.tables))
        with _without_references(connection):
            connection.exec_driver_sql(f"TRUNCATE {names}")
            _fill(connection)
        connection.exec_driver_sql(f"ANALYZE {names}")
    # PgBouncer may give this session to another client: nothing stays in it.
    connection.exec_driver_sql("DISCARD TEMP")
    return loss


def _compared(connection: Connection, schema: str, now: datetime) -> Compared:
    if not losses.is_initialised(connection, schema):
        return restorable.unknown(connection, restorable.NO_DATABASE)
    try:
        with connection.begin_nested():
            return restorable.compare(connection, Places(schema, _COPY), now)
    except DBAPIError:
        return restorable.unknown(connection, restorable.UNREADABLE)


def _fill(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        (name,) = _names([table.name])
        columns = ", ".join(_names(table.columns.keys()))
        copied = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {_COPY}.{name}"  # noqa: S608 - our names
        connection.exec_driver_sql(copied)
        column = table.autoincrement_column
        if column is not None and isinstance(column.type, Integer):
            _let_count_on(connection, name, column.name)


def _let_count_on(connection: Connection, table: str, column: str) -> None:
    sequence = text("SELECT pg_get_serial_sequence(:table, :column)")
    here = connection.execute(sequence, {"table": table, "column": column}).scalar_one()
    there = connection.execute(sequence, {"table": f"{_COPY}.{table}", "column": column}).scalar_one()
    query = f"SELECT setval(:here, last_value, is_called) FROM {there}"  # noqa: S608 - as PostgreSQL names it
    connection.execute(text(query), {"here": here})


def _names(names: Mapping[str, Any] | Sequence[str]) -> list[str]:
    return [sql.Identifier(name).as_string(None) for name in names]
