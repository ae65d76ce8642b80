"""A restore: in one transaction, into the open database, in a new epoch, with the hub closed.

The only way back from a backup: a replaced file or a plain pg_restore would keep the epoch. The backup is
only read. A copy gets the present schema, another epoch, later dates and a closed hub. So no date is given
twice. The copy enters while nobody else can write. Running processes find the epoch at their next
transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hub.errors import Unprocessable
from hub.store.backup import restoring_postgresql, restoring_sqlite
from hub.store.database import engines
from hub.store.database.moments import Clock


def restore(database_url: str, file: Path, clock: Clock | None = None) -> Sequence[str]:
    """Put the backup in place of the database at this URL. Return the known loss.

    After an error the database is unchanged. Raises Unprocessable for another kind of file, SettingsError for
    a missing program or the backup of a later version, Unavailable when the database cannot be written.
    """
    if not file.is_file():
        raise Unprocessable(f"{file} is no file: name one that `hub backup` has written.")
    url = engines.parse(database_url)
    # Nothing on epoch or loss differs between the two: that part is in `restorable`.
    if url.get_backend_name() == "sqlite":
        return restoring_sqlite.restore(Path(url.database or ""), file, clock)
    return restoring_postgresql.restore(database_url, file, clock)
