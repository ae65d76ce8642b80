"""A copy of the whole database at one moment, while the hub serves."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from hub.errors import SettingsError, Unavailable
from hub.store.database import causes, engines
from hub.store.database.engines import Place

_PASSWORD: Final = "password"  # noqa: S105 - the name of a parameter, not a password
_STEPS_UNHEARD: Final = 100_000  # of SQLite's virtual machine: some milliseconds
_PACKAGED: Final = Path("/usr/lib/postgresql")  # where Debian keeps the programs of each version


def copy(database_url: str, file: Path) -> None:
    """Write the database at this URL into `file`, an existing empty file. On return the copy is on the disk.

    SQLite gives a database file without traces of erased text, PostgreSQL an archive for `pg_restore`. The
    copy is one snapshot, and writers do not wait. Raises SettingsError for a missing database or a missing
    program of PostgreSQL, Unavailable when the copy cannot be made.
    """
    url = engines.parse(database_url)
    if url.get_backend_name() == "sqlite":
        _copy_sqlite(Path(url.database or ""), file)
    else:
        _dump(url, file)
    # A backup counts once it survives a loss of power.
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _copy_sqlite(database: Path, file: Path) -> None:
    if not database.is_file():  # a connection would make one
        raise SettingsError(f"database_url: there is no database {database}; run `hub init`")
    try:
        opened = engines.open_sqlite(database, timeout=engines.SQLITE_BUSY_SECONDS, isolation_level=None)
        with closing(opened) as connection:
            connection.set_progress_handler(_go_on, _STEPS_UNHEARD)
            # VACUUM writes live rows only: pages with erased text stay behind (policy 8).
            connection.execute("VACUUM INTO ?", (str(file),))
    except sqlite3.Error as error:
        cause = causes.of(error, Place(str(database), database))
        raise Unavailable(f"The database cannot be copied: {cause.sentence}") from error


def _go_on() -> int:
    """Let SQLite go on. Signals are heard at each call; an exception from a signal ends the copy."""
    return 0


def _dump(url: URL, file: Path) -> None:
    arguments = ["--format=custom", "--no-password", f"--file={file}", f"--dbname={_without_password(url)}"]
    # The password is in the environment alone (`_without_password`).
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program, and no shell
        [program("pg_dump"), *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise Unavailable(f"The database cannot be copied: {said}")


def _without_password(url: URL) -> str:
    """Return the URL for libpq without the password. Every process may read a command line."""
    bare = url.set(drivername="postgresql").difference_update_query([_PASSWORD])
    return URL.create(
        bare.drivername, bare.username, None, bare.host, bare.port, bare.database, bare.query
    ).render_as_string(hide_password=False)


def environment(url: URL) -> dict[str, str]:
    """Return the environment for a program of PostgreSQL, with the password, if any."""
    given = url.password or url.query.get(_PASSWORD)
    return {**os.environ, **({"PGPASSWORD": str(given)} if given else {})}


def program(name: str) -> str:
    """Return PostgreSQL's own program on PATH, else the newest installed one.

    A program that is older than its server or an archive does nothing. Raises SettingsError without a
    program.
    """
    packaged: dict[float, Path] = {}
    for path in _PACKAGED.glob(f"*/bin/{name}"):
        with suppress(ValueError):
            packaged[float(path.parts[-3])] = path
    found = shutil.which(name) or (str(packaged[max(packaged)]) if packaged else None)
    if found is None:
        raise SettingsError(
            f"database_url: PostgreSQL is copied by its own {name}, which is not on PATH; "
            "install the package postgresql-client"
        )
    return found
