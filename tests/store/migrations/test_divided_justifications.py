"""0014 gives each justification one origin, and notes the justifications of own rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import text

from hub.model import NationCode
from hub.store.database.connection import Store
from hub.store.ledger.justifications import digest_of
from hub.store.schema import tables

EVERYBODY, NARROW, UNUSED = "[[[null,1,null]]]", "[[[null,3,null]]]", "[[[null,2,null]]]"
FILLING = [
    "INSERT INTO ledger (recipient, position, last_date, decided_at, revision) VALUES ('KR', 4, 4, 4, 1)",
    "INSERT INTO content (id, origin, digest, size, body) VALUES (1, 'US', :digest, 2, :digest)",
    *(
        "INSERT INTO object_version (id, origin, member, stix_id, type, version, version_key, is_newest,"
        " has_spec_version, submitted_at, content_id, is_contained, is_accepted_definition, effective_tlp,"
        f" is_closed) VALUES ({n}, 'US', 'm', 'malware--{n}', 'malware', 'v', 'v', true, true, 0, 1, false,"
        " false, 1, false)"
        for n in (1, 2, 3, 4)
    ),
    *(
        f"INSERT INTO justification (recipient, digest, classes) VALUES ('KR', :{name}, '{classes}')"
        for name, classes in [("one", EVERYBODY), ("two", NARROW), ("three", UNUSED)]  # numbered 1, 2, 3
    ),
    *(
        "INSERT INTO release (recipient, position, date_added, origin, member, version_id, stix_id, type,"
        f" version, version_key, is_newest, justification_id, content_id, size) VALUES ('KR', {n}, {n},"
        f" '{origin}', '{member}', {n}, 'malware--{n}', 'malware', 'v', 'v', true, {justification}, 1, 2)"
        for n, origin, member, justification in [
            (1, "KR", "kr-cert", 1),
            (2, "hub", "hub", 1),
            (3, "US", "us-cert", 2),
            (4, "US", "us-cert", 2),
        ]
    ),
    """INSERT INTO rejustification (recipient, position, until, revision, justification_id)
       VALUES ('KR', 4, 1, 1, 1)""",
]


@pytest.fixture
def store(empty_database_url: str) -> Iterator[Store]:
    """A database of revision 0013, in which rows of three origins had one justification."""
    store = Store.open(empty_database_url)
    with store._engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(tables.__file__).parents[1] / "migrations"))
        config.attributes["connection"] = connection
        upgrade(config, "0013")
        values = {"digest": b"{}", "one": _old(EVERYBODY), "two": _old(NARROW), "three": _old(UNUSED)}
        for statement in FILLING:
            connection.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
    yield store
    store.close()


def _old(classes: str) -> bytes:
    return hashlib.sha256(classes.encode()).digest()


def test_each_row_keeps_what_justifies_it_by_one_of_its_own_origin(store: Store) -> None:
    store.migrate()
    with store._engine.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT r.position, r.origin, j.origin, j.classes, j.digest FROM release r"
                " JOIN justification j ON j.id = r.justification_id ORDER BY r.position"
            )
        ).all()
        former = connection.execute(
            text(
                "SELECT j.origin, j.classes FROM rejustification r JOIN justification j"
                " ON j.id = r.justification_id"
            )
        ).all()
        own = connection.execute(text("SELECT recipient, member FROM own_justification")).all()
        unused = connection.execute(text("SELECT origin FROM justification WHERE id = 3")).scalar_one()
    assert [(n, origin) for n, origin, *_ in rows] == [(1, "KR"), (2, "hub"), (3, "US"), (4, "US")]
    assert [classes for *_, classes, _ in rows] == [EVERYBODY, EVERYBODY, NARROW, NARROW]
    for _, of_row, of_justification, classes, digest in rows:
        assert of_justification == of_row
        assert bytes(digest) == digest_of(NationCode(of_row), classes)
    assert [tuple(one) for one in former] == [("US", EVERYBODY)]
    assert [tuple(one) for one in own] == [("KR", "kr-cert")]
    assert unused == ""
