"""Objects that wait to be pushed: their bodies in a file without a name, of each one its place in memory."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import SpooledTemporaryFile, gettempdir
from types import TracebackType
from typing import Final, Self

from hub.client.errors import ClientError
from hub.client.input.reading import Item, Role
from hub.model import Tlp

_IN_MEMORY_BYTES: Final = 32 * 1024 * 1024  # of all bodies together; beyond it they are on disk


@dataclass(frozen=True, slots=True)
class SpooledItem:
    """An item whose body waits in a spool, `size` bytes from `offset` on. The rest is as in `Item`."""

    id: str
    size: int
    role: Role = Role.PART
    level: Tlp | None = None
    has_others: bool = False
    is_unmarked: bool = False
    names: tuple[str, ...] = ()
    offset: int = 0


class Spool:
    """What was read and is yet to be sent, so that a file is read once and its size is no matter.

    Use it in a `with` statement: what is on disk has no name and is gone with the process, however that ends.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed in __exit__
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, item: Item) -> SpooledItem:
        """Keep the item's body at the end; return where. Nothing may have been read yet.

        Raises ClientError when the disk does not take it.
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
