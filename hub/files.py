"""Files and folders for the owner alone, whatever the umask.

New files and folders have the final mode from the first moment on. Existing ones keep the mode: `exposed`
reports a wide mode and changes nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_OTHERS: Final = 0o077  # the rights of group and others


def make_folder(path: Path) -> None:
    """Make the folder, and the missing folders above, each with mode 0700. Repeating is harmless."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    # A second process may make the folder at the same moment: an existing folder is then no error.
    try:
        path.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(FOLDER_MODE)  # a umask may have taken the owner's own rights away


def create(path: Path) -> int:
    """Return the descriptor of a new, empty file with mode 0600, open for writing.

    Raises FileExistsError for an existing name, also for a link to a missing file.
    """
    # INVARIANT: O_EXCL follows no link and opens no existing file, so nobody can prepare another target.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)
    return descriptor


def ensure(path: Path) -> None:
    """Make an empty file with mode 0600 if the file is missing, in a folder made on demand."""
    make_folder(path.parent)
    try:
        os.close(create(path))
    except FileExistsError:
        return


def exposed(paths: Iterable[Path]) -> Iterator[tuple[Path, int]]:  # (hub/README: wide-files-told)
    """Yield the files and folders with rights for group or others, and the mode of each.

    Missing and unreadable paths are skipped.
    """
    for path in paths:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & _OTHERS:
            yield path, mode


def remedy(path: Path) -> str:
    """Return the command to restrict a file or folder to its owner."""
    return f"chmod {FOLDER_MODE if path.is_dir() else FILE_MODE:o} {path}"
