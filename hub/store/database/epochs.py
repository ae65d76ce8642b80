"""One history: what every transaction learns first, and what follows when history may have forked.

A position, a revision or a generation means something only within its epoch. The epoch is another when the
database may have lost what it had acknowledged: when a backup was restored, and when PostgreSQL's timeline
is another than the one that is kept beside the epoch, for then a standby was promoted.
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
from hub.store.schema.tables import hub_state, ledger

_S = hub_state.c
_EPOCH_BYTES: Final = 16
_STATE: Final = "hub.state"
AHEAD: Final = timedelta(minutes=1)  # how far the dates of a new epoch begin behind all that were given

# No request waits for ever. What the database URL or the role says wins.
LOCK_SECONDS: Final = 30  # for each lock, as on SQLite
# A process that stands still in a transaction, or whose machine is gone, gives its locks back after this.
IDLE_TRANSACTION_SECONDS: Final = 300


def _bounded(name: str, seconds: int) -> str:
    said = f"current_setting('{name}')"
    return f"set_config('{name}', CASE {said} WHEN '0' THEN '{seconds}s' ELSE {said} END, true)"


_COLUMNS: Final = "s.epoch, s.epoch_at, s.closed_at, s.configuration, s.timeline, s.standby_names"
_ON_SQLITE: Final = f"SELECT {_COLUMNS} FROM (SELECT 1) LEFT JOIN hub_state s ON s.id = 1"  # noqa: S608
# The primary alone answers this: `pg_current_wal_lsn` fails on a standby. What is set holds until the
# transaction ends, COMMIT included, and so behind PgBouncer too.
_ON_POSTGRESQL: Final = f"""
    SELECT {_COLUMNS},
        substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), current_setting('synchronous_standby_names'),
        clock_timestamp(),
        set_config('synchronous_commit', 'on', true), set_config('client_min_messages', 'warning', true),
        {_bounded("lock_timeout", LOCK_SECONDS)},
        {_bounded("idle_in_transaction_session_timeout", IDLE_TRANSACTION_SECONDS)}
    FROM (SELECT 1) AS one LEFT JOIN hub_state s ON s.id = 1
"""  # noqa: S608 - constants alone


@dataclass(frozen=True, slots=True)
class State:
    """What a transaction found when it began. Without epoch the database has yet to be initialised.

    `configuration` is the number of the one that is in force; 0: none is kept yet.
    `timeline`, `standby_names` and `at`, by its clock, are the server's own; `kept_timeline` and `kept_names`
    are what was kept of it last. None on SQLite.
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
        """Tell whether what is kept of the server is not what it says itself."""
        kept, found = (self.kept_timeline, self.kept_names), (self.timeline, self.standby_names)
        return self.epoch is not None and kept != found


def read_state(connection: Connection) -> State:
    """Return the state, and remember it for `state_of`: the first statement of every transaction."""
    is_postgresql = connection.dialect.name == "postgresql"
    row = connection.exec_driver_sql(_ON_POSTGRESQL if is_postgresql else _ON_SQLITE).one()
    closed_at = None if row[2] is None else from_microseconds(row[2])
    state = State(row[0], from_microseconds(row[1] or 0), closed_at, row[3] or 0)
    if is_postgresql:
        kept = {"kept_timeline": row[4], "kept_names": row[5]}
        state = replace(state, **kept, timeline=row[6], standby_names=row[7], at=row[8].astimezone(UTC))
    connection.info[_STATE] = state
    return state


def state_of(connection: Connection) -> State:
    """Return what this transaction found when it began."""
    state: State = connection.info[_STATE]
    return state


def hold(connection: Connection) -> None:
    """Lock `hub_state` until the transaction ends, if it has its row yet."""
    found = connection.execute(select(_S.configuration).with_for_update()).scalar()
    refuse_another(connection, found)


def refuse_another(connection: Connection, configuration: int | None) -> None:
    """Raise Reconfigured where another configuration is in force than this transaction found at first.

    To be asked after a lock was waited for: whoever held it may have changed the configuration.
    """
    if configuration is not None and configuration != state_of(connection).configuration:
        raise Reconfigured(RECONFIGURED)


def adopt_configuration(connection: Connection, configuration: int) -> None:
    """Go on with another configuration than this transaction found: for whoever has just changed it."""
    connection.info[_STATE] = replace(state_of(connection), configuration=configuration)


RECONFIGURED: Final = (
    "The hub's configuration was changed, and this process waits for its operator to restart it."
)


def record_server(  # (hub/README: fork-doubt)
    connection: Connection, state: State, now: datetime, served: datetime, *, was_synchronous: bool
) -> None:
    """Keep what the server says of itself, and begin another epoch where history may have forked.

    The hub is closed by it unless every acknowledged transaction was on a standby: `was_synchronous` is what
    this process has seen of the timeline before, and what is kept says the same. `served` is the last date
    that this process has given to anybody.
    """
    query = select(_S.timeline, _S.standby_names).with_for_update()
    kept_timeline, kept_names = connection.execute(query).one()
    is_fork = kept_timeline is not None and kept_timeline != state.timeline
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
    """Begin another epoch and return it. Every date that is given from now on is later than any given before.

    Locks `hub_state` and the ledgers, in the order of all locks.
    """
    epoch = new_epoch()
    connection.execute(select(_S.id).with_for_update()).all()
    connection.execute(update(hub_state).values(epoch=epoch, epoch_at=to_microseconds(now)))
    query = select(ledger.c.recipient, ledger.c.last_date).order_by(ledger.c.recipient).with_for_update()
    for recipient, last_date in connection.execute(query).all():
        latest = max(from_microseconds(last_date), now, served) + AHEAD
        values = {"last_date": to_microseconds(latest)}
        connection.execute(update(ledger).where(ledger.c.recipient == recipient).values(**values))
    return epoch


def close(connection: Connection, now: datetime, loss: Iterable[str]) -> None:
    """Close the hub, if it is open, and add to what is known of the loss; the caller holds `hub_state`."""
    at, known = connection.execute(select(_S.closed_at, _S.loss)).one()
    sentences = list(dict.fromkeys([*_sentences(known), *loss]))
    values: dict[str, Any] = {"loss": orjson.dumps(sentences).decode()}
    if at is None:
        values["closed_at"] = to_microseconds(now)
    connection.execute(update(hub_state).values(**values))


def record_loss(connection: Connection, now: datetime, loss: Sequence[str]) -> None:
    """Close the hub where a process knows something to be lost, and add to what is known of it.

    So, too, where it was opened before that process had looked: its operator has not been told.
    """
    connection.execute(select(_S.id).with_for_update()).all()
    if loss:
        close(connection, now, loss)


def open_again(connection: Connection) -> Sequence[str]:
    """Open the hub; return what was known of the loss. Repeating is harmless."""
    known = connection.execute(select(_S.loss).with_for_update()).scalar_one()
    connection.execute(update(hub_state).values(closed_at=None, loss=None))
    return _sentences(known)


def loss(connection: Connection) -> Sequence[str]:
    """Return what is known of the loss, while the hub is closed."""
    return _sentences(connection.execute(select(_S.loss)).scalar_one_or_none())


def new_epoch() -> str:
    """Return the name of another epoch."""
    return secrets.token_hex(_EPOCH_BYTES)


def _sentences(text: str | None) -> list[str]:
    return [] if text is None else list(orjson.loads(text))
