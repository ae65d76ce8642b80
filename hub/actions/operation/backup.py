"""The operator saves the database while the hub serves."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import Final

from hub.errors import Conflict, Unprocessable
from hub.store.backup import copies
from hub.store.database import engines

_SUFFIX: Final = ".partial"


def backup(database_url: str, file: Path) -> int:
    """Write a copy of the database at one moment to `file`, and return its size in bytes.

    The copy has every commit acknowledged before, and not the hub's secrets. `file` has mode 0600 and is
    complete, or does not exist. Raises Conflict for an existing `file`, Unprocessable for a missing folder,
    SettingsError and Unavailable as `copies.copy`.
    """
    # Another name beside it, until the copy is complete and on the disk: a crash leaves no half backup.
    if os.path.lexists(file):
        raise _taken(file)
    if not file.parent.is_dir():
        raise Unprocessable(f"{file.parent} is no folder: make it, or give another name.")
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-", suffix=_SUFFIX)
    os.close(descriptor)
    partial = Path(name)
    try:
        copies.copy(database_url, partial)
        os.link(partial, file)  # fails if `file` exists by now; a rename would overwrite it
    except FileExistsError as error:
        raise _taken(file) from error
    finally:
        # After a failure too: neither the partial copy nor SQLite's side files are left beside the backup.
        for left in (partial, *(partial.with_name(partial.name + suffix) for suffix in engines.BESIDE)):
            left.unlink(missing_ok=True)
    _sync_folder(file.parent)
    return file.stat().st_size


def _taken(file: Path) -> Conflict:
    return Conflict(f"{file} is there already, and a backup never overwrites: give another name.")


def restoring(file: Path) -> str:
    """Return a sentence on how to restore `file`."""
    return (
        f"`hub restore {shlex.quote(str(file))}`, and by nothing else; the hub may serve meanwhile, "
        "and is closed then until `hub epoch open`."
    )


def _sync_folder(folder: Path) -> None:
    """Write the folder to the disk: the new name survives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
