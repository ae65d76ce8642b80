"""The open database: its engines, and the promises of each transaction."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hub.errors import Closed, Reconfigured, Unavailable
from hub.store.database import alone, commits, engines, epochs, moments, unavailability
from hub.store.database.alone import Done
from hub.store.database.epochs import State
from hub.store.database.execution import DRIVER_ERRORS
from hub.store.database.memory import Memory
from hub.store.database.statements import Ask, Statement, Values, ask
from hub.store.database.turns import Turns
from hub.store.database.unavailability import unavailable_when_down
from hub.store.schema import schemas

__all__ = ["Connection", "Store"]

_logger = logging.getLogger(__name__)

# SQLSTATEs: a primary under maintenance, and a standby, on which a transaction that writes cannot begin.
_READ_ONLY: Final = ("25006", "0A000")
_POOL_SIZE: Final = 16
_RECORDING: Final = 2  # connections: one thread of a process records at a time
_ATTEMPTS: Final = 5  # at a transaction, while the database changes its state under each
_CLOSED: Final = (
    "The hub is closed: it may have lost what it acknowledged last. Endings, deletions and revocations are "
    "taken; everything else waits until its operator has opened it."
)
_LEFT_BEHIND: Final = (
    "The hub's database answers as one that was left behind: its operator has to name the new primary first."
)
_UNSETTLED: Final = "The hub's database keeps changing its place; try again."


class Store:
    """The hub's database. `write`, `record`, `count` and `read` are the only transaction methods.

    `ask` runs one statement without a transaction: a statement that itself states what it depends on.

    The first statement of each transaction reads the state: epoch, closing, and PostgreSQL's timeline. Each
    transaction states its isolation. In tests `clock` gives the present instead of the database.
    """

    def __init__(self, engine: Engine, recording: Engine | None = None) -> None:
        self._engine = engine
        self._place = engines.place(engine.url)
        self._recording = recording or engine
        self._admission = commits.CommitAdmission()
        self.turns = Turns(self._place.file)
        self.memory = Memory()
        self._configuration: int | None = None
        self._refused: int | None = None
        self.clock: Callable[[], datetime] | None = None

    @classmethod
    def open(cls, database_url: str) -> Store:
        """Return the store at this SQLAlchemy URL.

        Creates nothing: `migrate` does. Raises SettingsError when the URL cannot be used.
        """
        engine = engines.engine_at(database_url, _POOL_SIZE)
        # Disclosures have connections of their own, so that other requests do not wait behind them.
        return cls(engine, engines.engine_at(database_url, _RECORDING) if _is_postgresql(engine) else None)

    @property
    def is_sqlite(self) -> bool:
        return not _is_postgresql(self._engine)

    @contextmanager
    def write(self, *, when_closed: bool = False, settles: bool = False) -> Iterator[Connection]:
        """Give a transaction. It commits when the block ends, and leaves no trace when the block raises.

        READ COMMITTED: after a lock, the next statement reads the protected rows. On SQLite the transaction
        holds the write lock from the start. With `settles` the COMMIT waits for a standby even while other
        COMMITs are refused. Raises Unavailable when the database cannot be reached or locked in time, and
        when the hub is closed, unless `when_closed`; Interrupted when nothing was done, for a passing reason;
        InDoubt when the COMMIT is in doubt.
        """
        with self._transaction(self._engine, when_closed=when_closed, settles=settles) as connection:
            yield connection

    @contextmanager
    def count(self) -> Iterator[Connection]:
        """Give a transaction like `write` for data that may be lost, such as rates. No standby is awaited."""
        with unavailable_when_down(self._place, *_READ_ONLY), ExitStack() as stack:
            connection, transaction = self._open_transaction(
                stack, self._engine, writes=True, when_closed=True
            )
            if _is_postgresql(self._engine):
                # For this transaction alone (`true`): a pooled session must not carry it to the next one.
                connection.exec_driver_sql("SELECT set_config('synchronous_commit', 'off', true)")
            yield connection
            _commit(connection, transaction)

    @contextmanager
    def record(self) -> Iterator[Connection]:
        """Give a transaction like `write`, on the connections for disclosures."""
        with self._transaction(self._recording) as connection:
            yield connection

    @contextmanager
    def read(self, *, when_closed: bool = False) -> Iterator[Connection]:
        """Give one unchanging snapshot of the committed data: all its statements see the same state."""
        with unavailable_when_down(self._place), ExitStack() as stack:
            connection, _ = self._open_transaction(stack, self._engine, when_closed=when_closed)
            yield connection

    def ask(self, statement: Statement, given: Values) -> list[Any]:
        """Return the rows of one statement that reads, without a transaction around it.

        The statement is its own snapshot, and states by itself what it depends on: epoch, closing, and
        configuration. After an error of the database it is asked again in a transaction, which names the
        error: raises as `read`.
        """
        try:
            with closing(self._engine.raw_connection()) as pooled:
                try:
                    return ask(pooled.driver_connection, statement, given)
                except DRIVER_ERRORS:
                    pooled.invalidate()  # the server may have ended it
                    raise
        except (*DRIVER_ERRORS, DBAPIError, PoolTimeoutError):
            with self.read() as connection:
                return statement.rows(connection, given)

    def record_alone(self, act: Callable[[Ask], Done]) -> Done | None:
        """Return what `act` returns, once it is committed. `act` reads and records as `alone.run` says.

        None: it has to be done in a transaction of `record`, which names the reason. Raises Unavailable and
        InDoubt as `record`.
        """
        try:
            with closing(self._recording.raw_connection()) as pooled:
                try:
                    return alone.run(pooled, self._admission, act)
                except DRIVER_ERRORS:
                    pooled.invalidate()
                    raise
        except DRIVER_ERRORS as error:
            if isinstance(error, sqlite3.Error) and unavailability.passes(error, error):
                # After the longest wait for the lock that there is.
                raise unavailability.unavailable(error, self._place) from error
        except (DBAPIError, PoolTimeoutError):
            pass
        return None

    def look(self, statement: Statement, given: Values) -> tuple[datetime, list[Any]]:
        """Return the present, and the rows of one statement that has the state too (`epochs.with_state`).

        Also while the hub is closed. A state that this process does not know is told by a transaction:
        raises as `read`.
        """
        rows = self.ask(statement, given)
        state = epochs.state_in(rows[0])
        if not self._knows(state):
            with self.read(when_closed=True) as connection:
                rows = statement.rows(connection, given)
                state = epochs.state_of(connection)
        at = state.at
        return (self.machine_time() if at is None or self.clock is not None else at), rows

    def _knows(self, state: State) -> bool:
        """Return whether a transaction of this process would go on with this state, also while closed."""
        memory = self.memory
        is_same = (state.epoch, state.timeline) == (memory.epoch, memory.timeline)
        return is_same and not state.has_moved and self._configuration in (None, state.configuration)

    @contextmanager
    def _transaction(
        self, engine: Engine, *, when_closed: bool = False, settles: bool = False
    ) -> Iterator[Connection]:
        with (
            unavailable_when_down(self._place, *_READ_ONLY),
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
        """Return a connection in a transaction that knows the state of the hub and may go on."""
        for n in range(_ATTEMPTS):
            connection, transaction, state = self._begin(stack, engine, writes=writes)
            # A transaction that waited for the end of a restore has an earlier snapshot, without a row.
            is_early = state.epoch is None and n == 0
            # INVARIANT: no transaction goes on in an epoch that its process does not know. Positions,
            # revisions and generations mean something only within one epoch (storage.md, Epoch).
            if not is_early and not state.has_moved and self.memory.epoch in (None, state.epoch):
                self.memory.note_state(state.timeline, state.standby_names, state.epoch)
                self._check_configuration(state)
                if state.closed_at is not None and not when_closed:
                    # A loss may have undone endings and deletions. So the hub serves nothing (storage.md).
                    raise Closed(_CLOSED)
                return connection, transaction
            transaction.close()
            connection.close()
            if not is_early:
                self._record_change(state)
        raise Unavailable(_UNSETTLED)

    def bind(self, configuration: int | None) -> None:
        """Let every later transaction find this configuration in force, or raise Reconfigured.

        None: any configuration will do.
        """
        self._configuration = configuration

    def _check_configuration(self, state: State) -> None:
        # Processes with different configurations would decide differently.
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

        Raises Unavailable on a server that was left behind, and closes the session.
        """
        is_new = False
        while True:
            connection = stack.enter_context(engine.connect())
            connection.execution_options(**_isolation(engine, writes=writes))
            transaction = stack.enter_context(connection.begin())
            try:
                state = epochs.read_state(connection)
            except DBAPIError as error:
                # A pooled connection may be gone. A new connection shows whether the server is gone too.
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
        """Record a change of the server or epoch, in a transaction of its own, before anything else."""
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
        """Record the server's state, and losses known to this process. Return the new state."""
        memory, now = self.memory, moments.now(connection, self.clock)
        if state.has_moved:
            was_synchronous = memory.standby_names != ""
            epochs.record_server(connection, state, now, memory.last_served, was_synchronous=was_synchronous)
        # A restore keeps the timeline. It has compared both databases and recorded the loss itself.
        is_promoted = memory.timeline != state.timeline
        if is_promoted and memory.epoch not in (None, epochs.read_state(connection).epoch):
            epochs.record_loss(connection, now, memory.lost(connection, now))
        return epochs.read_state(connection)

    def now(self, connection: Connection) -> datetime:
        """Return the present: by the primary's clock on PostgreSQL, by the machine's clock on SQLite."""
        return moments.now(connection, self.clock)

    def machine_time(self) -> datetime:
        """Return the present by the machine's clock, without the database."""
        return moments.of_machine(self.clock)

    def began_at(self, connection: Connection) -> datetime:
        """Return the present at the first statement of this transaction, without another statement."""
        # A request has one `now` (storage.md, A moment, not two).
        return self.clock_at(connection, epochs.state_of(connection).at)

    def clock_at(self, connection: Connection, at: datetime | None) -> datetime:
        """Return the present that another statement has read as `at`; None: read it now."""
        return self.now(connection) if at is None or self.clock is not None else at

    def migrate(self) -> None:
        """Create the tables, or bring them to the schema of this version. Repeating is harmless.

        Makes a missing SQLite file and its folder, for their owner alone. Raises SettingsError for the
        database of a later version.
        """
        engines.make_file(self._engine.url)
        if self.outdated() is None:
            return
        with unavailable_when_down(self._place), self._engine.connect() as connection:
            connection.execution_options(**_isolation(self._engine, writes=True))
            with connection.begin():
                schemas.migrate(connection)

    def is_current(self) -> bool:
        """Return whether the database has exactly the schema of this version."""
        return self.outdated() is None

    def outdated(self) -> str | None:
        """Return why the schema is not this version's, and the remedy; None: the schema is current."""
        with unavailable_when_down(self._place):
            return schemas.outdated(self._heads())

    def altered(self) -> str | None:
        """Return where the tables differ from their schema, and the remedy; None: no difference."""
        with unavailable_when_down(self._place), self._engine.connect() as connection:
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
        """Empty the `-wal` of an SQLite file that is not in use: erased text may lie there (policy 8)."""
        if self._place.file is not None:
            with suppress(sqlite3.OperationalError):  # locked by somebody else, or the disk is full
                engines.empty_wal(self._place.file)

    def close(self) -> None:
        self.turns.close()
        self._engine.dispose()
        self._recording.dispose()


