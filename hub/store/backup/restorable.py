"""What holds for the copy of a backup on either database, before it goes in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, func, select

from hub.errors import SettingsError, Unprocessable
from hub.model import from_microseconds, say_instant
from hub.store.backup import losses
from hub.store.backup.losses import Places
from hub.store.database import epochs
from hub.store.schema import schemas, tables
from hub.store.schema.disclosure_tables import disclosure

NO_DATABASE: Final = "there was no database to compare the backup with"
UNREADABLE: Final = "the database could not be read, to compare the backup with it"
_NO_BACKUP: Final = "{} is no backup of a hub{}: name a file that `hub backup` has written."


def no_backup(file: Path, why: str = "") -> Unprocessable:
    """Return what is raised for a file that is not a backup."""
    said = " ".join(why.split()).rstrip(".")
    return Unprocessable(_NO_BACKUP.format(file, f" ({said})" if said else ""))


def check_revision(file: Path, revisions: Collection[str]) -> str:
    """Return the revision of a backup. Raises SettingsError for one that only a later version can read."""
    if len(revisions) != 1:
        raise no_backup(file, "it has no schema")
    (revision,) = revisions
    if revision not in schemas.known():
        raise SettingsError(
            f"{file} was made by a later version of the hub (its schema is {revision}): "
            "restore it with that version."
        )
    return revision


def check_present(revisions: Collection[str]) -> None:
    """Hold that the present database has the schema of this version, so that running processes go on.

    Raises SettingsError.
    """
    if (reason := schemas.outdated(revisions)) is not None:
        raise SettingsError(f"database_url: {reason}")


def check_initialised(file: Path, connection: Connection) -> None:
    """Hold that the copy is a hub's database, and not only its tables."""
    if connection.execute(select(func.count()).select_from(tables.hub_state)).scalar_one() != 1:
        raise no_backup(file, "it was never initialised")


class Compared(NamedTuple):
    """The last date that the present database has given, and what it has that the backup has not."""

    given: datetime
    loss: Sequence[str]


def compare(connection: Connection, places: Places, now: datetime) -> Compared:
    """Compare the present database with the copy; both lie in the session of `connection`."""
    given = losses.last_given(connection, places.present)
    return Compared(given, losses.sentences(connection, places, now))


def begin_anew(connection: Connection, now: datetime, given: datetime, loss: Sequence[str]) -> Sequence[str]:
    """Begin another epoch in the copy, and close the hub; return all that is known to be lost."""
    epochs.begin(connection, now, given)
    epochs.close(connection, now, loss)
    return epochs.loss(connection)


def unknown(copy: Connection, why: str) -> Compared:
    """Return what is known of the loss where nothing can be compared."""
    instants: Sequence[tuple[Table, str]] = (
        (tables.submission, "requested_at"),
        (tables.deletion, "requested_at"),
        (tables.agreement_event, "at"),
        (disclosure, "at"),
    )
    last = max(copy.execute(select(func.max(table.c[name]))).scalar_one() or 0 for table, name in instants)
    since = f" (its last act is of {say_instant(from_microseconds(last))})" if last else ""
    sentence = f"{why}: what came after the backup{since} is lost, and nobody can tell what it was"
    return Compared(from_microseconds(0), [sentence])
