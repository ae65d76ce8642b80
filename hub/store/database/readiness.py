"""What a database says of itself and its standbys, and a write that leaves nothing behind."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, text

from hub.store.database import moments
from hub.store.schema.tables import lease

_NAME_BYTES: Final = 8
# A role without pg_read_all_stats is shown the names alone: all else is NULL.
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
    """A standby as its primary sees it; None is what this role is not shown, or what is not known yet.

    `unflushed` and `unreplayed` are bytes of WAL that it has not on disk, or does not show; `seconds` is how
    long it took to show what it showed last.
    """

    name: str
    state: str | None
    sync_state: str | None
    unflushed: int | None
    unreplayed: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A PostgreSQL primary: its clock, its standbys, and how many commits wait for one.

    A role that is not `shown_all` sees only commits of its own.
    """

    clock: datetime
    standbys: tuple[Standby, ...]
    waiting: int
    shown_all: bool


def server(connection: Connection) -> DatabaseServer | None:
    """Return what the primary says now; None on SQLite."""
    if connection.dialect.name != "postgresql":
        return None
    clock = moments.now(connection)
    standbys = tuple(Standby(*row) for row in connection.execute(_STANDBYS))
    waiting, shown_all = connection.execute(_WAITING).one()
    return DatabaseServer(clock, standbys, waiting, shown_all)


def try_write(connection: Connection) -> None:
    """Write a row of `lease` and delete it: the COMMIT goes to disk and to the standbys like any other.

    The row's name is new each time, so that no process waits for another's.
    """
    name = f"readyz-{secrets.token_hex(_NAME_BYTES)}"
    connection.execute(insert(lease).values(name=name, until=0))
    connection.execute(delete(lease).where(lease.c.name == name))
