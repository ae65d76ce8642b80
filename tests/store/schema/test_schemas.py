"""The tables are compared with the code's: a number of a revision says nothing about them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from hub.errors import SettingsError
from hub.store.database.connection import Store
from hub.store.schema import schemas

# Statements that both databases know, and what is told of each; SQLite alters only a part of a table.
ALTERED = [
    ("ALTER TABLE object_version DROP COLUMN limits", "column object_version.limits is missing"),
    ("ALTER TABLE token RENAME COLUMN last_used_at TO used_at", "column token.last_used_at is missing"),
    ("ALTER TABLE token ADD COLUMN colour TEXT", "column token.colour is one too many"),
    ("ALTER TABLE lease RENAME TO leases", "table lease is missing"),
    ("DROP INDEX ix_submission_requested_at", "table submission has no index of (requested_at)"),
    ("CREATE UNIQUE INDEX one_a_name ON lease (until)", "table lease holds (until) unique"),
]
ON_POSTGRESQL = [
    ("ALTER TABLE member ALTER name TYPE VARCHAR(16)", "column member.name is VARCHAR(16) and must be"),
    ("ALTER TABLE member ALTER name DROP NOT NULL", "column member.name must not allow NULL"),
    ("ALTER TABLE member ALTER nation SET NOT NULL", "column member.nation must allow NULL"),
    ("ALTER TABLE ledger ALTER decided_at DROP DEFAULT", "column ledger.decided_at has no default"),
    ("ALTER TABLE lease DROP CONSTRAINT pk_lease", "table lease must have the primary key (name)"),
    (
        "ALTER TABLE content DROP CONSTRAINT uq_content_origin_digest",
        "table content must hold (origin, digest) unique",
    ),
]


@pytest.fixture
def store(empty_database_url: str) -> Iterator[Store]:
    store = Store.open(empty_database_url)
    store.migrate()
    yield store
    store.close()


def altered(store: Store, statement: str) -> str:
    with store._engine.begin() as connection:
        connection.execute(text(statement))
    assert store.outdated() is None
    return str(store.altered())


def test_what_migrations_make_is_what_the_code_knows(store: Store) -> None:
    assert store.altered() is None


@pytest.mark.parametrize(("statement", "told"), ALTERED)
def test_a_table_that_was_altered_is_told_with_table_and_column(
    store: Store, statement: str, told: str
) -> None:
    found = altered(store, statement)
    assert told in found
    assert "Alter the table back, or restore a backup into an empty database" in found


@pytest.mark.parametrize(("statement", "told"), ON_POSTGRESQL)
def test_types_and_constraints_are_compared(store: Store, statement: str, told: str) -> None:
    if store.is_sqlite:
        pytest.skip("SQLite alters no column, and its types bind nothing")
    assert told in altered(store, statement)


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE theirs (id INTEGER)", "CREATE INDEX theirs ON lease (until)"]
)
def test_further_tables_and_indexes_harm_nobody(store: Store, statement: str) -> None:
    assert altered(store, statement) == "None"


def test_a_newer_schema_is_told_as_such_and_left_alone(store: Store) -> None:
    newest = ", ".join(schemas.newest())
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    told = f"newer version of the hub (its schema is 9999, and this version's is {newest}): update the hub"
    assert told in str(store.outdated())
    with pytest.raises(SettingsError, match="update the hub"):
        store.migrate()


def test_an_older_schema_and_an_empty_database_are_told_apart(store: Store) -> None:
    for revisions, told in (((), "yet to be initialised"), (("0003",), "older version")):
        reason = str(schemas.outdated(revisions))
        assert told in reason
        assert "run `hub init`" in reason
