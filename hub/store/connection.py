"""The open database: one engine to write, one to read, and what each transaction promises."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from alembic.command import upgrade
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hub.errors import DamagedDatabase, SettingsError, Unavailable

__all__ = ["Connection", "Store"]

_logger = logging.getLogger(__name__)

# No request waits for ever. On PostgreSQL `connect_timeout` and `options` of the database URL win.
_SQLITE_BUSY_SECONDS: Final = 30
_CONNECT_SECONDS: Final = 10
_LOCK_SECONDS: Final = 30  # for each lock, as on SQLite
# A process that stands still in a transaction, or whose machine is gone, gives its locks back after this.
_IDLE_TRANSACTION_SECONDS: Final = 300
_READ_ONLY: Final = "25006"  # SQLSTATE: a standby, or a primary under maintenance
_POOL_SIZE: Final = 16


class Store:
    """The hub's database. `write` and `read` are the only doors to a connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, database_url: str) -> Store:
        """Return the store at this SQLAlchemy URL.

        Raises SettingsError when the URL cannot be used. Nothing is created but an SQLite file's folder.
        """
        return cls(_engine(database_url))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a transaction that commits when the block ends and leaves no trace when it raises.

        On SQLite it holds the write lock from the start. Raises Unavailable when the database cannot
        be reached or locked in time.
        """
        with _unavailable_when_down(_READ_ONLY), self._engine.connect() as connection:
            connection.execution_options(hub_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give one unchanging snapshot of what is committed: every statement in it sees the same state."""
        with _unavailable_when_down(), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def migrate(self) -> None:
        """Create the tables, or bring them to the schema that this version knows. Repeating is harmless."""
        if self.is_current():
            return
        with _unavailable_when_down(), self._engine.connect() as connection:
            connection.execution_options(hub_writes=True)
            with connection.begin():
                config = _alembic()
                config.attributes["connection"] = connection
                upgrade(config, "head")

    def is_current(self) -> bool:
        """Tell whether the database has exactly the schema that this version knows."""
        with _unavailable_when_down(), self._engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_heads()
        return frozenset(current) == _known_heads()

    def close(self) -> None:
        self._engine.dispose()


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@cache
def _known_heads() -> frozenset[str]:
    """Return the revisions that this version brings: read once, for `/readyz` asks all the time."""
    return frozenset(ScriptDirectory.from_config(_alembic()).get_heads())


def _engine(database_url: str) -> Engine:
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": _SQLITE_BUSY_SECONDS}, pool_size=_POOL_SIZE)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if url.get_backend_name() == "postgresql":
        waits = _postgresql_waits(url)
        return create_engine(url, connect_args=waits, pool_size=_POOL_SIZE, pool_pre_ping=True)
    raise SettingsError(
        f"database_url: {url.get_backend_name()} is not supported; use sqlite:///… or postgresql+psycopg://…"
    )


def _postgresql_waits(url: URL) -> dict[str, Any]:
    """Return libpq's parameters that bound every wait; a later `-c` wins over an earlier one."""
    said = url.normalized_query
    options = [
        f"-c lock_timeout={_LOCK_SECONDS}s",
        f"-c idle_in_transaction_session_timeout={_IDLE_TRANSACTION_SECONDS}s",
        *said.get("options", ()),
    ]
    connect = {} if "connect_timeout" in said else {"connect_timeout": _CONNECT_SECONDS}
    return {**connect, "options": " ".join(options)}


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


@contextmanager
def _unavailable_when_down(*sqlstates: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        raise _unavailable(error) from error
    except DBAPIError as error:
        if type(error) is DatabaseError:  # SQLite's own words for no database, or a broken one
            _logger.warning("database: %s", error.orig)
            raise DamagedDatabase(
                "The hub's database file is damaged: its operator has to restore a backup."
            ) from error
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) in sqlstates:
            raise _unavailable(error) from error
        raise


def _unavailable(error: Exception) -> Unavailable:
    # Its name and SQLSTATE alone: what a driver says may quote what members sent.
    cause = getattr(error, "orig", None) or error
    _logger.warning("database: %s %s", type(cause).__name__, getattr(cause, "sqlstate", None) or "")
    return Unavailable("The hub's database cannot be reached at the moment; try again.")