def _is_postgresql(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def _isolation(engine: Engine, *, writes: bool) -> dict[str, Any]:
    """Return the isolation of a transaction. It is always stated, for a role may have another default."""
    if not _is_postgresql(engine):
        return {"hub_writes": writes}
    # INVARIANT: after a lock, a later statement must read the protected row. A snapshot from before the wait
    # (REPEATABLE READ) broke I3 (storage.md). Reads take no lock, and need one state for all statements.
    level = "READ COMMITTED" if writes else "REPEATABLE READ"
    return {"isolation_level": level, "postgresql_readonly": not writes}


def _bound_locks(connection: Connection) -> None:
    """Bound the wait of a settlement for the transaction in doubt, as its own COMMIT is bounded."""
    if connection.dialect.name == "postgresql":
        value = f"{int(commits.SETTLE_SECONDS * 1_000)}ms"
        connection.exec_driver_sql("SELECT set_config('lock_timeout', %s, true)", (value,))


def _commit(connection: Connection, transaction: RootTransaction) -> None:
    """Commit, or leave nothing open.

    SQLite keeps a transaction with a failed COMMIT, and its write lock. SQLAlchemy regards the transaction as
    ended, and would give its connection to the next request.
    """
    try:
        transaction.commit()
    except BaseException:
        connection.invalidate()
        raise
