"""The engines of SQLAlchemy for the hub's database, and the place of the database."""

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

# No request waits for ever, nor for a lost machine. Parameters in the URL win.
SQLITE_BUSY_SECONDS: Final = 30
BESIDE: Final = ("-wal", "-shm", "-journal")  # the suffixes of files that SQLite makes beside a database
_WAITS: Final = {  # libpq's parameters, in seconds, and for the last in milliseconds
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_MEMORY: Final = ":memory:"
# The characters in the name of a role or database, and in a host, port or folder of a socket.
_NAME: Final = re.compile(r"[\w.$-]*")
_HOST: Final = re.compile(r"[\w.:,/%-]*")
_HIDDEN: Final = "…"
_PORT: Final = 5432
_FORM: Final = "postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
# No word of the URL is repeated: any part in the wrong place may be the password.
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
    """The place of the database for the operator, never with a password. `file`, if it is a file."""

    name: str
    file: Path | None = None

    def __str__(self) -> str:
        return self.name


def parse(database_url: str) -> URL:
    """Return the parsed URL. Raises SettingsError without any word of the URL."""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        raise SettingsError(_UNREADABLE) from None
    match url.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return url
        case "postgresql+psycopg":
            # SQLAlchemy would take the rest of a password behind a bare @ for a host.
            if not url.database or database_url.count("@") > 1:
                raise SettingsError(_UNREADABLE)
            return url
        case _:
            raise SettingsError("database_url: use sqlite:///FILE or postgresql+psycopg://…")


def place(url: URL) -> Place:
    """Return the place of the database of this URL.

    In a mistyped address any name may hold the password. So a name with unusual characters is left out.
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
    """Return an engine with the hub's settings. Raises SettingsError for another kind of database."""
    url = parse(database_url)
    try:
        return _sqlite(url, size) if url.get_backend_name() == "sqlite" else _postgresql(url, size)
    except (ArgumentError, TypeError, ValueError):
        raise SettingsError(_UNREADABLE) from None


def make_file(url: URL) -> None:
    """Make a missing SQLite file, empty, and its folder, for their owner alone.

    SQLite gives the mode of the file to `-wal` and the like. Raises SettingsError.
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
    """Return a connection to an existing file.

    SQLite itself would make a missing file, with a mode by the umask.
    """
    path = "/" + str(file.absolute()).lstrip("/")  # after two slashes SQLite expects a host
    connection: sqlite3.Connection = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, **arguments)
    return connection


def empty_wal(file: Path) -> None:
    """Bring an SQLite file up to date and empty its `-wal`, which keeps erased text.

    Waits for nobody: if the file is in use, a later call does the rest.
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
    # hide_parameters: no message of SQLAlchemy repeats data of members.
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
    """Return the arguments of a connection besides the URL. A later `-c` wins over an earlier one."""
    said = url.normalized_query
    options = [
        f"-c lock_timeout={epochs.LOCK_SECONDS}s",
        f"-c idle_in_transaction_session_timeout={epochs.IDLE_TRANSACTION_SECONDS}s",
        *said.get("options", ()),
    ]
    waits = {name: value for name, value in _WAITS.items() if name not in said}
    return {**waits, **_prepare_threshold(url), "options": " ".join(options)}


def _prepare_threshold(url: URL) -> dict[str, int | None]:
    """Return the uses before psycopg prepares a statement, if the URL says so; None: it never prepares.

    PgBouncer before 1.21, in transaction mode, knows no prepared statements and needs `none`.
    """
    said = url.normalized_query.get("prepare_threshold")
    if said is None:
        return {}
    if said[-1] != "none" and not said[-1].isdecimal():
        raise SettingsError("database_url: prepare_threshold must be a number, or none: never prepare")
    return {"prepare_threshold": None if said[-1] == "none" else int(said[-1])}


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # only _begin_sqlite begins transactions
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        # Each connection would map a large file again, which counts as memory of the process each time.
        "PRAGMA mmap_size=0;"
        "PRAGMA secure_delete=ON;"  # what is erased leaves no bytes in the file
    )


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("hub_writes", False)
    # INVARIANT: a writer holds the write lock from its first statement. It decides on rows that stay (I4).
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
