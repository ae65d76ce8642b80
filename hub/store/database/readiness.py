"""The state of the database server and its standbys, and a write without a trace."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, text

from hub.store.database import moments
from hub.store.schema.tables import lease

_NAME_BYTES: Final = 8
# A role without pg_read_all_stats sees the names alone; all else is NULL.
_STANDBYS: Final = text("""
    SELECT application_name, state, sync_state,
        pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)::bigint AS unflushed,
        pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint AS unreplayed,
        extract(epoch FROM replay_lag)::float AS seconds
    FROM pg_stat_replication ORDER BY application_name, pid
""")
_WAITING: Final = text("""
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'),
        pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
""")


@dataclass(frozen=True, slots=True)
class Standby:
    """A standby as seen by its primary. None: hidden from this role, or unknown yet.

    `unflushed` and `unreplayed` are bytes of WAL, not yet on disk and not yet visible on the standby.
    `seconds` is the delay of the last replay.
    """

    name: str
    state: str | None
    sync_state: str | None
    unflushed: int | None
    unreplayed: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A PostgreSQL primary: clock, standbys, and the number of waiting commits.

    Without `shown_all` the role sees only own commits.
    """

    clock: datetime
    standbys: tuple[Standby, ...]
    waiting: int
    shown_all: bool


def server(connection: Connection) -> DatabaseServer | None:
    """Return the state of the primary; None on SQLite."""
    if connection.dialect.name != "postgresql":
        return None
    # The clock first: the process compares it with its own, and each later query would add its time.
    clock = moments.now(connection)
    standbys = tuple(Standby(*row) for row in connection.execute(_STANDBYS))
    # Commits that wait for a standby hold their locks.
    waiting, shown_all = connection.execute(_WAITING).one()
    return DatabaseServer(clock, standbys, waiting, shown_all)


def try_write(connection: Connection) -> None:
    """Write a row of `lease` and delete it. The COMMIT goes to disk and standbys like any other.

    The name of the row is new each time, so that no process waits for another.
    """
    name = f"readyz-{secrets.token_hex(_NAME_BYTES)}"
    # A read alone would miss a full disk, a read-only server and absent standbys.
    connection.execute(insert(lease).values(name=name, until=0))
    connection.execute(delete(lease).where(lease.c.name == name))
