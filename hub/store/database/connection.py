"""The open database: one engine to write, one to read, and what each transaction promises."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hub.errors import Closed, DamagedDatabase, Interrupted, Reconfigured, Unavailable
from hub.store.database import (
    causes,
    commits,
    engines,
    epochs,
    moments,
)
from hub.store.database.engines import Place
from hub.store.database.epochs import State
from hub.store.database.memory import Memory
from hub.store.schema import schemas

__all__ = ["Connection", "Store"]

_logger = logging.getLogger(__name__)

# SQLSTATEs: a primary under maintenance, and a standby, on which a transaction that writes cannot begin.
_READ_ONLY: Final = ("25006", "0A000")
_POOL_SIZE: Final = 16
_RECORDING: Final = 2  # one thread of a process records at a time
_ATTEMPTS: Final = 5  # at a database that moves under each of them
# SQLSTATEs of what passes: serialization failure, deadlock, a server that stops or starts, a lost connection.
_PASSING: Final = ("40001", "40P01", "57P01", "57P02", "57P03", "08")
_SQLITE_PASSING: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CLOSED: Final = (
    "The hub is closed: it may have lost what it acknowledged last. Endings, deletions and revocations are "
    "taken; everything else waits until its operator has opened it."
)
_LEFT_BEHIND: Final = (
    "The hub's database answers as one that was left behind: its operator has to name the new primary first."
)
_UNREACHABLE: Final = "The hub's database cannot be reached at the moment; try again."
_UNSETTLED: Final = "The hub's database keeps changing its place; try again."


class Store:
    """The hub's database. `write`, `record`, `count` and `read` are the only doors to a connection.

    Behind each door the first statement says what has to be known before anything else: the epoch, whether
    the hub is closed, and PostgreSQL's timeline. Each says its isolation. `clock`, for tests, gives the
    present instead of the database's own.
    """

    def __init__(self, engine: Engine, recording: Engine | None = None) -> None:
        self._engine = engine
        self._place = engines.place(engine.url)
        self._recording = recording or engine
        self._admission = commits.CommitAdmission()
        self.memory = Memory()
        self._configuration: int | None = None
        self._refused: int | None = None
        self.clock: Callable[[], datetime] | None = None

    @classmethod
    def open(cls, database_url: str) -> Store:
        """Return the store at this SQLAlchemy URL.

        Raises SettingsError when the URL cannot be used. Nothing is created: `migrate` does.
        """
        engine = engines.engine_at(database_url, _POOL_SIZE)
        # What is recorded has connections of its own: whatever needs none does not wait behind it.
        return cls(engine, engines.engine_at(database_url, _RECORDING) if _is_postgresql(engine) else None)

    @property
    def is_sqlite(self) -> bool:
        return not _is_postgresql(self._engine)

    @contextmanager
    def write(self, *, when_closed: bool = False, settles: bool = False) -> Iterator[Connection]:
        """Give a transaction that commits when the block ends and leaves no trace when it raises.

        READ COMMITTED: after a lock, the next statement reads what it protects. On SQLite it holds the write
        lock from the start. Raises Unavailable when the database cannot be reached or locked in time, and
        when the hub is closed, but for what is done `when_closed`, too; Interrupted where nothing was done
        for a reason that passes; InDoubt where it may have been done. Who `settles` that waits for a standby
        even if another has just done so in vain.
        """
        with self._transaction(self._engine, when_closed=when_closed, settles=settles) as connection:
            yield connection

    @contextmanager
    def count(self) -> Iterator[Connection]:
        """Give a transaction like `write` for what may be lost, such as rates: it waits for no standby."""
        with _unavailable_when_down(self._place, *_READ_ONLY), ExitStack() as stack:
            connection, transaction = self._open_transaction(
                stack, self._engine, writes=True, when_closed=True
            )
            if _is_postgresql(self._engine):
                connection.exec_driver_sql("SELECT set_config('synchronous_commit', 'off', true)")
            yield connection
            _commit(connection, transaction)

    @contextmanager
    def record(self) -> Iterator[Connection]:
        """Give a transaction like `write`, on connections that are there for pages alone."""
        with self._transaction(self._recording) as connection:
            yield connection

    @contextmanager
    def read(self, *, when_closed: bool = False) -> Iterator[Connection]:
        """Give one unchanging snapshot of what is committed: every statement in it sees the same state."""
        with _unavailable_when_down(self._place), ExitStack() as stack:
            connection, _ = self._open_transaction(stack, self._engine, when_closed=when_closed)
            yield connection

    @contextmanager
    def _transaction(
        self, engine: Engine, *, when_closed: bool = False, settles: bool = False
    ) -> Iterator[Connection]:
        with (
            _unavailable_when_down(self._place, *_READ_ONLY),
            self._admission.admit(settles=settles) as commit,
            ExitStack() as stack,
        ):
            connection, transaction = self._open_transaction(
                stack, engine, writes=True, when_closed=when_closed
            )
            if settles:
                _bound_locks(connection)
            yield connection
            if _is_postgresql(engine):
                commit(connection, transaction)
            else:
                _commit(connection, transaction)

    def _open_transaction(
        self, stack: ExitStack, engine: Engine, *, when_closed: bool, writes: bool = False
    ) -> tuple[Connection, RootTransaction]:
        """Return a connection in a transaction that has looked at the state of the hub, and may go on."""
        for n in range(_ATTEMPTS):
            connection, transaction, state = self._begin(stack, engine, writes=writes)
            # Whoever waited for a restore to end has a snapshot from before it, without a row.
            is_early = state.epoch is None and n == 0
            if not is_early and not state.has_moved and self.memory.epoch in (None, state.epoch):
                self.memory.note_state(state.timeline, state.standby_names, state.epoch)
                self._check_configuration(state)
                if state.closed_at is not None and not when_closed:
                    raise Closed(_CLOSED)
                return connection, transaction
            transaction.close()
            connection.close()
            if not is_early:
                self._record_change(state)
        raise Unavailable(_UNSETTLED)

    def bind(self, configuration: int | None) -> None:
        """Let every transaction from now on find this configuration in force, or raise Reconfigured.

        None: whichever is.
        """
        self._configuration = configuration

    def _check_configuration(self, state: State) -> None:
        if self._configuration in (None, state.configuration):
            return
        if self._refused != state.configuration:  # said once, not with each request
            self._refused = state.configuration
            _logger.error("restart: the configuration was changed; this process answers nothing until then")
        raise Reconfigured(epochs.RECONFIGURED)

    def _begin(
        self, stack: ExitStack, engine: Engine, *, writes: bool
    ) -> tuple[Connection, RootTransaction, State]:
        """Return a connection in a transaction, and the state of the hub: its first statement.

        Raises Unavailable on a server that was left behind; the session is closed.
        """
        is_new = False
        while True:
            connection = stack.enter_context(engine.connect())
            connection.execution_options(**_isolation(engine, writes=writes))
            transaction = stack.enter_context(connection.begin())
            try:
                state = epochs.read_state(connection)
            except DBAPIError as error:
                # A connection that waited in the pool may be gone; a new one tells whether the server is.
                if is_new or not error.connection_invalidated:
                    raise
                transaction.close()
                is_new = True
                continue
            if self.memory.is_behind(state.timeline):
                connection.invalidate()
                raise Unavailable(_LEFT_BEHIND)
            return connection, transaction, state

    def _record_change(self, state: State) -> None:
        """Take note of what has moved, in a transaction of its own, before anything else is done."""
        memory = self.memory
        if state.has_moved or None not in (memory.epoch, state.epoch):
            with self._admission.admit(settles=True) as commit, ExitStack() as stack:
                connection, transaction, state = self._begin(stack, self._engine, writes=True)
                state = self._recorded_state(connection, state)
                if _is_postgresql(self._engine):
                    commit(connection, transaction)
                else:
                    _commit(connection, transaction)
        if memory.epoch not in (None, state.epoch):
            _logger.warning("database: another epoch has begun")
            memory.begin_epoch()
        memory.note_state(state.timeline, state.standby_names, state.epoch)

    def _recorded_state(self, connection: Connection, state: State) -> State:
        """Keep what the server says of itself, and what this process knows to be lost; return the state."""
        memory, now = self.memory, moments.now(connection, self.clock)
        if state.has_moved:
            was_synchronous = memory.standby_names != ""
            epochs.record_server(connection, state, now, memory.last_served, was_synchronous=was_synchronous)
        # A restore, which leaves the timeline as it is, has compared both databases, and told what is lost.
        is_promoted = memory.timeline != state.timeline
        if is_promoted and memory.epoch not in (None, epochs.read_state(connection).epoch):
            epochs.record_loss(connection, now, memory.lost(connection, now))
        return epochs.read_state(connection)

    def now(self, connection: Connection) -> datetime:
        """Return the present: of the primary's clock on PostgreSQL, of the machine's on SQLite."""
        return moments.now(connection, self.clock)

    def began_at(self, connection: Connection) -> datetime:
        """Return the present as it was when the transaction looked at the state of the hub, at no cost."""
        at = epochs.state_of(connection).at
        return self.now(connection) if at is None or self.clock is not None else at

    def migrate(self) -> None:
        """Create the tables, or bring them to the schema that this version knows. Repeating is harmless.

        An SQLite file is made where there is none, for its owner alone, and so is its folder. Raises
        SettingsError for a database that only a later version knows.
        """
        engines.make_file(self._engine.url)
        if self.outdated() is None:
            return
        with _unavailable_when_down(self._place), self._engine.connect() as connection:
            connection.execution_options(**_isolation(self._engine, writes=True))
            with connection.begin():
                schemas.migrate(connection)

    def is_current(self) -> bool:
        """Tell whether the database has exactly the schema that this version knows."""
        return self.outdated() is None

    def outdated(self) -> str | None:
        """Return why the schema of the database is not this version's, and the remedy; None: it is."""
        with _unavailable_when_down(self._place):
            return schemas.outdated(self._heads())

    def altered(self) -> str | None:
        """Return where its tables are not those of its schema, and the remedy; None: they are."""
        with _unavailable_when_down(self._place), self._engine.connect() as connection:
            return schemas.altered(schemas.differences(connection))

    def _heads(self) -> tuple[str, ...]:
        try:
            with self._engine.connect() as connection:
                return schemas.of(connection)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        with self._engine.connect() as connection:  # the pool's connections were old, this one is new
            return schemas.of(connection)

    def forget_erased(self) -> None:
        """Let nothing that was erased be left beside an SQLite file (policy 8), unless it is in use."""
        if self._place.file is not None:
            with suppress(sqlite3.OperationalError):  # locked by somebody else, or the disk is full
                engines.empty_wal(self._place.file)

    def close(self) -> None:
        self._engine.dispose()
        self._recording.dispose()


