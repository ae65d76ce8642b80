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
    """Write a copy of the database, of one moment, as `file`; return how many bytes it has.

    Whatever was acknowledged before is in it. The hub's secrets are not. `file` has mode 0600 and is there
    whole or not at all: it is written under a name of its own beside it, brought to the disk, then named.
    Raises Conflict when `file` is there already, Unprocessable when its folder is not, SettingsError and
    Unavailable as `copies.copy` does.
    """
    if os.path.lexists(file):
        raise _taken(file)
    if not file.parent.is_dir():
        raise Unprocessable(f"{file.parent} is no folder: make it, or give another name.")
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-", suffix=_SUFFIX)
    os.close(descriptor)
    partial = Path(name)
    try:
        copies.copy(database_url, partial)
        os.link(partial, file)  # a rename would take the place of what came to be there meanwhile
    except FileExistsError as error:
        raise _taken(file) from error
    finally:
        for left in (partial, *(partial.with_name(partial.name + suffix) for suffix in engines.BESIDE)):
            left.unlink(missing_ok=True)
    _remember(file.parent)
    return file.stat().st_size


def _taken(file: Path) -> Conflict:
    return Conflict(f"{file} is there already, and a backup never overwrites: give another name.")


def restoring(file: Path) -> str:
    """Return, in one sentence, how `file` becomes the database again."""
    return (
        f"`hub restore {shlex.quote(str(file))}`, and by nothing else; the hub may serve meanwhile, "
        "and is closed then until `hub epoch open`."
    )


def _remember(folder: Path) -> None:
    """Let the new name survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
