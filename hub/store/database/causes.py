"""The causes of database errors, in one sentence with the remedy, for the operator alone.

A sentence names the place (never the password), the SQLSTATE or SQLite's name of the error, and the state of
the file. It repeats no words of a driver, because drivers quote rows and parameters. The exception is a
server's answer to a new connection, before any query.
"""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hub.store.database import file_causes
from hub.store.database.engines import Place

_SAID_AT_MOST: Final = 200  # characters of a server's answer


@dataclass(frozen=True, slots=True)
class DatabaseCause:
    """A sentence for the operator. `is_lasting`: waiting does not help."""

    sentence: str
    is_lasting: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    what: str
    remedy: str
    is_lasting: bool = False


_WAITS: Final = "what was asked may succeed at once when it is asked again"
_DISK_FULL: Final = "make room on the server's disk; nothing that was acknowledged is lost"
_LOOK: Final = "look into the server's log"
# By SQLSTATE (PostgreSQL, appendix A): the whole state, else its class of two characters.
BY_SQLSTATE: Final = {
    "08": _Known("the connection is lost", "see whether the server runs, and what lies between"),
    "08P01": _Known("the server does not take what the connection asks", f"{_LOOK}, and PgBouncer's", True),
    "0A000": _Known("the server cannot write: it is a standby", "let database_url name the primary"),
    "25006": _Known("the server is read-only", "let database_url name the primary, or let it write again"),
    "25P03": _Known("the server ended a transaction that stood still", _WAITS),
    "26000": _Known(
        "the server forgets prepared statements, as PgBouncer before 1.21 does",
        "add prepare_threshold=none to database_url",
        True,
    ),
    "28": _Known(
        "the server does not let this role in",
        "create the role, or add it and this machine to the server's pg_hba.conf",
        True,
    ),
    "28P01": _Known("the password is wrong, or missing", "correct it in database_url", True),
    "3D000": _Known("there is no such database", "create it, or correct database_url", True),
    "3F000": _Known(
        "there is no schema for the hub's tables", "create it, or set the role's search_path", True
    ),
    "40001": _Known("another transaction was first", _WAITS),
    "40P01": _Known("two transactions waited for each other (deadlock)", _WAITS),
    "42501": _Known("the role lacks rights", "let it own the hub's tables and their schema", True),
    "42703": _Known("one of its tables lacks a column", "run `hub init`, then `hub check`"),
    "42P01": _Known("one of its tables is missing", "run `hub init`, then `hub check`"),
    "42P05": _Known(
        "a prepared statement of another client is in the way, as with PgBouncer before 1.21",
        "add prepare_threshold=none to database_url",
        True,
    ),
    "53": _Known("the server lacks means", _LOOK),
    "53100": _Known("the server's disk is full", _DISK_FULL),
    "53200": _Known("the server has no memory left", "give it more, or start fewer workers"),
    "53300": _Known(
        "the server has no connection left",
        "raise max_connections, the role's or the database's limit, or start fewer workers",
    ),
    "55P03": _Known("a lock was not free in time", "see in pg_stat_activity who holds it"),
    "57014": _Known("the statement was ended: by its time-out, or by somebody", _WAITS),
    "57P01": _Known("the server ended the session: it stops, or somebody asked it to", "wait, or start it"),
    "57P02": _Known("a process of the server crashed", f"wait until it is up again, and {_LOOK}"),
    "57P03": _Known("the server starts up or shuts down", "wait, or start it"),
    "57P04": _Known("the database was removed", "create it, or correct database_url", True),
    "57P05": _Known("the server ended a session that was idle", _WAITS),
    "58": _Known("the server's own system fails it", "look at its disk, and into its log"),
    "XX001": _Known("the server finds its data damaged", "restore a backup: `hub restore FILE`", True),
    "XX002": _Known("the server finds an index damaged", "let it be made anew (REINDEX)", True),
}
# For a refused connection psycopg has no SQLSTATE, only the server's words, in the server's language.
_BY_SERVERS_WORDS: Final = (
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("pg_hba.conf", "28000"),
    ("authentication failed for user", "28000"),
    ("too many c", "53300"),
    ('role "', "28000"),
    ("remaining connection slots", "53300"),
    ("the database system is", "57P03"),
    ("permission denied for database", "42501"),
    ('database "', "3D000"),
)
# The words of libpq (English in a process without a locale) and psycopg. The first match counts.
_BY_WORDS: Final = {
    "invalid port number": _Known("the port is no number up to 65535", "correct database_url", True),
    "failed to resolve host": _Known(
        "the name of the host does not resolve", "correct database_url, or the machine's name service"
    ),
    "could not translate host name": _Known(
        "the name of the host does not resolve", "correct database_url, or the machine's name service"
    ),
    "Connection refused": _Known(
        "the connection is refused: nobody listens there", "start PostgreSQL, or correct host and port"
    ),
    "timeout expired": _Known("no answer in time", "see whether the host is up and a firewall lets pass"),
    "No such file or directory": _Known(
        "there is no socket of a server", "start PostgreSQL, or correct host and port"
    ),
    "Permission denied": _Known(
        "this user may not use the server's socket", "let it, or connect over TCP", True
    ),
    "unreachable": _Known("the network does not lead there", "correct the host, or the network"),
    "No route to host": _Known("the network does not lead there", "correct the host, or the network"),
    "certificate": _Known("the server's certificate is not trusted", "correct sslrootcert and sslmode", True),
    "does not support SSL": _Known("the server offers no TLS", "let it, or correct sslmode", True),
    "sslmode": _Known("sslmode has a value that does not exist", "correct it in database_url", True),
    "closed the connection": _Known("the server closed the connection", _LOOK),
    "Connection reset": _Known("the server closed the connection", _LOOK),
}


