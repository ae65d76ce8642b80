"""`hub restore`: what cannot be restored is refused in a sentence, and leaves everything as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from hub.actions.operation import restore
from hub.actions.operation.backup import backup
from hub.errors import Conflict, SettingsError, Unavailable, Unprocessable
from hub.store.backup import copies
from hub.store.database.connection import Store
from hub.store.schema import schemas
from tests.actions.restoring import beside, restorer, sharing_world
from tests.world import START, World, build


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with sharing_world(database_url) as world:
        yield world


@pytest.fixture
def back(world: World, database_url: str, tmp_path: Path) -> Callable[[], list[str]]:
    return restorer(world, database_url, tmp_path / "backup")


def test_junk_is_refused_in_a_sentence(world: World, database_url: str, tmp_path: Path) -> None:
    before = world.see("kr-cert")
    junk = {
        "nothing": b"",
        "text": b"no database" * 1_000,
        "sql": b"-- PostgreSQL database dump\nSELECT 1;\n",
        "torn": b"",
    }
    backup(database_url, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    junk["torn"] = whole[: len(whole) // 2]
    for name, content in junk.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Unprocessable, match="is no backup of a hub"):
            restore.restore(database_url, tmp_path / name, world.clock)
    with pytest.raises(Unprocessable, match="is no file"):
        restore.restore(database_url, tmp_path / "missing", world.clock)
    assert (world.see("kr-cert"), restore.epoch(world.service).closed_at) == (before, None)


def test_a_database_of_somebody_else_is_refused(world: World, database_url: str, tmp_path: Path) -> None:
    with beside(database_url) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (n INTEGER)"))
        engine.dispose()
        backup(url, tmp_path / "copy")
    with pytest.raises(Unprocessable, match="is no backup of a hub"):
        restore.restore(database_url, tmp_path / "copy", world.clock)


def test_a_database_that_was_never_initialised_is_refused(
    world: World, database_url: str, tmp_path: Path
) -> None:
    with beside(database_url) as url:
        store = Store.open(url)
        store.migrate()
        store.close()
        backup(url, tmp_path / "copy")
    with pytest.raises(Unprocessable, match="never initialised"):
        restore.restore(database_url, tmp_path / "copy", world.clock)


def test_a_backup_of_a_later_version_is_refused(world: World, database_url: str, tmp_path: Path) -> None:
    with world.service.store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    backup(database_url, tmp_path / "copy")
    with world.service.store.write() as connection:
        (newest,) = schemas.newest()
        connection.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})
    with pytest.raises(SettingsError, match="later version"):
        restore.restore(database_url, tmp_path / "copy", world.clock)


def test_a_database_of_another_version_stays(
    world: World, database_url: str, back: Callable[[], list[str]]
) -> None:
    for version, remedy in (("9999", "update the hub"), ("0010", "hub init")):
        with world.service.store.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
        with pytest.raises(SettingsError, match=remedy):
            back()
    with world.service.store.write() as connection:
        connection.execute(
            text("UPDATE alembic_version SET version_num = :v"), {"v": next(iter(schemas.newest()))}
        )


def test_without_postgresqls_program_one_sentence_says_which(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(copies, "_PACKAGED", tmp_path)
    with pytest.raises(SettingsError, match="pg_restore"):
        restore.restore("postgresql+psycopg://nobody@/hub", tmp_path / "file")


def test_the_database_itself_is_no_backup_of_it(migrated_sqlite: Path, tmp_path: Path) -> None:
    world = build(_copied(migrated_sqlite, tmp_path / "hub.db"), codes=("US",), kinds=("cert",))
    with pytest.raises(Unprocessable, match="the database itself"):
        restore.restore(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "hub.db")
    with pytest.raises(Unprocessable, match=r"hub\.db-wal lies beside it"):
        restore.restore(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "hub.db")
    world.close()


def _copied(model: Path, path: Path) -> str:
    path.write_bytes(model.read_bytes())
    return f"sqlite:///{path}"


def test_a_file_into_which_nothing_can_be_written_has_to_be_moved_away(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    world = build(_copied(migrated_sqlite, tmp_path / "hub.db"), codes=("US",), kinds=("cert",))
    backup(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "copy")
    world.close()
    (tmp_path / "hub.db").write_bytes(b"x" * 8_192)
    with pytest.raises(Unavailable, match=r"move it, hub\.db-wal and hub\.db-shm away"):
        restore.restore(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "copy")
    (tmp_path / "hub.db").unlink()
    (loss,) = restore.restore(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "copy")
    assert "no database to compare" in loss


def test_two_do_not_restore_at_once(migrated_sqlite: Path, tmp_path: Path) -> None:
    url = _copied(migrated_sqlite, tmp_path / "hub.db")
    build(url, codes=("US",), kinds=("cert",)).close()
    backup(url, tmp_path / "copy")
    refused = []

    def clock() -> datetime:
        if not refused:
            with pytest.raises(Conflict, match="Another") as error:
                restore.restore(url, tmp_path / "copy")
            refused.append(error)
        return START

    restore.restore(url, tmp_path / "copy", clock)
    assert len(refused) == 1
