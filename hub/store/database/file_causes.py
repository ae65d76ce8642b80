"""The causes of errors of an SQLite file, by SQLite's name of the error and the state of the file."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from hub.store.database import engines

_MAKE_ROOM: Final = "make room; nothing that was acknowledged is lost"


class FileCause(NamedTuple):
    """What is wrong, the remedy, and whether waiting does not help."""

    what: str
    remedy: str
    is_lasting: bool = False


_DISK_FULL: Final = FileCause("the disk is full", _MAKE_ROOM)
_READ_ONLY_DISK: Final = FileCause("the file system is read-only", "mount it so that it can be written", True)
# By the beginning of the name: SQLITE_IOERR_WRITE is an SQLITE_IOERR. The state of the file goes first.
BY_NAME: Final = {
    "SQLITE_NOTADB": FileCause(
        "the file is no SQLite database",
        "correct database_url, or restore a backup: `hub restore FILE`",
        True,
    ),
    "SQLITE_CORRUPT": FileCause("the file is damaged", "restore a backup: `hub restore FILE`", True),
    "SQLITE_FULL": FileCause("the disk is full, or the file may not grow", _MAKE_ROOM),
    "SQLITE_BUSY": FileCause(
        "another process has held it locked for too long", "see which it is (fuser FILE), or wait"
    ),
    "SQLITE_LOCKED": FileCause("another connection holds it locked", "wait"),
    "SQLITE_IOERR": FileCause(
        "an I/O error", "look at the disk, at quotas and limits, and into the system's log"
    ),
    "SQLITE_READONLY": FileCause("the file is read-only", "let the user that runs the hub write it", True),
    "SQLITE_CANTOPEN": FileCause("the file cannot be opened", "let the user that runs the hub open it", True),
    "SQLITE_PERM": FileCause("permission denied", "let the user that runs the hub write it", True),
    "SQLITE_PROTOCOL": FileCause(
        "the file system does not lock as SQLite needs it", "put it on a local disk, or use PostgreSQL", True
    ),
    "SQLITE_NOMEM": FileCause("no memory is left", "give the machine more, or start fewer workers"),
    "SQLITE_ERROR": FileCause("its tables are not those of the hub", "run `hub init`, then `hub check`"),
}
_UNKNOWN: Final = FileCause("the database failed", "run `hub check`")
_BY_FILE: Final = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_IOERR", "SQLITE_FULL")


def of(name: str, file: Path | None) -> FileCause:
    """Return the cause of an error with this name, for a database in this file."""
    # Only for these kinds does the state of the file say more than the name of the error.
    kind = next((known for known in BY_NAME if name.startswith(known)), None)
    seen = _seen(kind, file) if file is not None and kind in _BY_FILE else None
    return seen or BY_NAME.get(kind or "", _UNKNOWN)


def _seen(kind: str | None, file: Path) -> FileCause | None:
    if kind in {"SQLITE_IOERR", "SQLITE_FULL"}:
        return _DISK_FULL if _is_full(file.parent) else None
    # From the root downwards: the first closed folder hides the state of everything below.
    closed = next((folder for folder in reversed(file.parents) if _is_closed(folder)), None)
    if closed is not None:
        return _denied(closed)
    if not file.exists():
        return FileCause("there is no such file", "run `hub init`, or correct database_url", True)
    if file.is_dir():
        return FileCause("it is a folder", "let database_url name a file in it", True)
    if os.statvfs(file).f_flag & os.ST_RDONLY:
        return _READ_ONLY_DISK
    return next((_denied(path) for path in _used(file) if not _may(path, os.R_OK | os.W_OK)), None)


def _is_closed(folder: Path) -> bool:
    return folder.is_dir() and not _may(folder, os.X_OK)


def _used(file: Path) -> Iterator[Path]:
    """Give the paths that SQLite writes: the file, the files beside it, and their folder."""
    yield file
    yield from (path for suffix in engines.BESIDE if (path := file.with_name(file.name + suffix)).exists())
    yield file.parent


def _may(path: Path, rights: int) -> bool:
    # The effective user counts: the hub may run with another one than the real user.
    return os.access(path, rights, effective_ids=True)


def _denied(path: Path) -> FileCause:
    user = _user()
    return FileCause(
        f"permission denied: {user} may not use {path}",
        f"let it belong to {user} (chown {user} {path})",
        True,
    )


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may have a user without a name
        return str(os.geteuid())


def _is_full(folder: Path) -> bool:
    try:
        seen = os.statvfs(folder)
    except OSError:
        return False
    return not seen.f_bavail  # blocks for users: root may have some left
