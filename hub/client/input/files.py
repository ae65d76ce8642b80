"""Files of a member's that hold what others shared: their owner's alone, and never written through a link.

A link that somebody else has put there, in a folder that others may write to, would choose what is
overwritten.
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

_PRIVATE: Final = 0o600
_AT_MOST_BYTES: Final = 1_048_576


def append_to(path: Path) -> BinaryIO:
    """Return the file opened for appending, made with mode 0600 if there is none.

    Raises ClientError for a link and for what cannot be opened.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    return os.fdopen(_open(path, flags, "written"), "ab")


def read_small(path: Path) -> bytes | None:
    """Return what a file holds, None when there is none. Raises ClientError for a link, and above 1 MB."""
    try:
        descriptor = _open(path, os.O_RDONLY, "read")
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_AT_MOST_BYTES + 1)
    if len(data) > _AT_MOST_BYTES:
        raise ClientError(f"{path} is larger than any file that is expected here: name another file")
    return data


def replace(path: Path, data: bytes) -> None:
    """Let the file hold `data` alone, mode 0600, in one step; when this returns, it survives a power loss.

    Raises ClientError where the name is a link, and for what cannot be written.
    """
    if path.is_symlink():
        raise _is_link(path)
    temporary = path.with_name(path.name + ".new")
    with writing(path):
        # What a crash left behind, or somebody else has put there, is never written to.
        temporary.unlink(missing_ok=True)
        with os.fdopen(_open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, "written"), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what keeps a file from being written, a full disk for one, into a ClientError that names it."""
    try:
        yield
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror or error}") from error


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power loss, after files were made or replaced in it."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int, what: str) -> int:
    try:
        # Of a pipe nobody waits for the other end.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, _PRIVATE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _is_link(path) from error
        if error.errno == errno.ENOENT and not flags & os.O_CREAT:
            raise
        raise ClientError(f"{path} cannot be {what}: {error.strerror}") from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise ClientError(f"{path} is a directory, a pipe or a device: name a file")


def _is_link(path: Path) -> ClientError:
    return ClientError(f"{path} is a symbolic link, which is never followed here: name the file itself")
