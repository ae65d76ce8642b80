"""Files with data of other nations: readable by their owner alone, and never written through a link.

Where others may write to a folder, they could place a link there, and so choose the overwritten file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from hub.client.errors import ClientError

_PRIVATE: Final = 0o600  # mode: read and write for the owner
_AT_MOST_BYTES: Final = 1_048_576  # a state or a file of pins is far smaller


def append_to(path: Path) -> BinaryIO:
    """Return the file opened for appending, created with mode 0600 if absent.

    Raises ClientError for a link, and for a file that cannot be opened.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    return os.fdopen(_open(path, flags, "written"), "ab")


def read_small(path: Path) -> bytes | None:
    """Return the content of a file, None for no file. Raises ClientError for a link, and above 1 MB."""
    try:
        descriptor = _open(path, os.O_RDONLY, "read")
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_AT_MOST_BYTES + 1)  # one byte more shows that the file is too large
    if len(data) > _AT_MOST_BYTES:
        raise ClientError(f"{path} is larger than any file that is expected here: name another file")
    return data


def replace(path: Path, data: bytes) -> None:
    """Replace the file's content by `data` in one step, mode 0600. Afterwards `data` survives a power loss.

    Raises ClientError for a link, and for a file that cannot be written.
    """
    # `Path.replace` would replace the link itself, without a word to the user.
    if path.is_symlink():
        raise _is_link(path)
    temporary = path.with_name(path.name + ".new")
    with writing(path):
        # INVARIANT: O_EXCL creates the temporary file. A file or link of another user there is never written
        # to.
        temporary.unlink(missing_ok=True)
        with os.fdopen(_open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, "written"), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # Only after the fsync: a crash leaves the old content or the new content, whole.
        temporary.replace(path)
        sync_directory(path.parent)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError, for example a full disk, into a ClientError with the file's name."""
    try:
        yield
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror or error}") from error


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power loss, after a file was created or replaced."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int, what: str) -> int:
    try:
        # O_NONBLOCK: opening a pipe must not wait for another process.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, _PRIVATE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _is_link(path) from error
        if error.errno == errno.ENOENT and not flags & os.O_CREAT:  # `read_small` returns None then
            raise
        raise ClientError(f"{path} cannot be {what}: {error.strerror}") from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # the open file is checked, not the path
        return descriptor
    os.close(descriptor)
    raise ClientError(f"{path} is a directory, a pipe or a device: name a file")


def _is_link(path: Path) -> ClientError:
    return ClientError(f"{path} is a symbolic link, which is never followed here: name the file itself")
