"""What the operator is told of a database's trouble: its cause, its place, a remedy; and never a secret."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import make_url, text

from hub.errors import DamagedDatabase, Unavailable
from hub.store.database import causes, engines, file_causes
from hub.store.database.connection import Store
from tests import postgres
from tests.ports import free_port
from tests.store.refusing import refusing

_AWAY = "The hub's database cannot be reached at the moment; try again."
_SECRET = "marker-of-a-password"


def _refusal(url: str, statement: str | None = None) -> Unavailable:
    """What the doors raise at this database, when it is asked whether it is current or this statement."""
    store = Store.open(url)
    try:
        with pytest.raises(Unavailable) as caught:
            _ask(store, statement)
    finally:
        store.close()
    assert str(caught.value) == _AWAY  # and nothing of the cause, whoever asks
    assert caught.value.retry_after_seconds
    assert _SECRET not in caught.value.in_full
    return caught.value


def _ask(store: Store, statement: str | None) -> None:
    if statement is None:
        store.is_current()
        return
    store.migrate()
    with store.write() as connection:
        connection.exec_driver_sql(statement)


# --- PostgreSQL: a server that cannot be reached ------------------------------------------------


def test_a_refused_connection_is_told_with_host_and_port() -> None:
    port = free_port()
    found = _refusal(f"postgresql+psycopg://hub:{_SECRET}@127.0.0.1:{port}/hub")
    assert found.cause == (
        f"database hub at 127.0.0.1:{port} as role hub: the connection is refused: nobody listens there "
        "(no connection); start PostgreSQL, or correct host and port."
    )
    assert not found.is_lasting


def test_a_name_that_does_not_resolve_is_told() -> None:
    found = _refusal(f"postgresql+psycopg://hub:{_SECRET}@no-such-host.invalid/hub")
    assert "no-such-host.invalid:5432 as role hub: the name of the host does not resolve" in found.cause


def test_a_server_that_does_not_answer_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        found = _refusal(f"postgresql+psycopg://hub:{_SECRET}@127.0.0.1:{port}/hub?connect_timeout=2")
    assert "no answer in time (time-out)" in found.cause


def test_a_socket_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = _refusal(f"postgresql+psycopg://hub:{_SECRET}@/hub?host={tmp_path}")
    assert f"database hub at {tmp_path}:5432 as role hub: there is no socket of a server" in found.cause


def test_a_server_that_hangs_up_is_told() -> None:
    with refusing("", "", "") as port:
        found = _refusal(f"postgresql+psycopg://hub:{_SECRET}@127.0.0.1:{port}/hub")
    assert f"127.0.0.1:{port}" in found.cause


@pytest.mark.parametrize(
    ("sqlstate", "message", "is_lasting"),
    [
        ("28P01", 'password authentication failed for user "hub"', True),
        (
            "28000",
            'no pg_hba.conf entry for host "10.0.0.1", user "hub", database "hub", no encryption',
            True,
        ),
        ("28000", 'pg_hba.conf rejects connection for host "[local]", user "hub", database "hub"', True),
        ("28000", 'role "hub" does not exist', True),
        ("28000", 'Peer authentication failed for user "hub"', True),
        ("3D000", 'database "hub" does not exist', True),
        ("42501", 'permission denied for database "hub"', True),
        ("53300", "sorry, too many clients already", False),
        ("53300", 'too many connections for role "hub"', False),
        ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute", False),
        ("57P03", "the database system is starting up", False),
        ("57P03", "the database system is shutting down", False),
        ("57P03", "the database system is not yet accepting connections", False),
    ],
)
def test_who_is_not_let_in_is_told_why(sqlstate: str, message: str, is_lasting: bool) -> None:
    known = causes.BY_SQLSTATE.get(sqlstate) or causes.BY_SQLSTATE[sqlstate[:2]]
    with refusing("FATAL", sqlstate, message) as port:
        found = _refusal(f"postgresql+psycopg://hub:{_SECRET}@127.0.0.1:{port}/hub")
    place = f"database hub at 127.0.0.1:{port} as role hub"
    assert found.cause == f"{place}: {known.what} ({sqlstate}); {known.remedy}."
    assert found.is_lasting is is_lasting


def test_a_server_that_speaks_another_language_is_quoted() -> None:
    with refusing("치명적오류", "28P01", '사용자 "hub"의 패스워드 인증을 실패했습니다') as port:
        found = _refusal(f"postgresql+psycopg://hub:{_SECRET}@127.0.0.1:{port}/hub")
    assert "패스워드 인증을 실패했습니다" in found.cause


@contextmanager
def _role(server_url: str, options: str) -> Iterator[str]:
    with psycopg.connect(postgres.conninfo(server_url), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE hub_poor LOGIN {options}")  # type: ignore[arg-type]
        try:
            yield "hub_poor"
        finally:
            connection.execute("DROP OWNED BY hub_poor")
            connection.execute("DROP ROLE hub_poor")


def test_a_database_that_does_not_exist_is_told_by_a_real_server(postgres_server: str) -> None:
    url = make_url(postgres_server).set(database="hub_none").render_as_string(hide_password=False)
    found = _refusal(url)
    assert "there is no such database (3D000)" in found.cause
    assert found.is_lasting


def test_a_role_without_rights_is_told_by_a_real_server(postgresql_url: str) -> None:
    store = Store.open(postgresql_url)
    store.migrate()
    store.close()
    with _role(postgresql_url, "") as role:
        found = _refusal(make_url(postgresql_url).set(username=role).render_as_string(hide_password=False))
    assert "the role lacks rights (42501); let it own the hub's tables" in found.cause
    assert found.is_lasting


def test_a_role_without_connections_is_told_by_a_real_server(postgresql_url: str) -> None:
    with _role(postgresql_url, "CONNECTION LIMIT 0") as role:
        found = _refusal(make_url(postgresql_url).set(username=role).render_as_string(hide_password=False))
    assert "the server has no connection left (53300)" in found.cause


def test_a_wrong_password_and_a_role_that_is_shut_out_are_told_by_a_real_server(postgresql_url: str) -> None:
    with (
        _role(postgresql_url, "PASSWORD 'right'") as role,
        psycopg.connect(postgres.conninfo(postgresql_url), autocommit=True) as connection,
    ):
        file = Path(str(connection.execute("SHOW hba_file").fetchone()[0]))  # type: ignore[index]
        with suppress(PermissionError):
            before = file.read_bytes()
        if not os.access(file, os.W_OK):
            pytest.skip("the server is not ours")
        url = make_url(postgresql_url).set(username=role, password=_SECRET)
        try:
            for method, what in (("scram-sha-256", "(28P01)"), ("reject", "(28000)")):
                file.write_bytes(f"local all {role} {method}\n".encode() + before)
                connection.execute("SELECT pg_reload_conf()")
                connection.execute("SELECT pg_sleep(0.2)")
                found = _refusal(url.render_as_string(hide_password=False))
                assert what in found.cause
                assert found.is_lasting
        finally:
            file.write_bytes(before)
            connection.execute("SELECT pg_reload_conf()")


# --- PostgreSQL: a statement that fails ---------------------------------------------------------

# Every SQLSTATE that has a sentence of its own, and one of each class that has one.
_STATEMENTS = ["08006", "28000", "53400", "58030", *(state for state in causes.BY_SQLSTATE if len(state) > 2)]


@pytest.mark.parametrize("sqlstate", _STATEMENTS)
def test_what_a_server_says_is_told_by_its_sqlstate_and_never_quoted(
    postgresql_url: str, sqlstate: str
) -> None:
    known = causes.BY_SQLSTATE.get(sqlstate) or causes.BY_SQLSTATE[sqlstate[:2]]
    values = f"MESSAGE = '{_SECRET}', DETAIL = 'Key (x)=({_SECRET})', ERRCODE = '{sqlstate}'"
    found = _refusal(postgresql_url, f"DO $$ BEGIN RAISE EXCEPTION USING {values}; END $$")
    assert f": {known.what} ({sqlstate}); {known.remedy}." in found.cause
    assert found.is_lasting is known.is_lasting


@pytest.mark.parametrize("altered", ["SELECT 1 FROM token_x", "SELECT no_such_column FROM token"])
def test_tables_that_are_not_the_hubs_are_told_by_either_database(
    empty_database_url: str, altered: str
) -> None:
    """They were altered after the start, which compares them."""
    found = _refusal(empty_database_url, altered)
    assert "its tables" in found.cause
    assert "run `hub init`, then `hub check`" in found.cause
    assert not found.is_lasting


def test_a_statement_that_takes_too_long_is_told_by_a_real_server(postgresql_url: str) -> None:
    found = _refusal(f"{postgresql_url}&options=-c%20statement_timeout%3D300", "SELECT pg_sleep(20)")
    assert "the statement was ended: by its time-out, or by somebody (57014)" in found.cause


def test_a_lock_that_is_not_free_is_told_by_a_real_server(postgresql_url: str) -> None:
    store = Store.open(f"{postgresql_url}&options=-c%20lock_timeout%3D200")
    store.migrate()
    with store.write() as holder:
        holder.execute(text("LOCK TABLE lease"))
        with pytest.raises(Unavailable) as caught, store.write() as other:
            other.execute(text("LOCK TABLE lease"))
    store.close()
    assert "a lock was not free in time (55P03)" in caught.value.cause


def test_a_connection_that_breaks_is_told(postgresql_url: str) -> None:
    store = Store.open(postgresql_url)
    store.migrate()
    with pytest.raises(Unavailable) as caught, store.write() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    store.close()
    assert "the server ended the session" in caught.value.cause


# --- SQLite -------------------------------------------------------------------------------------


def _url(file: Path) -> str:
    return f"sqlite:///{file}"


def test_a_file_that_is_missing_is_told_and_not_made(tmp_path: Path) -> None:
    file = tmp_path / "hub.db"
    found = _refusal(_url(file))
    assert found.cause == (
        f"database {file}: there is no such file (SQLITE_CANTOPEN); run `hub init`, or correct database_url."
    )
    assert found.is_lasting
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_and_one_in_place_of_a_file_are_told(tmp_path: Path) -> None:
    assert "there is no such file" in _refusal(_url(tmp_path / "none" / "hub.db")).cause
    assert "it is a folder" in _refusal(_url(tmp_path)).cause


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"notes of a meeting\n" * 500)
    found = _refusal(_url(tmp_path / "hub.db"))
    assert isinstance(found, DamagedDatabase)
    assert "the file is no SQLite database (SQLITE_NOTADB)" in found.cause
    assert found.is_lasting


def test_a_damaged_file_is_told(migrated_sqlite: Path, tmp_path: Path) -> None:
    file = tmp_path / "hub.db"
    data = bytearray(migrated_sqlite.read_bytes())
    data[4_096:] = b"\xff" * (len(data) - 4_096)
    file.write_bytes(data)
    assert "the file is damaged (SQLITE_CORRUPT" in _refusal(_url(file)).cause


def test_a_file_that_may_not_grow_is_told(migrated_sqlite: Path, tmp_path: Path) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "hub.db")
    store = Store.open(_url(tmp_path / "hub.db"))
    with store.read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(Unavailable) as caught, store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE large AS SELECT randomblob(10000000)")
    store.close()
    assert "the disk is full, or the file may not grow (SQLITE_FULL); make room" in caught.value.cause


def test_a_file_that_somebody_holds_is_told(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "hub.db")
    monkeypatch.setattr(engines, "SQLITE_BUSY_SECONDS", 0.1)
    store = Store.open(_url(tmp_path / "hub.db"))
    with closing(sqlite3.connect(tmp_path / "hub.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as caught, store.write():
            pass
    store.close()
    assert "another process has held it locked for too long (SQLITE_BUSY)" in caught.value.cause


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(
    ("closed", "mode"), [("hub.db", 0o444), ("hub.db", 0), ("hub.db-wal", 0o444), ("hub.db-shm", 0), ("", 0)]
)
def test_what_this_user_may_not_use_is_named(
    migrated_sqlite: Path, tmp_path: Path, open_folder: Path, closed: str, mode: int
) -> None:
    """A real process without rights. Root has them all, so that under root it becomes another user's."""
    folder = open_folder / "var"
    folder.mkdir()
    model = tmp_path / "hub.db"
    shutil.copy(migrated_sqlite, model)
    with closing(sqlite3.connect(model)) as other:  # so that there is something beside it
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE one (x)")
        for path in tmp_path.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
            (folder / path.name).chmod(0o666)
    folder.chmod(0o777)
    (folder / closed).chmod(mode)
    said = _as_nobody(folder / "hub.db")
    folder.chmod(0o700)
    assert f": permission denied: {_nobody()} may not use {folder / closed} (SQLITE_" in said
    assert f"let it belong to {_nobody()} (chown {_nobody()} {folder / closed}). True" in said


