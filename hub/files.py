"""Files and folders that nobody else of the machine may read, whatever the umask.

What is made here has its mode from the first moment on. What is there already stays as whoever made it wants
it: it is told (`exposed`), not changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_OTHERS: Final = 0o077  # what group and others may do


def make_folder(path: Path) -> None:
    """Make the folder, and those above it that are missing, each with mode 0700. Repeating is harmless."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        path.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(FOLDER_MODE)  # a umask may have taken the owner's own rights away


def create(path: Path) -> int:
    """Return the descriptor of a new, empty file with mode 0600, open for writing.

    Raises FileExistsError for a name that is taken, also by a link to nowhere.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)
    return descriptor


def ensure(path: Path) -> None:
    """Make an empty file with mode 0600 where there is none, in a folder that is made if need be."""
    make_folder(path.parent)
    try:
        os.close(create(path))
    except FileExistsError:
        return


def exposed(paths: Iterable[Path]) -> Iterator[tuple[Path, int]]:  # (hub/README: wide-files-told)
    """Give those of the files and folders that others than their owner may use, with the mode they have.

    What is missing, or cannot be looked at, is passed over.
    """
    for path in paths:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & _OTHERS:
            yield path, mode


def remedy(path: Path) -> str:
    """Return the command that takes a file or folder back from everybody else."""
    return f"chmod {FOLDER_MODE if path.is_dir() else FILE_MODE:o} {path}"
