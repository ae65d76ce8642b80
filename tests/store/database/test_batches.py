"""Many rows are one statement, with one text, on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.exc import DataError, IntegrityError

from hub.store.database.batches import (
    among,
    batches_by_size,
    insert_all,
    insert_numbered,
    listed,
    update_all,
)
from hub.store.database.connection import Connection, Store
from hub.store.database.prepared import (
    Prepared,
    carried,
    carried_digests,
    is_among,
    is_among_digests,
    values_of,
)
from hub.store.schema.tables import content, creator_level, lease
from tests.statements import sent

COUNT = 2_500  # more than one statement takes


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    store = Store.open(database_url)
    store.migrate()
    with store.write() as connection:
        yield connection
    store.close()


def digest(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()


def body(n: int) -> dict[str, Any]:
    return {"origin": "US", "digest": digest(n), "size": n, "body": bytes([n % 256, 0, 255, 92, 39, 34])}


def test_rows_get_their_ids_in_their_own_order(connection: Connection) -> None:
    """With other rows before, and values that a text in JSON would change."""
    first = [*insert_numbered(connection, content, [body(10_000)])]
    ids = [*insert_numbered(connection, content, (body(n) for n in range(COUNT)))]
    assert ids == sorted(ids)
    assert first[0] < ids[0]
    stored = {row.id: row for row in connection.execute(select(content))}
    for n, id in enumerate(ids):
        row = stored[id]
        assert (bytes(row.digest), row.size, bytes(row.body), row.erased_at) == (
            *(digest(n), n, body(n)["body"]),
            None,
        )


def test_rows_of_thousands_are_one_statement(connection: Connection) -> None:
    with sent() as few:
        insert_all(connection, content, [body(1)])
    with sent() as many:
        insert_all(connection, content, [body(n) for n in range(2, 1_002)])
    assert many == few
    assert len(few) == 1


def test_texts_nulls_and_truth_come_back_as_they_were_given(connection: Connection) -> None:
    names = ["'; DROP TABLE lease; --", "%s %(rows)s ?", "ü日本 \U0001f600", '"\\', ""]
    insert_all(connection, lease, [{"name": name, "until": 2**62 + n} for n, name in enumerate(names)])
    found = connection.execute(select(lease.c.until, lease.c.name).order_by(lease.c.until)).all()
    assert [tuple(row) for row in found] == [(2**62 + n, name) for n, name in enumerate(names)]


def test_what_a_column_cannot_hold_is_refused(connection: Connection) -> None:
    """A database that checks lengths goes on checking; both refuse a second row with one key."""
    if connection.dialect.name == "postgresql":
        with pytest.raises(DataError), connection.begin_nested():
            insert_all(connection, lease, [{"name": "n" * 33, "until": 1}])
    with pytest.raises(IntegrityError), connection.begin_nested():
        insert_all(connection, lease, [{"name": "one", "until": 1}, {"name": "one", "until": 2}])
    assert connection.execute(select(lease.c.name)).all() == []


def test_many_rows_are_updated_by_one_statement(connection: Connection) -> None:
    keys = [{"member": "us-cert", "identity": f"identity--{n}", "tlp": n % 4} for n in range(100)]
    insert_all(connection, creator_level, [{**key, "count": 1} for key in keys])
    with sent() as statements:
        update_all(
            *(connection, creator_level, ["member", "identity", "tlp"]),
            rows=[{**key, "count": n} for n, key in enumerate(keys) if n % 2],
        )
    assert len(statements) == 1
    counts = connection.execute(select(creator_level.c.identity, creator_level.c.count)).all()
    assert dict(map(tuple, counts)) == {f"identity--{n}": n if n % 2 else 1 for n in range(100)}


def test_no_rows_are_no_statement(connection: Connection) -> None:
    with sent() as statements:
        insert_all(connection, lease, [])
        assert [*insert_numbered(connection, content, [])] == []
        update_all(connection, lease, ["name"], [])
    assert statements == []


def test_texts_do_not_grow_with_the_number_of_values(connection: Connection) -> None:
    """What drivers and servers keep by text is bounded, whatever lists are asked for."""
    with sent() as statements:
        for count in range(1, 200):
            values = [f"lease-{n}" for n in range(count)]
            connection.execute(select(lease.c.name).where(among(connection, lease.c.name, values)))
    assert len(set(statements)) <= 9


def test_a_condition_holds_for_its_values_alone(connection: Connection) -> None:
    insert_all(connection, lease, [{"name": f"lease-{n}", "until": n} for n in range(300)])
    by_name = Prepared(lambda pg: select(lease.c.until).where(is_among(pg, lease.c.name, "names")))
    by_until = Prepared(lambda pg: select(lease.c.until).where(is_among(pg, lease.c.until, "untils")))
    for count in (0, 1, 3, 128, 129, 250):
        untils = list(range(count))
        names = [f"lease-{n}" for n in untils]
        query = select(lease.c.until).where(among(connection, lease.c.name, names))
        assert sorted(connection.execute(query).scalars()) == untils
        assert sorted(by_name.scalars(connection, names=carried(connection, names))) == untils
        assert sorted(by_until.scalars(connection, untils=carried(connection, untils))) == untils
    assert sorted(connection.execute(listed(connection, [3, 4])).scalars()) == [3, 4]


def test_one_parameter_carries_texts_as_they_are(connection: Connection) -> None:
    """Whatever the array of PostgreSQL, or JSON, gives a meaning of its own."""
    texts = [
        "",
        "NULL",
        "null",
        '"',
        "\\",
        '\\"',
        "{a,b}",
        ",",
        "'; --",
        "%s %(a)s",
        "\n\t",
        " a ",
        "ü日\U0001f600",
    ]
    given = Prepared(lambda pg: values_of(pg, lease.c.name, "names"))
    assert given.scalars(connection, names=carried(connection, texts)) == texts
    assert given.scalars(connection, names=carried(connection, [])) == []


def test_digests_are_found_by_one_parameter(connection: Connection) -> None:
    insert_all(connection, content, [body(n) for n in range(300)])
    found = Prepared(
        lambda pg: select(content.c.size).where(
            content.c.origin == bindparam("origin"), is_among_digests(pg, content.c.digest, "digests")
        )
    )
    for count in (1, 2, 257):
        digests = carried_digests(connection, [digest(n) for n in range(300 - count, 301)])
        sizes = sorted(found.scalars(connection, origin="US", digests=digests))
        assert sizes == list(range(300 - count, 300))


def test_a_prepared_statement_runs_for_many_rows(connection: Connection) -> None:
    insert_all(connection, lease, [{"name": name, "until": 1} for name in "abc"])
    statement = Prepared(
        lambda _: lease.update().where(lease.c.name == bindparam("of")).values(until=bindparam("at"))
    )
    with sent() as statements:
        statement.run_many(connection, [{"of": "a", "at": 5}, {"of": "c", "at": 7}])
        statement.run_many(connection, [])
    assert len(statements) == 1
    assert dict(map(tuple, connection.execute(select(lease.c.name, lease.c.until)))) == {
        "a": 5,
        "b": 1,
        "c": 7,
    }


def test_pieces_of_a_few_megabytes_keep_their_order() -> None:
    sizes = [1_000_000] * 9 + [9_000_000] + [1] * 5
    pieces = list(batches_by_size(range(len(sizes)), lambda n: sizes[n]))
    assert [n for piece in pieces for n in piece] == list(range(len(sizes)))
    assert all(len(piece) == 1 or sum(sizes[n] for n in piece) <= 4_000_000 for piece in pieces)
    assert list(batches_by_size([], len)) == []
