"""A backup becomes the database again: in one transaction, into the open database, in a new epoch, closed.

The backup itself is only read. What has to be changed of it is changed in a copy: the schema, when it is an
older one; epoch and dates, so that nothing that was given before is given again; and that the hub is closed.
The copy goes in while nobody else can write, and whoever serves goes on with it at its next transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hub.errors import Unprocessable
from hub.store.backup import restoring_postgresql, restoring_sqlite
from hub.store.database import engines
from hub.store.database.moments import Clock


def restore(database_url: str, file: Path, clock: Clock | None = None) -> Sequence[str]:
    """Put the backup in the place of the database at this URL; return what is known to be lost by that.

    The database is as it was whenever this raises: Unprocessable for a file that is no backup, SettingsError
    where this version or its programs cannot do it, Unavailable where the database cannot be written.
    """
    if not file.is_file():
        raise Unprocessable(f"{file} is no file: name one that `hub backup` has written.")
    url = engines.parse(database_url)
    if url.get_backend_name() == "sqlite":
        return restoring_sqlite.restore(Path(url.database or ""), file, clock)
    return restoring_postgresql.restore(database_url, file, clock)
