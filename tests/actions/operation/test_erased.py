"""What is erased leaves no bytes in an SQLite file, however the SQLite of the machine was built."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub.actions.operation import restore, work
from hub.actions.operation.backup import backup
from hub.store.backup import restoring_sqlite
from tests.stix_objects import malware, stix_id
from tests.world import World, build, clause

SECRET = "xyzzy" * 5_000
MARK = b"xyzzyxyzzy"


@pytest.fixture(autouse=True)
def _keeps_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each connection begin as SQLite's own default has it; Debian builds it to erase by itself."""
    original = sqlite3.connect

    def connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
        connection = original(*arguments, **named)
        connection.execute("PRAGMA secure_delete=OFF")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    monkeypatch.setattr(sqlite3.dbapi2, "connect", connect)


@pytest.fixture
def file(tmp_path: Path, migrated_sqlite: Path) -> Path:
    (tmp_path / "hub.db").write_bytes(migrated_sqlite.read_bytes())
    (tmp_path / "hub.db").chmod(0o600)
    return tmp_path / "hub.db"


@pytest.fixture
def world(file: Path) -> Iterator[World]:
    """US shares with KR."""
    world = build(f"sqlite:///{file}")
    world.agree(["US", "KR"], clause("US", "KR", "green"))
    yield world
    world.close()


def bytes_of(file: Path) -> bytes:
    """What whoever takes the disk may read: the file, and what SQLite keeps beside it."""
    beside = [file.with_name(file.name + suffix) for suffix in ("-wal", "-journal")]
    return b"".join(path.read_bytes() for path in (file, *beside) if path.exists())


def checkpoint(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def test_a_connection_begins_as_it_would_without_the_hub(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA secure_delete").fetchone() == (0,)


def test_nothing_of_what_was_deleted_is_left(world: World, file: Path) -> None:
    world.push("us-agency", malware(tlp="green", description=SECRET))
    checkpoint(file)
    assert MARK in bytes_of(file)
    world.delete("us-agency", stix_id("malware"))
    checkpoint(file)
    assert MARK not in bytes_of(file)


def test_nothing_is_left_once_the_background_work_is_done(world: World, file: Path) -> None:
    """The `-wal` keeps what was written before until it is overwritten, which may be never."""
    world.push("us-agency", malware(tlp="green", description=SECRET))
    world.delete("us-agency", stix_id("malware"))
    assert MARK in bytes_of(file)
    assert work.work(world.service).is_done
    assert MARK not in bytes_of(file)


def test_who_reads_meanwhile_is_not_disturbed_and_the_next_pass_does_it(world: World, file: Path) -> None:
    world.push("us-agency", malware(tlp="green", description=SECRET))
    with world.service.store.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM content").scalar()
        world.delete("us-agency", stix_id("malware"))
        assert work.work(world.service).is_done
        assert MARK in b"".join(connection.exec_driver_sql("SELECT body FROM content").scalars())
    work.work(world.service)
    assert MARK not in bytes_of(file)


def test_nothing_of_what_a_restore_puts_away_is_left(world: World, file: Path, tmp_path: Path) -> None:
    backup(f"sqlite:///{file}", tmp_path / "backup")
    world.push("us-agency", malware(tlp="green", description=SECRET))
    checkpoint(file)
    assert MARK in bytes_of(file)
    restore.restore(f"sqlite:///{file}", tmp_path / "backup", world.clock)
    checkpoint(file)
    assert MARK not in bytes_of(file)


def test_what_is_restored_goes_through_a_connection_that_erases(file: Path) -> None:
    with closing(restoring_sqlite._open(file)) as connection:
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
