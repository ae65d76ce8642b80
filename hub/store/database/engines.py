"""The engines of SQLAlchemy that open the hub's database, and where that is."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from hub import files
from hub.errors import SettingsError
from hub.store.database import commits, epochs

# No request waits for ever, nor for a machine that is gone. What the URL of a PostgreSQL says itself wins.
SQLITE_BUSY_SECONDS: Final = 30
BESIDE: Final = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file
_WAITS: Final = {  # libpq's parameters, in seconds, and for the last in milliseconds
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_MEMORY: Final = ":memory:"
# What names of a role or database, and of a host, its port or a socket's folder, are made of.
_NAME: Final = re.compile(r"[\w.$-]*")
_HOST: Final = re.compile(r"[\w.:,/%-]*")
_HIDDEN: Final = "…"
_PORT: Final = 5432
_FORM: Final = "postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
# Not a word of the URL itself is repeated: whatever stands in the wrong place may be the password.
_UNREADABLE: Final = (
    f"database_url: cannot be read as {_FORM}; correct it, and write %40 for @, %2F for /, %3A for :, "
    "%3F for ? and %25 for % within user and password"
)
_UNKNOWN_OPTION: Final = (
    "database_url: an option behind the ? is none that PostgreSQL's library knows, or has a value that it "
    "does not take; correct it"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the database is, as the operator is told: never with a password. `file`, where it is one."""

    name: str
    file: Path | None = None

    def __str__(self) -> str:
        return self.name


def parse(database_url: str) -> URL:
    """Return the URL, read. Raises SettingsError, which repeats nothing of it, where it cannot be used."""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        raise SettingsError(_UNREADABLE) from None
    match url.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return url
        case "postgresql+psycopg":
            # What SQLAlchemy reads out of a password with a bare @ in it would be taken for a host.
            if not url.database or database_url.count("@") > 1:
                raise SettingsError(_UNREADABLE)
            return url
        case _:
            raise SettingsError("database_url: use sqlite:///FILE or postgresql+psycopg://…")


def place(url: URL) -> Place:
    """Return where the database of this URL is.

    In an address that was typed wrongly the password may stand in any name of it: one that is not as names
    are is left out.
    """
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or _MEMORY)
        return Place(str(file), None if str(file) == _MEMORY else file)
    said = url.normalized_query
    hosts = [url.host] if url.host else [*said.get("host", ()), *said.get("hostaddr", ())]
    port = url.port or ",".join(said.get("port", ())) or _PORT
    role = url.username or ",".join(said.get("user", ()))
    as_role = f" as role {_shown(role, _NAME)}" if role else ""
    server = _shown(f"{','.join(hosts) or 'localhost'}:{port}", _HOST)
    return Place(f"{_shown(url.database or '', _NAME)} at {server}{as_role}")


def _shown(name: str, form: re.Pattern[str]) -> str:
    return name if form.fullmatch(name) else _HIDDEN


def engine_at(database_url: str, size: int) -> Engine:
    """Return an engine whose connections are as the hub's are. Raises SettingsError for another database."""
    url = parse(database_url)
    try:
        return _sqlite(url, size) if url.get_backend_name() == "sqlite" else _postgresql(url, size)
    except (ArgumentError, TypeError, ValueError):
        raise SettingsError(_UNREADABLE) from None


def make_file(url: URL) -> None:
    """Make an SQLite file that is missing, empty, and its folder, for its owner alone.

    SQLite gives what it keeps beside it, as `-wal`, the mode of the file. Raises SettingsError.
    """
    file = place(url).file
    if file is None:
        return
    try:
        files.ensure(file)
    except OSError as error:
        at = error.filename or file
        raise SettingsError(
            f"database_url: {at} cannot be made ({error.strerror}); let this user write there, or correct it"
        ) from error


def open_sqlite(file: Path, **arguments: Any) -> sqlite3.Connection:  # (hub/README: wide-files-told)
    """Return a connection to a file that is there: SQLite by itself would make one, as the umask wants it."""
    path = "/" + str(file.absolute()).lstrip("/")  # two slashes would begin with the name of a host
    connection: sqlite3.Connection = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, **arguments)
    return connection


def empty_wal(file: Path) -> None:
    """Bring an SQLite file up to date and empty its `-wal`, which keeps what was erased.

    Waits for nobody: where somebody reads or writes, the rest is left for another time.
    """
    with closing(open_sqlite(file, timeout=0, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _sqlite(url: URL, size: int) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": SQLITE_BUSY_SECONDS}, pool_size=size, hide_parameters=True
    )
    if place(url).file is not None:
        event.listen(engine, "do_connect", _connect_sqlite)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _connect_sqlite(_dialect: Any, _record: Any, given: Sequence[str], named: dict[str, Any]) -> Any:
    return open_sqlite(Path(given[0]), **named)


def _postgresql(url: URL, size: int) -> Engine:
    # hide_parameters: what members sent is in no message of SQLAlchemy's.
    engine = create_engine(url, connect_args=_postgresql_arguments(url), pool_size=size, hide_parameters=True)
    event.listen(engine, "do_connect", _connect_postgresql)
    event.listen(engine, "connect", lambda connection, record: commits.listen(connection, record.info))
    return engine


def _connect_postgresql(_dialect: Any, _record: Any, _args: Any, named: dict[str, Any]) -> Any:
    try:
        return psycopg.connect(**named)
    except psycopg.ProgrammingError:
        raise SettingsError(_UNKNOWN_OPTION) from None


def _postgresql_arguments(url: URL) -> dict[str, Any]:
    """Return what a connection is opened with beside the URL: a later `-c` wins over an earlier one."""
    said = url.normalized_query
    options = [
        f"-c lock_timeout={epochs.LOCK_SECONDS}s",
        f"-c idle_in_transaction_session_timeout={epochs.IDLE_TRANSACTION_SECONDS}s",
        *said.get("options", ()),
    ]
    waits = {name: value for name, value in _WAITS.items() if name not in said}
    return {**waits, **_prepare_threshold(url), "options": " ".join(options)}


def _prepare_threshold(url: URL) -> dict[str, int | None]:
    """Return after how many uses psycopg prepares a statement, where the URL says it; None: never.

    A PgBouncer in transaction mode that knows no prepared statements (before 1.21) asks for `none`.
    """
    said = url.normalized_query.get("prepare_threshold")
    if said is None:
        return {}
    if said[-1] != "none" and not said[-1].isdecimal():
        raise SettingsError("database_url: prepare_threshold must be a number, or none: never prepare")
    return {"prepare_threshold": None if said[-1] == "none" else int(said[-1])}


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite alone
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        "PRAGMA mmap_size=268435456;"
        "PRAGMA secure_delete=ON;"  # what is erased leaves no bytes in the file
    )


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("hub_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
