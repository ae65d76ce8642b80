"""One history: the state that every transaction reads first, and the consequences of a fork.

Positions, revisions and generations mean something only within their epoch. The epoch changes when the
database may have lost acknowledged data: after a restore, and when PostgreSQL's timeline differs from the
recorded timeline, for then a standby was promoted.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select, update

from hub.errors import Reconfigured
from hub.model import from_microseconds, to_microseconds
from hub.store.database.execution import fetched
from hub.store.schema.tables import hub_state, ledger

_S = hub_state.c
_EPOCH_BYTES: Final = 16
_STATE: Final = "hub.state"
AHEAD: Final = timedelta(minutes=1)  # the first dates of a new epoch lie so far after all earlier dates

# No request waits for ever. Settings of the database URL or the role win.
LOCK_SECONDS: Final = 30  # for each lock, as on SQLite
# A stopped process, or a lost machine, loses its locks after this time.
IDLE_TRANSACTION_SECONDS: Final = 300


def _bounded(name: str, seconds: int) -> str:
    said = f"current_setting('{name}')"
    return f"set_config('{name}', CASE {said} WHEN '0' THEN '{seconds}s' ELSE {said} END, true)"


_COLUMNS: Final = "s.epoch, s.epoch_at, s.closed_at, s.configuration, s.timeline, s.standby_names"
WIDTH: Final = 9  # columns of a state, with the three of the server
_ON_SQLITE: Final = f"SELECT {_COLUMNS}, NULL, NULL, NULL FROM (SELECT 1) LEFT JOIN hub_state s ON s.id = 1"  # noqa: S608
# Timeline and standbys. Only a primary can answer: `pg_current_wal_lsn` fails on a standby.
SERVER: Final = (
    "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), current_setting('synchronous_standby_names')"
)
# `set_config` holds until the end of the
# transaction, COMMIT included. So PgBouncer gives no setting to another client.
# INVARIANT: `synchronous_commit` is stated here, whatever the role says: acknowledged means on a standby.
_ON_POSTGRESQL: Final = f"""
    SELECT {_COLUMNS},
        {SERVER},
        clock_timestamp(),
        set_config('synchronous_commit', 'on', true), set_config('client_min_messages', 'warning', true),
        {_bounded("lock_timeout", LOCK_SECONDS)},
        {_bounded("idle_in_transaction_session_timeout", IDLE_TRANSACTION_SECONDS)}
    FROM (SELECT 1) AS one LEFT JOIN hub_state s ON s.id = 1
