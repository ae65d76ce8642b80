"""Objects that wait to be pushed: bodies in a file without a name, the place of each body in memory."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import SpooledTemporaryFile, gettempdir
from types import TracebackType
from typing import Final, Self

from hub.client.errors import ClientError
from hub.client.input.reading import Item, Role
from hub.model import Tlp

_IN_MEMORY_BYTES: Final = 32 * 1024 * 1024  # of all bodies together; further bodies go to disk


@dataclass(frozen=True, slots=True)
class SpooledItem:
    """An item with its body in a spool, `size` bytes from `offset`. All other fields are as in `Item`."""

    id: str
    size: int
    role: Role = Role.PART
    level: Tlp | None = None
    has_others: bool = False
    is_unmarked: bool = False
    names: tuple[str, ...] = ()
    offset: int = 0


class Spool:
    """A store for objects between reading and sending: each file is read once, at any size.

    Use a spool in a `with` statement. Its file on disk has no name, and ends with the process in every case.
    """

    def __init__(self) -> None:
        # A file without a name: objects up to RED must not remain on disk after a crash.
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed in __exit__
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, item: Item) -> SpooledItem:
        """Append the item's body and return its place. No body may have been read before.

        Raises ClientError when the disk is full.
        """
        size = len(item.body)
        piece = SpooledItem(
            id=item.id,
            size=size,
            role=item.role,
            level=item.level,
            has_others=item.has_others,
            is_unmarked=item.is_unmarked,
            names=item.names,
            offset=self._end,
        )
        # No seek before the write: `body` moves the position, so all writing comes first.
        try:
            self._file.write(item.body)
        except OSError as error:
            where = f"the folder for temporary files, {gettempdir()}"
            message = f"the objects cannot be kept in {where}, until they are sent: {error.strerror}"
            raise ClientError(f"{message}; make room there, or set TMPDIR to another") from error
        self._end += size
        return piece

    def body(self, piece: SpooledItem) -> bytes:
        """Return the body of a piece."""
        self._file.seek(piece.offset)
        return self._file.read(piece.size)
