"""A restore on SQLite: the backup enters the open file through SQLite's own backup interface.

The file is never replaced. A replaced file beside an old `-wal` is undone. Without a `-wal`, a running
process would acknowledge into the removed file.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hub import files
from hub.errors import Conflict, Unavailable, Unprocessable
from hub.store.backup import restorable
from hub.store.backup.losses import Places
from hub.store.backup.restorable import Compared
from hub.store.database import causes, engines, moments
from hub.store.database.connection import Store
from hub.store.database.engines import Place
from hub.store.database.moments import Clock
from hub.store.schema import schemas

_BUSY_SECONDS: Final = 30
_PAGES_AT_ONCE: Final = 1_000  # then signals are heard
_BESIDE: Final = ("-wal", "-journal")
_BACKUP: Final = "backup"  # its schema name in the session that compares both
_NOT_READABLE: Final = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def restore(database: Path, file: Path, clock: Clock | None = None) -> Sequence[str]:
    """Put the backup in place of the database. Return the known loss."""
    _refuse_open(database, file)
    files.make_folder(database.parent)
    with _workplace(database) as folder:
        copy = folder / "copy.db"
        _take(file, copy)
        with _written(database):
            _fit_pages(database, copy)
            return _Entering(database, copy, clock).enter()


def _refuse_open(database: Path, file: Path) -> None:
    if database.exists() and database.samefile(file):
        raise Unprocessable(f"{file} is the database itself: name a backup of it.")
    for beside in (file.with_name(file.name + suffix) for suffix in _BESIDE):
        if beside.exists() and beside.stat().st_size:
            raise Unprocessable(
                f"{file} is a database in use and no backup, for {beside.name} lies beside it: "
                "name a file that `hub backup` has written."
            )


@contextmanager
def _workplace(database: Path) -> Iterator[Path]:
    """Give an empty folder beside the database, for this restore alone. A killed restore leaves it."""
    folder = database.with_name(f".{database.name}.restore")
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("Another `hub restore` is at work on this database: let it end.") from error
        # The lock is held: these files are of a restore that was killed.
        for left in folder.iterdir():
            left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)
    finally:
        os.close(descriptor)


# --- the copy -----------------------------------------------------------------------------------


def _take(file: Path, copy: Path) -> None:
    """Make a copy that is whole and has this version's schema."""
    # The backup itself is only read: it may be the last one.
    files.ensure(copy)
    shutil.copyfile(file, copy)
    try:
        with closing(sqlite3.connect(copy)) as connection:
            _check(file, connection)
        with closing(Store.open(f"sqlite:///{copy}")) as store:
            store.migrate()
            with store.read(when_closed=True) as migrated:
                restorable.check_initialised(file, migrated)
    except (sqlite3.DatabaseError, DBAPIError, Unavailable) as error:
        raise restorable.no_backup(file, str(getattr(error, "orig", None) or error)) from error


def _check(file: Path, connection: sqlite3.Connection) -> None:
    faults = [line for (line,) in connection.execute("PRAGMA integrity_check(3)") if line != "ok"]
    faults += [f"a row of {row[0]} names a missing one" for row in connection.execute(_ORPHANS)]
    if faults:
        raise restorable.no_backup(file, "; ".join(faults))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "hub_state"} <= tables:
        raise restorable.no_backup(file, "it has other tables")
    query = connection.execute("SELECT version_num FROM alembic_version")
    restorable.check_revision(file, [revision for (revision,) in query])


_ORPHANS: Final = 'SELECT DISTINCT "table" FROM pragma_foreign_key_check LIMIT 3'


# --- into the database --------------------------------------------------------------------------


@contextmanager
def _written(database: Path) -> Iterator[None]:
    """Raise Unavailable with the reason and the remedy, if the database cannot be written."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) in _NOT_READABLE:
            others = f"{database.name}-wal and {database.name}-shm"
            raise Unavailable(
                f"{database} is damaged so far that nothing can be written into it: stop the hub, "
                f"move it, {others} away, and restore again."
            ) from error
        cause = causes.of(error, Place(str(database), database))
        raise Unavailable(f"Nothing was changed: {cause.sentence}") from error


def _fit_pages(database: Path, copy: Path) -> None:
    """Give the copy the page size of the database: SQLite copies only between equal sizes."""
    with closing(_open(database)) as there, closing(sqlite3.connect(copy, isolation_level=None)) as here:
        (size,) = there.execute("PRAGMA page_size").fetchone()
        if here.execute("PRAGMA page_size").fetchone() != (size,):
            here.execute("PRAGMA journal_mode=DELETE")
            here.execute(f"PRAGMA page_size={int(size)}")
            here.execute("VACUUM")


def _open(database: Path) -> sqlite3.Connection:
    files.ensure(database)  # SQLite itself would make it with a mode by the umask
    connection = engines.open_sqlite(database, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        # Readers go on meanwhile, and every commit is on the disk.
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class _Entering:
    """One entry of the copy into the database.

    The first pages take the write lock. Then the databases are compared, and epoch and dates change in the
    copy. SQLite then begins with its pages anew. So every acknowledged act is either compared or kept.
    """

    def __init__(self, database: Path, copy: Path, clock: Clock | None) -> None:
        self._database, self._copy, self._clock = database, copy, clock
        self._deadline = time.monotonic() + _BUSY_SECONDS
        self._loss: Sequence[str] | None = None

    def enter(self) -> Sequence[str]:
        with closing(sqlite3.connect(self._copy)) as source, closing(_open(self._database)) as target:
            (count,) = source.execute("PRAGMA page_count").fetchone()
            pages = max(1, min(_PAGES_AT_ONCE, count // 2))  # fewer than all: the comparison comes between
            source.backup(target, pages=pages, progress=self._go_on)
            with suppress(sqlite3.Error):  # readers go first: a later checkpoint empties the `-wal`
                target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if self._loss is None:
            raise RuntimeError("the copy went in before it was looked at")
        return self._loss

    def _go_on(self, status: int, _remaining: int, _total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            if time.monotonic() > self._deadline:
                raise Unavailable(
                    f"{self._database} is being written all the time; nothing of it was changed."
                )
        # INVARIANT: the write lock is held from here on. Nobody acknowledges what was not compared.
        elif self._loss is None:
            self._loss = self._begin_anew()

    def _begin_anew(self) -> Sequence[str]:
        with closing(Store.open(f"sqlite:///{self._copy}")) as store, store.write(when_closed=True) as copy:
            now = moments.now(copy, self._clock)
            return restorable.begin_anew(copy, now, *self._compared(copy, now))

    def _compared(self, copy: Connection, now: datetime) -> Compared:
        # A connection of its own: readers of a WAL are not stopped by the write lock.
        engine = create_engine(f"sqlite:///{self._database}", poolclass=NullPool)
        with engine.connect() as connection:
            try:
                connection.exec_driver_sql(f"ATTACH DATABASE ? AS {_BACKUP}", (str(self._copy),))
                if not connection.exec_driver_sql("SELECT count(*) FROM main.sqlite_master").scalar_one():
                    return restorable.unknown(copy, restorable.NO_DATABASE)
                if revisions := schemas.of(connection):
                    restorable.check_present(revisions)
                return restorable.compare(connection, Places("main", _BACKUP), now)
            except DBAPIError:  # a damaged database must not stop its own restore
                return restorable.unknown(copy, restorable.UNREADABLE)