def _is_postgresql(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def _isolation(engine: Engine, *, writes: bool) -> dict[str, Any]:
    """Return how a transaction is isolated: said each time, for a role may have another default."""
    if not _is_postgresql(engine):
        return {"hub_writes": writes}
    level = "READ COMMITTED" if writes else "REPEATABLE READ"
    return {"isolation_level": level, "postgresql_readonly": not writes}


def _bound_locks(connection: Connection) -> None:
    """Let a settlement wait no longer for the transaction in doubt than for its own COMMIT."""
    if connection.dialect.name == "postgresql":
        value = f"{int(commits.SETTLE_SECONDS * 1_000)}ms"
        connection.exec_driver_sql("SELECT set_config('lock_timeout', %s, true)", (value,))


def _commit(connection: Connection, transaction: RootTransaction) -> None:
    """Commit, or leave nothing open: SQLite keeps a transaction whose COMMIT failed, and its lock on writing.

    SQLAlchemy takes it for ended, and would give its connection to whoever comes next.
    """
    try:
        transaction.commit()
    except BaseException:
        connection.invalidate()
        raise


@contextmanager
def _unavailable_when_down(place: Place, *sqlstates: str) -> Iterator[None]:
    """Let what fails because of the database be Unavailable: a stranger is told that, the operator why."""
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        raise _unavailable(error, place) from error
    except DBAPIError as error:
        if type(error) is DatabaseError:  # SQLite's own words for no database, or a broken one
            cause = causes.of(error, place)
            raise DamagedDatabase(_UNREACHABLE, cause=cause.sentence) from error
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or state in sqlstates or causes.is_known(state):
            raise _unavailable(error, place) from error
        raise


def _unavailable(error: Exception, place: Place) -> Unavailable:
    cause = causes.of(error, place)
    kind = Interrupted if _passes(getattr(error, "orig", None) or error, error) else Unavailable
    refusal = kind(_UNREACHABLE, cause=cause.sentence)
    refusal.is_lasting = cause.is_lasting
    return refusal


def _passes(cause: Any, error: Exception) -> bool:
    """Tell whether what failed, of which nothing was done, may succeed at once."""
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) in _SQLITE_PASSING
    state = getattr(cause, "sqlstate", None)
    if state is None:
        return bool(getattr(error, "connection_invalidated", False))
    return bool(state.startswith(_PASSING))