"""  # noqa: S608 - constants alone


@dataclass(frozen=True, slots=True)
class State:
    """The state at the start of a transaction. Without epoch the database is not initialised.

    `configuration` is the number of the configuration in force; 0: none is stored. `timeline`,
    `standby_names` and `at` come from the server; `kept_timeline` and `kept_names` were recorded before. None
    on SQLite.
    """

    epoch: str | None
    epoch_at: datetime
    closed_at: datetime | None
    configuration: int = 0
    kept_timeline: str | None = None
    kept_names: str | None = None
    timeline: str | None = None
    standby_names: str | None = None
    at: datetime | None = None

    @property
    def has_moved(self) -> bool:
        """Return whether the server differs from its recorded state."""
        kept, found = (self.kept_timeline, self.kept_names), (self.timeline, self.standby_names)
        return self.epoch is not None and kept != found


def read_state(connection: Connection) -> State:
    """Return the state, and keep it for `state_of`. This is the first statement of every transaction."""
    is_postgresql = connection.dialect.name == "postgresql"
    (row,) = fetched(connection, _ON_POSTGRESQL if is_postgresql else _ON_SQLITE)
    state = connection.info[_STATE] = state_in(row)
    return state


def state_in(row: Sequence[Any]) -> State:
    """Return the state in the first columns of a row, which `with_state` or `read_state` asked for."""
    epoch, epoch_at, closed_at, configuration, kept_timeline, kept_names, timeline, names, at = row[:WIDTH]
    known = (epoch, from_microseconds(epoch_at or 0), _instant(closed_at), configuration or 0)
    if at is None:  # SQLite: no server has a state
        return State(*known)
    return State(*known, kept_timeline, kept_names, timeline, names, at.astimezone(UTC))


def with_state(columns: str, joined: str, *, is_postgresql: bool) -> str:
    """Return the text of a statement with the state, then `columns` of `joined` tables: at least one row."""
    server = f"{SERVER}, clock_timestamp()" if is_postgresql else "NULL, NULL, NULL"
    return f"""SELECT {_COLUMNS}, {server}, {columns}
        FROM (SELECT 1) AS one LEFT JOIN hub_state s ON s.id = 1 {joined}"""  # noqa: S608 - constants alone


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)


def state_of(connection: Connection) -> State:
    """Return the state that this transaction read first."""
    state: State = connection.info[_STATE]
    return state


def hold(connection: Connection) -> None:
    """Lock the row of `hub_state`, if it exists, until the transaction ends. Raises Reconfigured."""
    # Another process may have changed the configuration during the wait for the lock.
    found = connection.execute(select(_S.configuration).with_for_update()).scalar()
    refuse_another(connection, found)


def refuse_another(connection: Connection, configuration: int | None) -> None:
    """Raise Reconfigured if the configuration has changed since the first statement of this transaction.

    Call this after each wait for a lock: its holder may have changed the configuration.
    """
    if configuration is not None and configuration != state_of(connection).configuration:
        raise Reconfigured(RECONFIGURED)


def adopt_configuration(connection: Connection, configuration: int) -> None:
    """Let this transaction go on with the configuration that it has just stored."""
    connection.info[_STATE] = replace(state_of(connection), configuration=configuration)


RECONFIGURED: Final = (
    "The hub's configuration was changed, and this process waits for its operator to restart it."
)


def record_server(  # (hub/README: fork-doubt)
    connection: Connection, state: State, now: datetime, served: datetime, *, was_synchronous: bool
) -> None:
    """Record the state of the server. Begin another epoch if history may have forked.

    That closes the hub, unless every acknowledged transaction was on a standby: by `was_synchronous`, as this
    process saw the earlier timeline, and by the recorded names. `served` is the last date that this process
    gave.
    """
    # Read again under the lock: another process may have recorded the same promotion already.
    query = select(_S.timeline, _S.standby_names).with_for_update()
    kept_timeline, kept_names = connection.execute(query).one()
    is_fork = kept_timeline is not None and kept_timeline != state.timeline
    # Every doubt closes the hub: one missing sign of synchronous commits is enough.
    if is_fork:
        begin(connection, now, served)
        if not (kept_names and was_synchronous):
            close(connection, now, [_UNKNOWN_LOSS.format(state.timeline, kept_timeline)])
    values = {"timeline": state.timeline, "standby_names": state.standby_names}
    connection.execute(update(hub_state).values(**values))


_UNKNOWN_LOSS: Final = (
    "a standby was promoted (timeline {} after {}) while no standby had to confirm a COMMIT: what the old "
    "primary acknowledged last may be lost"
)


def begin(connection: Connection, now: datetime, served: datetime) -> str:
    """Begin another epoch and return it. All later dates are later than every date given before.

    Locks `hub_state` and the ledgers, in the order of all locks.
    """
    epoch = new_epoch()
    connection.execute(select(_S.id).with_for_update()).all()
    connection.execute(update(hub_state).values(epoch=epoch, epoch_at=to_microseconds(now)))
    query = select(ledger.c.recipient, ledger.c.last_date).order_by(ledger.c.recipient).with_for_update()
    for recipient, last_date in connection.execute(query).all():
        # INVARIANT: dates strictly increase across epochs too (I4). The lost part may have given later dates
        # than the ledger holds, so the clock, the served dates and a minute count as well.
        latest = max(from_microseconds(last_date), now, served) + AHEAD
        values = {"last_date": to_microseconds(latest)}
        connection.execute(update(ledger).where(ledger.c.recipient == recipient).values(**values))
    return epoch


def close(connection: Connection, now: datetime, loss: Iterable[str]) -> None:
    """Close the hub, if it is open, and add to the known loss. The caller holds `hub_state`."""
    at, known = connection.execute(select(_S.closed_at, _S.loss)).one()
    # The known loss grows only: an earlier loss is not made good by a later one.
    sentences = list(dict.fromkeys([*_sentences(known), *loss]))
    values: dict[str, Any] = {"loss": orjson.dumps(sentences).decode()}
    if at is None:
        values["closed_at"] = to_microseconds(now)
    connection.execute(update(hub_state).values(**values))


def record_loss(connection: Connection, now: datetime, loss: Sequence[str]) -> None:
    """Close the hub if this process knows of a loss, and add to the known loss.

    The hub closes again if it was opened before this process reported: the operator did not know of this
    loss.
    """
    connection.execute(select(_S.id).with_for_update()).all()
    if loss:
        close(connection, now, loss)


def open_again(connection: Connection) -> Sequence[str]:
    """Open the hub, forget the known loss, and return the loss. A second call returns []."""
    known = connection.execute(select(_S.loss).with_for_update()).scalar_one()
    connection.execute(update(hub_state).values(closed_at=None, loss=None))
    return _sentences(known)


def loss(connection: Connection) -> Sequence[str]:
    """Return the known loss, while the hub is closed."""
    return _sentences(connection.execute(select(_S.loss)).scalar_one_or_none())


def new_epoch() -> str:
    """Return the name of another epoch."""
    # Random, not a counter: two forks of one history must never give the same name.
    return secrets.token_hex(_EPOCH_BYTES)


def _sentences(text: str | None) -> list[str]:
    return [] if text is None else list(orjson.loads(text))
