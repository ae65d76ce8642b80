"""The schema that migrations make is the one the code knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from hub.errors import SettingsError, Unavailable
from hub.store.database.connection import Store
from hub.store.schema import tables
from hub.store.schema.tables import content, metadata


@pytest.fixture
def store(empty_database_url: str) -> Iterator[Store]:
    """A store over an empty database."""
    store = Store.open(empty_database_url)
    yield store
    store.close()


def test_upgrading_from_nothing_gives_the_tables_of_the_code(store: Store) -> None:
    store.migrate()
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        tables = set(inspect(connection).get_table_names())
    assert tables == set(metadata.tables) | {"alembic_version"}


def test_keys_and_constraints_are_there_too(store: Store) -> None:
    store.migrate()
    with store.read() as connection:
        inspector = inspect(connection)
        for name, table in metadata.tables.items():
            found = inspector.get_pk_constraint(name)["constrained_columns"]
            assert found == [column.name for column in table.primary_key], name
            foreign = {tuple(key["constrained_columns"]) for key in inspector.get_foreign_keys(name)}
            assert foreign == {tuple(key.column_keys) for key in table.foreign_key_constraints}, name


def test_only_the_schema_that_is_known_is_current(store: Store) -> None:
    assert not store.is_current()
    store.migrate()
    assert store.is_current()
    store.migrate()
    assert store.is_current()
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from the future'"))
    assert not store.is_current()


def test_a_migration_that_fails_leaves_nothing(store: Store) -> None:
    with store._engine.begin() as connection:  # the doors ask for the state of a hub, which is yet to be
        connection.execute(text("CREATE TABLE release (id INTEGER)"))
    with pytest.raises((Unavailable, DBAPIError)):
        store.migrate()
    assert not store.is_current()
    with store._engine.begin() as connection:
        left = set(inspect(connection).get_table_names())
    assert left - {"alembic_version"} == {"release"}


@pytest.mark.parametrize("url", ["mysql://localhost/hub", "mssql://localhost/hub"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="database_url"):
        Store.open(url)


def test_a_database_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    store = Store.open(f"postgresql+psycopg://nobody@/hub?host={tmp_path}")
    with pytest.raises(Unavailable), store.read():
        pass
    store.close()


def test_a_database_of_the_first_schema_keeps_its_rows(store: Store) -> None:
    with store._engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(tables.__file__).parents[1] / "migrations"))
        config.attributes["connection"] = connection
        upgrade(config, "0001")
        connection.execute(
            text("INSERT INTO content (id, origin, digest, size, body) VALUES (1, 'US', :text, 2, :text)"),
            {"text": b"{}"},
        )
    assert not store.is_current()
    store.migrate()
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        (kept,) = connection.execute(select(content.c.origin, content.c.body, content.c.erased_at))
    assert (kept.origin, bytes(kept.body), kept.erased_at) == ("US", b"{}", None)
