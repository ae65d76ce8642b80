"""The revisions of the schema: known to this version, found in a database, and the migration between.

Also compares the tables with the code. A revision number says nothing about a table that was altered by hand,
or made by a migration before its file was edited.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from alembic.command import upgrade
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Dialect, Index, Table, UniqueConstraint, inspect

from hub.errors import SettingsError
from hub.store.schema.tables import metadata

NEWEST: Final = "head"

_ALTERED: Final = (
    "the database's tables are not those of this version, though its schema is {}: {}. A table was altered, "
    "or a migration was edited after it had been applied. Alter the table back, or restore a backup into an "
    "empty database"
)
_COLUMNS: Final = "column_names"


def of(connection: Connection) -> tuple[str, ...]:
    """Return the revisions of this database. One revision is normal; none: no tables yet."""
    return MigrationContext.configure(connection).get_current_heads()


@cache
def newest() -> frozenset[str]:
    """Return the revision of this version. Read once, because `/readyz` asks often."""
    return frozenset(ScriptDirectory.from_config(_alembic()).get_heads())


@cache
def known() -> frozenset[str]:
    """Return every revision that this version can migrate, its own included."""
    script = ScriptDirectory.from_config(_alembic())
    return frozenset(revision.revision for revision in script.walk_revisions())


def foreign(revisions: Collection[str]) -> str | None:
    """Return why this version cannot use a database of these revisions; None: it can migrate it."""
    # INVARIANT: a server refuses an unknown schema (storage.md): a later version may mean other things by a
    # column.
    if unknown := sorted(set(revisions) - known()):
        return (
            f"the database is of a newer version of the hub (its schema is {', '.join(unknown)}, and this "
            f"version's is {', '.join(sorted(newest()))}): update the hub"
        )
    return None


def outdated(revisions: Collection[str]) -> str | None:
    """Return why this version cannot serve a database of these revisions, and the remedy; None: it can."""
    if frozenset(revisions) == newest():
        return None
    if (reason := foreign(revisions)) is not None:
        return reason
    if not revisions:
        return "the database has yet to be initialised: run `hub init`"
    return (
        f"the database is of an older version of the hub (its schema is {', '.join(sorted(revisions))}, and "
        f"this version's is {', '.join(sorted(newest()))}): run `hub init`"
    )


def migrate(connection: Connection, revision: str = NEWEST) -> None:
    """Bring the database to this revision, in the caller's transaction.

    Raises SettingsError for the database of a later version.
    """
    if (reason := foreign(of(connection))) is not None:
        raise SettingsError(f"database_url: {reason}")
    # One transaction for all steps: a failed migration leaves the old schema.
    config = _alembic()
    config.attributes["connection"] = connection
    upgrade(config, revision)


def _alembic() -> Config:
    # No alembic.ini: the code alone says where the migrations are.
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    return config


# --- the tables as they are ---------------------------------------------------------------------


def altered(differences: Sequence[str]) -> str | None:
    """Return the sentence for these differences, with the remedy; None: no differences."""
    return _ALTERED.format(", ".join(sorted(newest())), "; ".join(differences)) if differences else None


def differences(connection: Connection) -> list[str]:
    """Return the differences between the tables and the code, each with table and column.

    Compares columns with types, NULL, defaults, primary keys, uniqueness and indexes, in some ten
    milliseconds. Additional tables and indexes are harmless.
    """
    # Bulk queries, not one for each table: `hub check` and each start ask for all.
    found, inspector = [], inspect(connection)
    columns = _by_table(inspector.get_multi_columns())
    keys = _by_table(inspector.get_multi_pk_constraint())
    indexes = _by_table(inspector.get_multi_indexes())
    unique = _by_table(inspector.get_multi_unique_constraints())
    for name, table in sorted(metadata.tables.items()):
        if name not in columns:
            found.append(f"table {name} is missing")
            continue
        found += _columns(table, columns[name], connection.dialect)
        found += _keys(table, keys[name], indexes[name], unique[name])
    return found


def _by_table(reflected: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: value for (_, name), value in reflected.items()}


def _columns(table: Table, reflected: Iterable[Mapping[str, Any]], dialect: Dialect) -> Iterator[str]:
    there = {column["name"]: column for column in reflected}
    for column in table.columns:
        place = f"{table.name}.{column.name}"
        if (found := there.pop(column.name, None)) is None:
            yield f"column {place} is missing"
            continue
        # As text of the dialect: a variant of a type (`Id`) differs between the databases.
        right, stored = (one.compile(dialect) for one in (column.type, found["type"]))
        if right != stored:
            yield f"column {place} is {stored} and must be {right}"
        if bool(found["nullable"]) != bool(column.nullable):
            yield f"column {place} must{'' if column.nullable else ' not'} allow NULL"
        if column.server_default is not None and found["default"] is None:
            yield f"column {place} has no default"
    # A further column that must have a value would make every INSERT fail.
    yield from (f"column {table.name}.{name} is one too many" for name in there)


def _keys(
    table: Table, key: Mapping[str, Any], indexes: Sequence[Mapping[str, Any]], unique: Sequence[Any]
) -> Iterator[str]:
    if list(key["constrained_columns"]) != (right := [column.name for column in table.primary_key]):
        yield f"table {table.name} must have the primary key {_listed(right)}"
    # A unique constraint and a unique index promise the same: either will do.
    single = {tuple(one[_COLUMNS]) for one in (*unique, *(i for i in indexes if i["unique"]))}
    wanted = {tuple(c.columns.keys()) for c in table.constraints if isinstance(c, UniqueConstraint)}
    wanted |= {_of(index) for index in table.indexes if index.unique}
    yield from (f"table {table.name} must hold {_listed(one)} unique" for one in sorted(wanted - single))
    yield from (f"table {table.name} holds {_listed(one)} unique" for one in sorted(single - wanted))
    missing = {_of(index) for index in table.indexes} - {tuple(one[_COLUMNS]) for one in indexes}
    yield from (f"table {table.name} has no index of {_listed(one)}" for one in sorted(missing))


def _of(index: Index) -> tuple[str, ...]:
    return tuple(index.columns.keys())


def _listed(columns: Iterable[str | None]) -> str:
    return f"({', '.join(map(str, columns))})"