def of(error: Exception, place: Place) -> DatabaseCause:
    """Return the cause of an error of SQLAlchemy, psycopg or sqlite3 about the database at this place."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    # SQLite has no SQLSTATE. Its names say little of permissions, so the file itself is looked at.
    if isinstance(cause, sqlite3.Error):
        name = str(getattr(cause, "sqlite_errorname", None) or type(cause).__name__)
        return _cause(place, name, _Known(*file_causes.of(name, place.file)))
    if isinstance(error, PoolTimeoutError):
        busy = _Known("every connection of this process is in use", "see why the database takes so long")
        return _cause(place, "pool", busy)
    state = getattr(cause, "sqlstate", None)
    if state is None and isinstance(cause, psycopg.Error):
        return _of_connecting(cause, place)
    return _cause(place, state or type(cause).__name__, _by_state(state or ""))


def is_known(sqlstate: str | None) -> bool:
    """Return whether this SQLSTATE is always about the database, never about the query."""
    return sqlstate is not None and sqlstate not in _OF_WRITING and _by_state(sqlstate) is not _UNKNOWN


_UNKNOWN: Final = _Known("the database failed", _LOOK)
_OF_WRITING: Final = ("0A000", "25006")  # in a reader: a fault of the hub, for it tried to write


def _by_state(state: str) -> _Known:
    return BY_SQLSTATE.get(state) or BY_SQLSTATE.get(state[:2]) or _UNKNOWN


def _of_connecting(cause: psycopg.Error, place: Place) -> DatabaseCause:
    """Return the cause of a failed connection, or of a connection that broke silently."""
    said = str(cause)
    if isinstance(cause, psycopg.errors.ConnectionTimeout):
        return _cause(place, "time-out", _BY_WORDS["timeout expired"])
    if "FATAL" in said or "no password supplied" in said:
        for words, state in _BY_SERVERS_WORDS:
            if words in said:
                return _cause(place, state, _by_state(state))
    for words, known in _BY_WORDS.items():
        if words in said:
            return _cause(place, "no connection", known)
    # The server's own words, in its own language. Safe to repeat: it has seen no query yet.
    if "connection to server" in said:
        words = " ".join(said.rpartition("failed:")[2].split())
        refusal = _Known(f"the server refuses the connection, and says: {words[:_SAID_AT_MOST]}", _LOOK)
        return _cause(place, "no connection", refusal)
    return _cause(place, "08006", _by_state("08"))


def _cause(place: Place, code: str, known: _Known) -> DatabaseCause:
    return DatabaseCause(f"database {place}: {known.what} ({code}); {known.remedy}.", known.is_lasting)


# --- unforeseen errors ----------------------------------------------------------------------------


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an error and its causes, without values of rows or parameters.

    Of a driver's error only SQLSTATE or name remain; other errors keep their message.
    """
    parts = []
    for one in _chain(error):
        frames = "".join(traceback.format_tb(one.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{named(one)}\n")
    return "\nwhich led to\n\n".join(reversed(parts))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # As Python prints tracebacks: an explicit cause first, else the context, unless it is suppressed.
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def named(error: BaseException) -> str:
    """Return the kind of an error, with its message unless a driver wrote the message."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if not isinstance(error, DBAPIError | psycopg.Error | sqlite3.Error):
        return f"{name}: {error}"
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    # The name of a constraint is of the schema, not of the data.
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
    return f"{name} {code or ''}{f' of {constraint}' if constraint else ''}".rstrip()
