"""The checks and steps of a restore that both databases share, before the copy enters."""

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
    """Return the error for a file that is no backup."""
    said = " ".join(why.split()).rstrip(".")
    return Unprocessable(_NO_BACKUP.format(file, f" ({said})" if said else ""))


def check_revision(file: Path, revisions: Collection[str]) -> str:
    """Return the revision of a backup. Raises SettingsError for the backup of a later version."""
    if len(revisions) != 1:
        raise no_backup(file, "it has no schema")
    (revision,) = revisions
    # Older revisions are migrated in the copy.
    if revision not in schemas.known():
        raise SettingsError(
            f"{file} was made by a later version of the hub (its schema is {revision}): "
            "restore it with that version."
        )
    return revision


def check_present(revisions: Collection[str]) -> None:
    """Check that the present database has the schema of this version, so that running processes go on.

    Raises SettingsError.
    """
    if (reason := schemas.outdated(revisions)) is not None:
        raise SettingsError(f"database_url: {reason}")


def check_initialised(file: Path, connection: Connection) -> None:
    """Check that the copy is an initialised hub, not only tables. Raises Unprocessable."""
    if connection.execute(select(func.count()).select_from(tables.hub_state)).scalar_one() != 1:
        raise no_backup(file, "it was never initialised")


class Compared(NamedTuple):
    """The last date of the present database, and the sentences on the loss."""

    given: datetime
    loss: Sequence[str]


def compare(connection: Connection, places: Places, now: datetime) -> Compared:
    """Compare the present database with the copy. Both are in the session of `connection`."""
    # The lost part has given dates too. No date may be given again (I4).
    given = losses.last_given(connection, places.present)
    return Compared(given, losses.sentences(connection, places, now))


def begin_anew(connection: Connection, now: datetime, given: datetime, loss: Sequence[str]) -> Sequence[str]:
    """Begin another epoch in the copy, and close the hub. Return the known loss."""
    # INVARIANT: epoch, dates and closing change in the copy, before it enters. No process ever sees the
    # backup under the old epoch (storage.md).
    epochs.begin(connection, now, given)
    epochs.close(connection, now, loss)
    return epochs.loss(connection)


def unknown(copy: Connection, why: str) -> Compared:
    """Return the known loss where no comparison is possible."""
    instants: Sequence[tuple[Table, str]] = (
        (tables.submission, "requested_at"),
        (tables.deletion, "requested_at"),
        (tables.agreement_event, "at"),
        (disclosure, "at"),
    )
    # The last act of the backup bounds the loss: the operator learns since when to ask members.
    last = max(copy.execute(select(func.max(table.c[name]))).scalar_one() or 0 for table, name in instants)
    since = f" (its last act is of {say_instant(from_microseconds(last))})" if last else ""
    sentence = f"{why}: what came after the backup{since} is lost, and nobody can tell what it was"
    return Compared(from_microseconds(0), [sentence])
