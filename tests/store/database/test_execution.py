"""Statements that go to the driver by themselves fail, and are heard, as those of SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from sqlalchemy import bindparam, event, select, text
from sqlalchemy.exc import IntegrityError

from hub.errors import Interrupted
from hub.store.database.connection import Connection, Store
from hub.store.database.execution import executed, executed_many, fetched
from hub.store.database.prepared import Prepared
from hub.store.schema.tables import lease
from tests.statements import sent

INSERT = "INSERT INTO lease (name, until) VALUES ('one', 1)"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.open(database_url)
    store.migrate()
    yield store
    store.close()


def test_an_error_is_the_one_that_sqlalchemy_raises(store: Store) -> None:
    found = []
    for act in (executed, lambda connection, said: connection.execute(text(said))):
        with pytest.raises(IntegrityError) as caught:
            _twice(store, act)
        error = caught.value
        found.append((type(error), type(error.orig), error.connection_invalidated, error.hide_parameters))
    assert found[0] == found[1]
    with store.read() as connection:  # each transaction was rolled back
        assert fetched(connection, "SELECT name FROM lease") == []


def _twice(store: Store, act: Callable[[Connection, str], object]) -> None:
    with store.write() as connection:
        executed(connection, INSERT)
        act(connection, INSERT)


def test_a_lost_connection_takes_those_of_the_pool_with_it(store: Store) -> None:
    if store.is_sqlite:
        pytest.skip("a file loses no connection")
    with store.read() as one, store.read() as two:
        numbers = [fetched(each, "SELECT pg_backend_pid()")[0][0] for each in (one, two)]
    with pytest.raises(Interrupted):
        _end(store, numbers)
    with store.read() as one, store.read() as two:
        after = [fetched(each, "SELECT pg_backend_pid()")[0][0] for each in (one, two)]
    assert not {*numbers} & {*after}


def _end(store: Store, numbers: Iterable[int]) -> None:
    with store.write() as connection:
        for number in numbers:
            executed(connection, "SELECT pg_terminate_backend(%s)", (number,))
        executed(connection, "SELECT 1")


def test_listeners_hear_of_each_statement_once(store: Store) -> None:
    heard: list[tuple[str, bool]] = []
    event.listen(store._engine, "after_cursor_execute", lambda *call: heard.append((call[2], call[5])))
    rows = [("two", 2), ("three", 3)]
    with store.write() as connection, sent() as before:
        mark = "?, ?" if store.is_sqlite else "%s, %s"
        executed_many(connection, many := f"INSERT INTO lease (name, until) VALUES ({mark})", rows)
        names = fetched(connection, "SELECT name FROM lease ORDER BY until")
    assert names == [("two",), ("three",)]
    assert before == [many, "SELECT name FROM lease ORDER BY until"]
    assert (many, True) in heard


def test_rows_of_a_prepared_statement_have_names(store: Store) -> None:
    query = Prepared(lambda _: select(lease.c.name, lease.c.until).where(lease.c.name == bindparam("asked")))
    with store.write() as connection:
        executed(connection, INSERT)
        row = query.row(connection, asked="one")
        assert (row.name, row.until) == ("one", 1)
        assert query.row(connection, asked="none") is None