def _nobody() -> str:
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    return user.pw_name


def _as_nobody(file: Path) -> str:
    """What a process of a user without rights is told of the file."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        said = "nothing"
        try:
            if os.geteuid() == 0:
                user = pwd.getpwnam("nobody")
                os.setgroups([])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            said = _told_of(file)
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    os.waitpid(pid, 0)
    return said


def _told_of(file: Path) -> str:
    store = Store.open(_url(file))
    try:
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE two (x)")
    except Unavailable as error:
        return f"{error.in_full} {error.is_lasting}"
    return "opened"


@pytest.mark.parametrize("name", sorted(file_causes.BY_NAME))
def test_every_ailment_has_a_remedy(name: str) -> None:
    said = file_causes.of(name, None)
    assert said == file_causes.BY_NAME[name]
    assert said.what
    assert said.remedy


@pytest.mark.parametrize(
    ("name", "seen", "said"),
    [
        ("SQLITE_IOERR_WRITE", {"f_bavail": 0, "f_flag": 0}, "the disk is full"),
        ("SQLITE_FULL", {"f_bavail": 0, "f_flag": 0}, "the disk is full"),
        ("SQLITE_FULL", {"f_bavail": 9, "f_flag": 0}, "the disk is full, or the file may not grow"),
        ("SQLITE_IOERR_SHMSIZE", {"f_bavail": 9, "f_flag": 0}, "an I/O error"),
        ("SQLITE_READONLY", {"f_bavail": 9, "f_flag": os.ST_RDONLY}, "the file system is read-only"),
        ("SQLITE_READONLY", {"f_bavail": 9, "f_flag": 0}, "the file is read-only"),
        ("SQLITE_OF_TOMORROW", {"f_bavail": 9, "f_flag": 0}, "the database failed"),
    ],
)
def test_a_disk_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, seen: dict[str, int], said: str
) -> None:
    (tmp_path / "hub.db").touch()
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(**seen))
    assert file_causes.of(name, tmp_path / "hub.db").what == said
